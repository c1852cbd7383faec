//! A closed deployment of three gateways and two workers on real servers, its administrator, and a
//! load of writes that goes on.

use anyhow::{Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex as StdMutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use system_tests::{accounts::Accounts, cluster::Cluster};
use testbed::{Addresses, PrivateOptions, Proxy, Server, Servers};
use tokio::{sync::Mutex, task::JoinHandle};

pub const GATEWAYS: usize = 3;
/// The gateway that freezes or is cut off.
pub const LAST: usize = GATEWAYS - 1;
/// Behind the log, before the stores.
const SOON: Duration = Duration::from_millis(15);
/// A write of the load.
const PACE: Duration = Duration::from_millis(100);

/// The ways of the last gateway to its servers that can be cut.
#[derive(Default)]
struct Links {
    record: Option<Proxy>,
    /// With a Kafka of its own.
    log: Option<Servers>,
}

/// When each write of the load began, by its number.
pub type WriteTimes = Arc<StdMutex<Vec<Instant>>>;

pub struct Deployment {
    cluster: Mutex<Cluster>,
    pub accounts: Accounts,
    links: Links,
    pub written: WriteTimes,
    failed_writes: Arc<AtomicU64>,
}

impl Deployment {
    pub async fn start() -> Result<Self> {
        Self::on(Links::default()).await
    }

    /// The last gateway reaches Cassandra by a link that can be cut.
    pub async fn with_a_link_to_the_record() -> Result<Self> {
        Self::on(Links::new(false)?).await
    }

    /// Likewise Kafka; it has a spool, as all have.
    pub async fn with_links_to_all() -> Result<Self> {
        Self::on(Links::new(true)?).await
    }

    async fn on(links: Links) -> Result<Self> {
        let asked = AtomicUsize::new(0);
        let settings = |kind: &str| {
            let place = (kind == "gateway").then(|| asked.fetch_add(1, Ordering::Relaxed));
            let own = links.settings();
            own.into_iter()
                .filter(|_| place == Some(LAST))
                .chain(links.log.iter().flat_map(|_| spool()))
                .collect()
        };
        let servers = links.servers();
        let mut cluster = Cluster::with_settings_for(&servers, GATEWAYS, 2, settings).await?;
        cluster.add_notifier(0).await?;
        let deployment = Self {
            accounts: Accounts::close(cluster.gateways()).await?,
            cluster: Mutex::new(cluster),
            links,
            written: WriteTimes::default(),
            failed_writes: Arc::default(),
        };
        deployment.prepare().await?;
        Ok(deployment)
    }

    /// What the load writes into, and who may read it.
    async fn prepare(&self) -> Result<()> {
        let accounts = &self.accounts;
        let index = (Method::POST, "/ix/_create");
        accounts.by_admin(index, json!({})).await?;
        let collection = (Method::PUT, "/ix/co");
        accounts.by_admin(collection, json!({})).await?;
        accounts.allow("reader", super::victims::role(true)).await?;
        let seen = (Method::POST, "/ix/co/seen/_create");
        accounts.by_admin(seen, json!({"n": 0})).await?;
        Ok(())
    }

    /// Writes at a pace until it is aborted.
    pub fn write_on(&self) -> JoinHandle<()> {
        let (http, admin) = (
            self.accounts.http().clone(),
            self.accounts.admin().to_owned(),
        );
        let urls: Vec<String> = (0..LAST)
            .map(|gateway| self.accounts.url(gateway, "/ix/co/_create"))
            .collect();
        let (written, failed) = (self.written.clone(), self.failed_writes.clone());
        tokio::spawn(async move {
            for url in urls.iter().cycle() {
                let began = Instant::now();
                let number = {
                    let mut times = written.lock().unwrap_or_else(|poison| poison.into_inner());
                    times.push(began);
                    times.len()
                };
                let request = http
                    .post(url)
                    .bearer_auth(&admin)
                    .json(&json!({"n": number}));
                if request.send().await.is_err() {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(PACE.saturating_sub(began.elapsed())).await;
            }
        })
    }

    pub async fn freeze_last(&self) -> Result<()> {
        let mut cluster = self.cluster.lock().await;
        cluster.process(&format!("gateway-{LAST}"))?.stop()
    }

    pub async fn thaw_last(&self) -> Result<()> {
        let mut cluster = self.cluster.lock().await;
        cluster.process(&format!("gateway-{LAST}"))?.cont()
    }

    pub fn cut_from_the_record(&self) {
        if let Some(link) = &self.links.record {
            link.cut();
        }
    }

    pub fn cut_from_the_log(&self) {
        if let Some(link) = self.links.log.as_ref().and_then(Servers::kafka_link) {
            link.cut();
        }
    }

    /// Until the last gateway serves again.
    pub async fn heal(&self) -> Result<()> {
        let log = self.links.log.as_ref().and_then(Servers::kafka_link);
        for link in self.links.record.iter().chain(log) {
            link.restore();
        }
        let patience = Instant::now() + Duration::from_secs(120);
        while !self.last_has_read_on().await {
            ensure!(
                Instant::now() < patience,
                "the last gateway does not come back"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// Does it serve, and know what changed meanwhile? Whom it serves by a look at the record before
    /// that, it may yet hear of, and then trusts no more.
    async fn last_has_read_on(&self) -> bool {
        const UNREAD: &str = "consign_gateway_security_unread_seconds ";
        let (accounts, asked) = (&self.accounts, (Method::GET, "/_me"));
        let told = accounts
            .ask(LAST, asked, Some(accounts.admin()), None)
            .await;
        if !told.is_ok_and(|(status, _)| status == StatusCode::OK) {
            return false;
        }
        let request = self
            .accounts
            .http()
            .get(self.accounts.url(LAST, "/metrics"));
        let Ok(answer) = request.bearer_auth(self.accounts.admin()).send().await else {
            return false;
        };
        let text = answer.text().await.unwrap_or_default();
        let unread = text.lines().find_map(|line| line.strip_prefix(UNREAD));
        unread
            .and_then(|seconds| seconds.parse().ok())
            .is_some_and(|seconds: u64| seconds < 2)
    }

    pub async fn kill_a_worker_soon(&self, n: usize) -> Result<()> {
        tokio::time::sleep(SOON).await;
        self.cluster.lock().await.kill9(&worker(n))
    }

    pub async fn restart_worker(&self, n: usize) -> Result<()> {
        self.cluster.lock().await.restart(&worker(n)).await
    }
}

impl Links {
    fn new(to_all: bool) -> Result<Self> {
        let direct = Servers::shared().addresses().of(Server::Cassandra);
        let own = PrivateOptions {
            servers: vec![Server::Kafka],
            kafka_link: true,
            ..PrivateOptions::default()
        };
        Ok(Self {
            record: Some(Proxy::start(direct)?),
            log: to_all.then(|| Servers::private(&own)).transpose()?,
        })
    }

    fn servers(&self) -> Addresses {
        let shared = Servers::shared().addresses().clone();
        match &self.log {
            None => shared,
            Some(own) => Addresses {
                kafka: own.addresses().kafka.clone(),
                ..shared
            },
        }
    }

    /// By which its gateway takes them.
    fn settings(&self) -> Vec<(String, String)> {
        let record = self.record.as_ref();
        let log = self.log.as_ref().and_then(Servers::kafka_link);
        let record = record.map(|link| ("CONSIGN_CASSANDRA_NODES".to_owned(), link.address()));
        let log = log.map(|link| ("CONSIGN_KAFKA_BROKERS".to_owned(), link.address()));
        record.into_iter().chain(log).collect()
    }
}

fn spool() -> [(String, String); 2] {
    [
        ("CONSIGN_SPOOL_FOLDER", "spool"),
        ("CONSIGN_SPOOL_RESERVE_BYTES", "0"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn worker(n: usize) -> String {
    format!("worker-{}", n % 2)
}
