//! An app builder: a gateway on an embedded log and store in a temporary folder, with a worker if
//! the test wants one.

use catalog::Catalog;
use event_log::{CleanupPolicy, Durability, Limits, Log, TopicSpec, embedded};
use event_schema::{
    codec::{self, Parts},
    envelope::Transaction,
    signing::Keyring,
    topics::{self, Cleanup, Layout, Topic},
};
use gateway::{Config, LocalFeedback, Ports};
use prometheus::Registry;
use reqwest::{Method, RequestBuilder, StatusCode};
use runtime::{Clock, Health, Shutdown, ShutdownTrigger, SystemClock};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use store::{Collection, Record, View};
use tokio::{sync::watch, task::JoinHandle};

pub const PARTITIONS: u16 = 4;

type WrapRecord = Box<dyn FnOnce(Arc<dyn Record>) -> Arc<dyn Record>>;

/// What a test wants.
pub struct Builder {
    pub config: Config,
    pub worker: bool,
    pub log: embedded::Options,
    /// Put in front of the log.
    pub wrap: Box<dyn FnOnce(Log) -> Log>,
    /// Put in front of the record store, for the gateway alone.
    pub wrap_record: WrapRecord,
    /// The gateway's clock.
    pub clock: Arc<dyn Clock>,
    pub keys: Keyring,
    /// What the log's acknowledgement means, once that is known.
    pub durability: watch::Receiver<Option<Durability>>,
    /// Is there a spool in front of the log? Where, and how it is kept.
    pub spool: Option<(std::path::PathBuf, spool::Config)>,
    /// The authority of the gateway's certificate, in PEM, if it has one of its own.
    pub over_tls: Option<String>,
    /// From where the gateway reads its catalog again.
    pub catalog_source: Option<Arc<dyn gateway::CatalogSource>>,
    pub catalog: Catalog,
    /// Do worker and gateway know that they are one process?
    pub are_one_process: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            worker: true,
            log: embedded::Options::default(),
            wrap: Box::new(|log| log),
            wrap_record: Box::new(|record| record),
            clock: Arc::new(SystemClock),
            keys: Keyring::new(1, *b"0123456789abcdef"),
            durability: watch::channel(Some(Durability::Embedded)).1,
            spool: None,
            over_tls: None,
            catalog_source: None,
            catalog: Catalog::builtin().unwrap(),
            are_one_process: false,
        }
    }
}

/// A gateway that runs.
pub struct App {
    pub address: SocketAddr,
    pub client: reqwest::Client,
    pub log: Log,
    pub record: Arc<dyn Record>,
    gateway_record: Arc<dyn Record>,
    gateway_clock: Arc<dyn Clock>,
    pub layout: Layout,
    pub keys: Keyring,
    durability: watch::Receiver<Option<Durability>>,
    pub spool: Option<Arc<spool::Spool>>,
    pub health: Health,
    pub gateway: Option<JoinHandle<Result<(), gateway::GatewayError>>>,
    pub trigger: ShutdownTrigger,
    shutdown: Shutdown,
    catalog: Catalog,
    catalog_source: Option<Arc<dyn gateway::CatalogSource>>,
    view: Arc<dyn View>,
    feedback: Option<LocalFeedback>,
    scheme: &'static str,
    _closes: ClosedAtEnd,
    folder: tempfile::TempDir,
}

/// Closes the log with the test: a process of hundreds of tests would run out of files.
struct ClosedAtEnd(Option<embedded::Handle>);

impl Drop for ClosedAtEnd {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            handle.close();
        }
    }
}

/// With a worker.
pub async fn app() -> App {
    Builder::default().start().await
}

/// Without one: nothing is ever applied.
pub async fn log_only() -> App {
    Builder {
        worker: false,
        ..Builder::default()
    }
    .start()
    .await
}

fn spec(layout: &Layout, topic: &Topic) -> TopicSpec {
    TopicSpec {
        name: layout.name(topic),
        partitions: layout.partitions(topic),
        cleanup: match topic.cleanup {
            Cleanup::ByOwner => CleanupPolicy::Keep,
            Cleanup::Age(millis) => CleanupPolicy::Age(millis),
            Cleanup::Compact => CleanupPolicy::Compact,
        },
        record_limit: layout.record_limit(topic),
        durable: topic.durable,
    }
}

pub fn layout() -> Layout {
    Layout {
        prefix: "t.".into(),
        generation: 1,
        partitions: PARTITIONS,
        document_limit: 1 << 20,
    }
}

