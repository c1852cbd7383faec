//! A pipeline in this process and on one thread, on files in a temporary folder: what a request
//! costs from its first byte to its answer. A client's part is a write and a read of raw bytes.

use event_schema::topics::Layout;
use gateway::{LocalFeedback, Ports};
use instruction_counts::workload::{self, COLLECTION, INDEX};
use prometheus::Registry;
use runtime::{Clock, Health, Shutdown, ShutdownTrigger, SystemClock};
use sealing::{MasterKeys, SubjectKeys};
use standalone::{
    folder::Folder,
    prepare::{prepare_stores, topic_specs},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use store::Collection;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// See the module's header.
pub struct CountedPipeline {
    pub folder: Folder,
    pub layout: Layout,
    _files: TempDir,
}

/// What runs behind the gateway.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum BehindGateway {
    Nothing,
    Worker,
}

/// Nothing grows old while it is counted, however slow the counting is.
#[derive(Debug)]
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> i64 {
        1_800_000_000_000
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(1_000)
    }
}

/// Everything that is async here runs on the one thread of this process.
pub fn on_one_thread<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread")
        .block_on(work)
}

impl CountedPipeline {
    /// Files alone; the workload's collection stands.
    pub async fn of_files() -> Self {
        let files = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::open(files.path().join("data"));
        let folder = folder.await.expect("the folder opens");
        let layout = Layout {
            prefix: String::new(),
            generation: 1,
            partitions: 1,
            document_limit: 1 << 20,
        };
        let catalog = catalog::Catalog::builtin().expect("the built-in catalog compiles");
        let created = folder.log.admin.create(&topic_specs(&layout)).await;
        assert!(created.expect("topics are made").is_empty());
        let (record, view) = (folder.record.as_ref(), folder.view.as_ref());
        let prepared = prepare_stores(&catalog, record, Some(view), &SystemClock).await;
        prepared.expect("tables are made");
        let pipeline = Self {
            folder,
            layout,
            _files: files,
        };
        pipeline.create_collection().await;
        pipeline
    }

    /// Starts a gateway and what is to be behind it.
    pub async fn serve(&self, behind: BehindGateway) -> RawConnection {
        let catalog = catalog::Catalog::builtin().expect("the built-in catalog compiles");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (trigger, shutdown) = Shutdown::manual();
        let feedback = LocalFeedback::default();
        if behind == BehindGateway::Worker {
            let ports = self.worker_ports(catalog.clone(), feedback.clone());
            let config = write_worker::Config::default();
            tokio::spawn(write_worker::run(config, ports, shutdown.clone()));
        }
        let ports = self.gateway_ports(catalog, feedback);
        tokio::spawn(gateway::run(
            gateway::Config::default(),
            listener,
            ports,
            shutdown,
        ));
        RawConnection::to(address, trigger).await
    }

    fn sealing(&self) -> SubjectKeys {
        let keys = self.folder.keys.clone();
        let masters = MasterKeys::derived(&keys);
        SubjectKeys::new(self.folder.record.clone(), keys, masters)
    }

    fn gateway_ports(&self, catalog: catalog::Catalog, feedback: LocalFeedback) -> Ports {
        let durability = event_log::Durability::Embedded;
        Ports {
            feedback,
            sealing: self.sealing(),
            log: self.folder.log.clone(),
            catalog: catalog.into(),
            catalog_source: None,
            record: self.folder.record.clone(),
            view: Some(self.folder.view.clone()),
            keys: self.folder.keys.clone(),
            layout: self.layout.clone(),
            clock: Arc::new(StandingClock),
            spool: None,
            durability: watch::channel(Some(durability)).1,
            health: Health::default(),
            registry: Registry::new(),
        }
    }

    fn worker_ports(
        &self,
        catalog: catalog::Catalog,
        feedback: LocalFeedback,
    ) -> write_worker::Ports {
        write_worker::Ports {
            feedback,
            sealing: self.sealing(),
            log: self.folder.log.clone(),
            catalog,
            record: self.folder.record.clone(),
            view: Some(self.folder.view.clone()),
            keys: self.folder.keys.clone(),
            layout: self.layout.clone(),
            clock: Arc::new(StandingClock),
            health: Health::default(),
            registry: Registry::new(),
            finished: write_worker::Finished::default(),
            owner: "counted".to_owned(),
        }
    }

    /// The workload's collection, as the stores keep it.
    pub fn collection() -> Collection {
        Collection {
            index: INDEX.to_owned(),
            collection: COLLECTION.to_owned(),
            incarnation: "counted0".to_owned(),
            mappings: Some(workload::mappings()),
            settings: None,
            specifications: None,
            created: 0,
            changing: None,
        }
    }

    async fn create_collection(&self) {
        let collection = Self::collection();
        let made = self.folder.record.create_collection(&collection).await;
        made.expect("the collection is made");
        let made = self.folder.view.create_collection(&collection).await;
        made.expect("the collection is made");
    }
}

/// A connection that is kept alive, as the services are for as long as it is.
pub struct RawConnection {
    stream: TcpStream,
    answer: Vec<u8>,
    _services: ShutdownTrigger,
}

impl RawConnection {
    async fn to(address: SocketAddr, services: ShutdownTrigger) -> Self {
        let stream = TcpStream::connect(address).await;
        let stream = stream.expect("the gateway listens");
        stream.set_nodelay(true).expect("a socket's option");
        Self {
            stream,
            answer: Vec::with_capacity(8 << 10),
            _services: services,
        }
    }

    /// Posts a body and reads the whole answer; its status. `headers`: lines of more.
    pub async fn post(&mut self, target: &str, headers: &str, body: &str) -> u16 {
        let head = format!(
            "POST {target} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        let request = [head.as_bytes(), body.as_bytes()].concat();
        let written = self.stream.write_all(&request).await;
        written.expect("the gateway reads");
        self.read_answer().await
    }

    async fn read_answer(&mut self) -> u16 {
        self.answer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.answer).await;
            assert_ne!(read.expect("the gateway answers"), 0, "it hung up");
            if let Some(status) = whole_answer(&self.answer) {
                return status;
            }
        }
    }
}

/// The status of an answer that is there to its end.
fn whole_answer(bytes: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    let is_whole = body.len() >= length.trim().parse().ok()?;
    is_whole.then(|| head.split(' ').nth(1)?.parse().ok())?
}
