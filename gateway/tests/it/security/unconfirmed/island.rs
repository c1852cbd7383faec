//! A gateway that can be cut off from log and record store, another one and a worker that cannot.

use super::super::{allow, answer, close, ok, user, with};
use crate::{
    harness::{App, Builder},
    slow_record::{LookUps, SlowRecord},
};
use catalog::Catalog;
use event_log::{
    Delivery, DeliverySender, Limits, Log, NewRecord, PartitionStream, Publisher, Record,
    SendError, StreamError,
    consumer::{From, Reader},
};
use gateway::{Config, Ports};
use parking_lot::Mutex;
use runtime::{Health, Shutdown, ShutdownTrigger, SystemClock};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

pub const STALE: (u16, &str) = (503, "security_stale");
const PATIENCE: Duration = Duration::from_secs(20);

/// A log that one gateway cannot reach: what it is handed waits, and what is read waits, too.
struct Cut {
    publisher: Arc<dyn Publisher>,
    reader: Arc<dyn Reader>,
    writing: AtomicBool,
    reading: AtomicBool,
    waiting: Mutex<Vec<(NewRecord, DeliverySender)>>,
}

impl Cut {
    fn mend(&self) {
        self.reading.store(false, Ordering::SeqCst);
        let mut waiting = self.waiting.lock();
        self.writing.store(false, Ordering::SeqCst);
        for (record, sender) in waiting.drain(..) {
            let delivery = self.publisher.send(record).unwrap();
            delivery.observe(Box::new(|outcome| sender.send(outcome)));
        }
    }
}

#[async_trait::async_trait]
impl Publisher for Cut {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let mut waiting = self.waiting.lock();
        if !self.writing.load(Ordering::SeqCst) {
            return self.publisher.send(record);
        }
        let (sender, delivery) = Delivery::pair();
        waiting.push((record, sender));
        Ok(delivery)
    }
    async fn flush(&self, _: Duration) -> usize {
        0
    }
    fn healthy(&self) -> bool {
        !self.writing.load(Ordering::SeqCst)
    }
}

struct CutReader(Arc<Cut>);

struct CutStream {
    inner: Box<dyn PartitionStream>,
    cut: Arc<Cut>,
    read: Option<Result<Vec<Record>, StreamError>>,
}

#[async_trait::async_trait]
impl PartitionStream for CutStream {
    async fn next(&mut self, limits: Limits) -> Result<Vec<Record>, StreamError> {
        if self.read.is_none() {
            self.read = Some(self.inner.next(limits).await);
        }
        while self.cut.reading.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.read.take().unwrap()
    }
    fn end(&self) -> u64 {
        self.inner.end()
    }
}

#[async_trait::async_trait]
impl Reader for CutReader {
    async fn tail(
        &self,
        topic: &str,
        partition: u16,
        from: From,
    ) -> Result<Box<dyn PartitionStream>, StreamError> {
        let inner = self.0.reader.tail(topic, partition, from).await?;
        let (cut, read) = (self.0.clone(), None);
        Ok(Box::new(CutStream { inner, cut, read }))
    }
    async fn read(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        until: u64,
        limits: Limits,
        wait: Duration,
    ) -> Result<Vec<Record>, StreamError> {
        let read = self
            .0
            .reader
            .read(topic, partition, from, until, limits, wait);
        read.await
    }
}

/// One gateway that can be cut off, with a spool; beside it another one and a worker that cannot.
pub struct Island {
    pub app: App,
    cut: Arc<Cut>,
    record: Arc<LookUps>,
    /// The other gateway.
    pub mainland: SocketAddr,
    pub admin: String,
    trigger: ShutdownTrigger,
    _spool: tempfile::TempDir,
}

impl Drop for Island {
    fn drop(&mut self) {
        self.trigger.hard();
    }
}

fn worker(app: &App, log: &Log, catalog: Catalog, shutdown: Shutdown) {
    let ports = write_worker::Ports {
        feedback: write_worker::LocalFeedback::default(),
        sealing: app.sealing(),
        log: log.clone(),
        catalog,
        record: app.record.clone(),
        view: app.ports().view,
        keys: app.keys.clone(),
        layout: app.layout.clone(),
        clock: Arc::new(SystemClock),
        health: Health::default(),
        registry: prometheus::Registry::new(),
        finished: write_worker::Finished::default(),
        owner: "worker-1".into(),
    };
    tokio::spawn(write_worker::run(
        write_worker::Config::default(),
        ports,
        shutdown,
    ));
}

async fn mainland(app: &App, log: &Log, shutdown: Shutdown) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let ports = Ports {
        log: log.clone(),
        record: app.record.clone(),
        spool: None,
        health: Health::default(),
        ..app.ports()
    };
    tokio::spawn(gateway::run(Config::default(), listener, ports, shutdown));
    address
}

pub async fn island() -> Island {
    island_of(Catalog::builtin().unwrap()).await
}