pub fn spool_options(config: &spool::Config) -> spool::SpoolOptions {
    spool::SpoolOptions {
        limits: config.limits(),
        reserve: config.reserve_bytes,
        max_age: config.max_age(),
        tracked_topic: layout().name(&topics::TRANSACTIONS).into(),
        clock: Arc::new(SystemClock),
    }
}

impl Builder {
    pub async fn start(self) -> App {
        let folder = tempfile::tempdir().unwrap();
        let (real, handle) = embedded::open_log(&folder.path().join("log"), self.log).unwrap();
        let layout = layout();
        let specs: Vec<_> = topics::ALL
            .iter()
            .map(|topic| spec(&layout, topic))
            .collect();
        assert!(real.admin.create(&specs).await.unwrap().is_empty());
        let store = Arc::new(
            store_embedded::EmbeddedStore::open(store_embedded::Config::new(
                folder.path().join("store.sqlite"),
            ))
            .unwrap(),
        );
        let catalog = self.catalog;
        Record::migrate(store.as_ref(), catalog.tables())
            .await
            .unwrap();
        own_collections(&catalog, &store).await;
        let (trigger, shutdown) = Shutdown::manual();
        let log = (self.wrap)(real);
        let spool = self.spool.map(|(root, config)| {
            let opened = spool::SpoolFolder::open(&root, "t").unwrap();
            spool::Spool::new(opened, log.publisher.clone(), spool_options(&config))
        });
        let app = App {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            client: client(self.over_tls.as_deref()),
            scheme: self.over_tls.map_or("http", |_| "https"),
            log,
            spool,
            health: Health::default(),
            gateway_record: (self.wrap_record)(store.clone()),
            gateway_clock: self.clock,
            record: store.clone(),
            view: store,
            layout,
            keys: self.keys,
            durability: self.durability,
            gateway: None,
            trigger,
            shutdown,
            catalog,
            catalog_source: self.catalog_source,
            feedback: self.are_one_process.then(LocalFeedback::default),
            _closes: ClosedAtEnd(Some(handle)),
            folder,
        };
        if self.worker {
            app.worker();
        }
        app.serve(self.config).await
    }
}

fn client(authority: Option<&str>) -> reqwest::Client {
    let builder = reqwest::Client::builder();
    let builder = match authority {
        None => builder,
        Some(pem) => {
            builder.add_root_certificate(reqwest::Certificate::from_pem(pem.as_bytes()).unwrap())
        }
    };
    builder.build().unwrap()
}

async fn own_collections(catalog: &Catalog, store: &store_embedded::EmbeddedStore) {
    for own in catalog.collections() {
        let wanted = Collection {
            index: own.index.clone(),
            collection: own.collection.clone(),
            incarnation: "own00000".into(),
            mappings: Some(own.mappings.clone()),
            settings: Some(own.settings.clone()),
            created: 0,
            specifications: None,
            changing: None,
        };
        let stands = Record::create_collection(store, &wanted).await.unwrap();
        View::create_collection(store, &stands).await.unwrap();
    }
}

impl App {
    async fn serve(mut self, config: Config) -> Self {
        let listener = tokio::net::TcpListener::bind((config.listen.ip(), 0)).await;
        let listener = listener.unwrap();
        let port = listener.local_addr().unwrap().port();
        self.address = SocketAddr::from(([127, 0, 0, 1], port));
        let ports = self.ports();
        self.gateway = Some(tokio::spawn(gateway::run(
            config,
            listener,
            ports,
            self.shutdown.clone(),
        )));
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self
            .get("/healthz")
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            assert!(
                Instant::now() < deadline,
                "the gateway did not start: {:?}",
                self.gateway
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self
    }

    /// Where everything is kept.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// As the command does it.
    pub async fn erase(&self, subject: &str) -> sealing::ErasedSubject {
        let subjects = [subject.to_owned()];
        self.sealing().erase(&subjects, 1).await.unwrap().outcomes[0]
    }

    /// The keys of subjects, as each process holds them.
    pub fn sealing(&self) -> sealing::SubjectKeys {
        let masters = sealing::MasterKeys::derived(&self.keys);
        sealing::SubjectKeys::new(self.record.clone(), self.keys.clone(), masters)
    }

    pub fn ports(&self) -> Ports {
        Ports {
            feedback: self.feedback.clone().unwrap_or_default(),
            sealing: self.sealing(),
            log: self.log.clone(),
            catalog: self.catalog.clone().into(),
            catalog_source: self.catalog_source.clone(),
            record: self.gateway_record.clone(),
            view: Some(self.view.clone()),
            keys: self.keys.clone(),
            layout: self.layout.clone(),
            clock: self.gateway_clock.clone(),
            spool: self.spool.clone(),
            durability: self.durability.clone(),
            health: self.health.clone(),
            registry: Registry::new(),
        }
    }

    /// A second gateway on the same log and stores.
    pub async fn sibling(&self, config: Config) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(gateway::run(
            config,
            listener,
            Ports {
                spool: None,
                health: Health::default(),
                ..self.ports()
            },
            self.shutdown.clone(),
        ));
        tokio::time::sleep(Duration::from_millis(200)).await;
        address
    }

    /// Starts a worker, now or later.
    pub fn worker(&self) {
        self.worker_until(self.shutdown.clone());
    }

    /// Likewise, until then.
    pub fn worker_until(&self, shutdown: Shutdown) -> JoinHandle<()> {
        let ports = write_worker::Ports {
            feedback: self.feedback.clone().unwrap_or_default(),
            sealing: self.sealing(),
            log: self.log.clone(),
            catalog: self.catalog.clone(),
            record: self.record.clone(),
            view: Some(self.view.clone()),
            keys: self.keys.clone(),
            layout: self.layout.clone(),
            clock: Arc::new(SystemClock),
            health: self.health.clone(),
            registry: Registry::new(),
            finished: write_worker::Finished::default(),
            owner: "worker-1".into(),
        };
        tokio::spawn(async move {
            let ended = write_worker::run(write_worker::Config::default(), ports, shutdown).await;
            drop(ended);
        })
    }

    /// Starts a notifier.
    pub fn notifier(&self, name: &str) {
        let ports = notifier_worker::Ports {
            log: self.log.clone(),
            layout: self.layout.clone(),
            clock: Arc::new(SystemClock),
            health: self.health.clone(),
            registry: Registry::new(),
            notifier: name.to_owned(),
        };
        tokio::spawn(notifier_worker::run(
            notifier_worker::Config::default(),
            ports,
            self.shutdown.clone(),
        ));
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.request(Method::POST, self.url(path)).json(body)
    }

    /// Makes `geo/cities`.
    pub async fn cities(&self) {
        let mappings = json!({"mappings": {"properties": {"name": {"type": "keyword"}, "population": {"type": "long"}, "location": {"type": "geo_point"}}}});
        let answer = self
            .client
            .put(self.url("/v1/collections/geo/cities"))
            .json(&mappings)
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
    }

    /// Everything in a partition's `transactions`, decoded.
    pub async fn events(&self) -> Vec<Transaction> {
        let topic = self.layout.name(&topics::TRANSACTIONS);
        let mut events = Vec::new();
        for partition in 0..PARTITIONS {
            let end = self.log.admin.offsets(&topic, partition).await.unwrap().end;
            let mut from = 0;
            while from < end {
                let limits = Limits {
                    records: 1_000_000,
                    bytes: 64 << 20,
                };
                let records = self
                    .log
                    .reader
                    .read(&topic, partition, from, end, limits, Duration::from_secs(5))
                    .await
                    .unwrap();
                let Some(last) = records.last() else { break };
                from = last.offset + 1;
                let decoded = records.into_iter().map(|r| {
                    codec::decode_transaction(&Parts {
                        key: r.key,
                        value: r.value,
                        headers: r.headers,
                    })
                    .unwrap()
                });
                events.extend(decoded);
            }
        }
        events
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.trigger.hard();
    }
}

pub fn city(id: &str, name: &str) -> Value {
    json!({"index": "geo", "collection": "cities", "_id": id, "body": {"name": name, "population": 7}})
}

/// Status, headers and JSON of an answer.
pub async fn told(request: RequestBuilder) -> (StatusCode, reqwest::header::HeaderMap, Value) {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    let json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{status}: {e}: {text}"));
    (status, headers, json)
}

/// A problem document with this status and code.
pub async fn problem(request: RequestBuilder, status: u16, code: &str) -> Value {
    let (found, headers, json) = told(request).await;
    assert_eq!(
        (found.as_u16(), json["code"].as_str()),
        (status, Some(code)),
        "{json:#}"
    );
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(json["status"], status);
    assert_eq!(json["type"], format!("/docs/errors/{code}"));
    json
}