/// Likewise, where all work by this catalog.
pub async fn island_of(catalog: Catalog) -> Island {
    let spool = tempfile::tempdir().unwrap();
    let (record, (give, given)) = (Arc::<LookUps>::default(), std::sync::mpsc::sync_channel(1));
    let look_ups = record.clone();
    let quick = spool::Config {
        after_millis: 50,
        reserve_bytes: 0,
        ..spool::Config::default()
    };
    let builder = Builder {
        worker: false,
        catalog: catalog.clone(),
        wrap: Box::new(move |log: Log| {
            let cut = Arc::new(Cut {
                publisher: log.publisher.clone(),
                reader: log.reader.clone(),
                writing: AtomicBool::default(),
                reading: AtomicBool::default(),
                waiting: Mutex::default(),
            });
            give.send((log.clone(), cut.clone())).unwrap();
            Log {
                reader: Arc::new(CutReader(cut.clone())),
                publisher: cut,
                ..log
            }
        }),
        wrap_record: Box::new(move |record| Arc::new(SlowRecord(record, look_ups))),
        durability: tokio::sync::watch::channel(Some(event_log::Durability::Logged)).1,
        spool: Some((spool.path().to_owned(), quick)),
        ..Builder::default()
    };
    let app = builder.start().await;
    let (log, cut) = given.recv().unwrap();
    let (trigger, shutdown) = Shutdown::manual();
    worker(&app, &log, catalog, shutdown.clone());
    let mainland = mainland(&app, &log, shutdown).await;
    let admin = close(&app).await;
    Island {
        app,
        cut,
        record,
        mainland,
        admin,
        trigger,
        _spool: spool,
    }
}

pub fn document(name: &str) -> Value {
    json!({"index": "ix", "collection": "co", "body": {"name": name}})
}

pub const CREATE: &str = "/v1/operations/document.create";

impl Island {
    pub async fn writer(&self) -> String {
        let create = json!({
            "document": allow(&["create", "update", "delete", "mCreate", "mUpdate", "mDelete", "get"]),
            "bulk": allow(&["import", "write", "deleteByQuery"]),
            "realtime": allow(&["publish"]),
            "auth": allow(&["refreshToken"]),
        });
        let here = json!([{"index": "ix", "collections": ["co"]}]);
        let token = user(&self.app, &self.admin, "writer", create, here).await;
        self.known(&token).await;
        token
    }

    /// May write many documents at once and in bulk, and none by itself.
    pub async fn only_many(&self) -> String {
        let many = json!({"document": allow(&["mCreate"]), "bulk": allow(&["write"])});
        let here = json!([{"index": "ix", "collections": ["co"]}]);
        let token = user(&self.app, &self.admin, "importer", many, here).await;
        let body = json!({"name": "before"});
        ok(&self.app, "POST", "/ix/co/_write", Some(&token), Some(body)).await;
        token
    }

    /// The gateway knows whoever shows this, and the collection.
    pub async fn known(&self, token: &str) {
        let (status, _, told) = self.write(token, "before").await;
        assert_eq!(status, 202, "{told:#}");
        assert!(told.get("confirmed").is_none(), "{told:#}");
    }

    pub async fn write(&self, token: &str, name: &str) -> (u16, String, Value) {
        let body = document(name);
        answer(with(&self.app, "POST", CREATE, Some(token), Some(&body))).await
    }

    pub async fn on_mainland(
        &self,
        verb: &str,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> u16 {
        let method = reqwest::Method::from_bytes(verb.as_bytes()).unwrap();
        let url = format!("http://{}{path}", self.mainland);
        let request = self.app.client.request(method, url).bearer_auth(token);
        let request = match body {
            Some(body) => request.json(body),
            None => request.header("content-type", "application/json"),
        };
        request.send().await.unwrap().status().as_u16()
    }

    /// The gateway reaches neither. `reading`: nor does it hear what is in the log.
    pub async fn cut_off(&self, reading: bool) {
        self.record.be_away(true);
        self.cut.reading.store(reading, Ordering::SeqCst);
        self.cut.writing.store(true, Ordering::SeqCst);
        // Until its lease is over.
        let until = Instant::now() + PATIENCE;
        while self.read(&self.admin).await != (STALE.0, STALE.1.to_owned()) {
            assert!(Instant::now() < until, "it still believes what it knew");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn read(&self, token: &str) -> (u16, String) {
        let read = with(&self.app, "GET", "/v1/collections", Some(token), None);
        let (status, code, _) = answer(read).await;
        (status, code)
    }

    pub fn mend(&self) {
        self.record.be_away(false);
        self.cut.mend();
    }

    /// Writes, and is told that nobody was asked.
    pub async fn taken(&self, token: &str) -> String {
        let (status, _, told) = self.write(token, "meanwhile").await;
        assert_eq!(status, 202, "{told:#}");
        assert_eq!(
            (&told["status"], &told["durability"], &told["confirmed"]),
            (&json!("accepted"), &json!("spooled"), &json!(false)),
            "{told:#}"
        );
        told["request_id"].as_str().unwrap().to_owned()
    }

    pub async fn verdict(&self, request: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        let path = format!("/v1/requests/{request}");
        loop {
            let shown = with(&self.app, "GET", &path, Some(&self.admin), None);
            let (status, _, told) = answer(shown).await;
            let is_open = matches!(
                told["status"].as_str(),
                Some("queued" | "accepted" | "applying")
            );
            if status == 200 && !is_open {
                return told;
            }
            assert!(Instant::now() < until, "{status}: {told:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn is_applied(&self, request: &str) {
        let told = self.verdict(request).await;
        assert_eq!(told["status"], "applied", "{told:#}");
    }

    pub async fn is_revoked(&self, request: &str) {
        let told = self.verdict(request).await;
        assert_eq!(told["status"], "refused", "{told:#}");
        assert!(told.to_string().contains(r#""code":"revoked""#), "{told:#}");
    }
}
