//! A closed deployment of three gateways and two workers on real servers, its administrator, and a
//! load of writes that goes on.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex as StdMutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use system_tests::cluster::Cluster;
use testbed::{Proxy, Server, Servers};
use tokio::{sync::Mutex, task::JoinHandle};

pub const PASSWORD: &str = "correct horse battery";
pub const GATEWAYS: usize = 3;
/// The gateway that freezes or is cut off.
pub const LAST: usize = GATEWAYS - 1;
/// Behind the log, before the stores.
const SOON: Duration = Duration::from_millis(15);
/// A write of the load.
const PACE: Duration = Duration::from_millis(100);

/// When each write of the load began, by its number.
pub type WriteTimes = Arc<StdMutex<Vec<Instant>>>;

pub struct Deployment {
    cluster: Mutex<Cluster>,
    gateways: Vec<String>,
    http: Client,
    admin: String,
    link: Option<Proxy>,
    pub written: WriteTimes,
    failed_writes: Arc<AtomicU64>,
}

impl Deployment {
    pub async fn start() -> Result<Self> {
        Self::on(None).await
    }

    /// The last gateway reaches Cassandra by a link that can be cut.
    pub async fn with_a_cut_link() -> Result<Self> {
        let direct = Servers::shared().addresses().of(Server::Cassandra);
        Self::on(Some(Proxy::start(direct)?)).await
    }

    async fn on(link: Option<Proxy>) -> Result<Self> {
        let servers = Servers::shared().addresses();
        let asked = AtomicUsize::new(0);
        let through = link.as_ref().map(Proxy::address);
        let settings = |kind: &str| {
            let place = (kind == "gateway").then(|| asked.fetch_add(1, Ordering::Relaxed));
            let nodes = through.iter().filter(|_| place == Some(LAST));
            let nodes = nodes.map(|nodes| ("CONSIGN_CASSANDRA_NODES".to_owned(), nodes.clone()));
            nodes.collect()
        };
        let mut cluster = Cluster::with_settings_for(servers, GATEWAYS, 2, settings).await?;
        cluster.add_notifier(0).await?;
        let mut deployment = Self {
            gateways: cluster.gateways().to_vec(),
            cluster: Mutex::new(cluster),
            http: Client::builder().timeout(Duration::from_secs(60)).build()?,
            admin: String::new(),
            link,
            written: WriteTimes::default(),
            failed_writes: Arc::default(),
        };
        deployment.close().await?;
        Ok(deployment)
    }

    async fn close(&mut self) -> Result<()> {
        let local = json!({"username": "root", "password": PASSWORD});
        let first = json!({"content": {}, "credentials": {"local": local}});
        let path = "/_createFirstAdmin/root?reset=true";
        self.made((Method::POST, path), None, first).await?;
        self.admin = self.login("root").await?;
        let admin = Some(self.admin.clone());
        let admin = admin.as_deref();
        self.made((Method::POST, "/ix/_create"), admin, json!({}))
            .await?;
        self.made((Method::PUT, "/ix/co"), admin, json!({})).await?;
        let reader = super::victims::role(true);
        self.made((Method::PUT, "/roles/reader"), admin, reader)
            .await?;
        let profile = json!({"policies": [{"roleId": "reader"}]});
        self.made((Method::PUT, "/profiles/reader"), admin, profile)
            .await?;
        self.made(
            (Method::POST, "/ix/co/seen/_create"),
            admin,
            json!({"n": 0}),
        )
        .await?;
        Ok(())
    }

    pub fn url(&self, gateway: usize, path: &str) -> String {
        format!("{}{path}", self.gateways[gateway % GATEWAYS])
    }

    /// Status and answer.
    pub async fn ask(
        &self,
        gateway: usize,
        (method, path): (Method, &str),
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut request = self.http.request(method, self.url(gateway, path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request = match body {
            Some(body) => request.json(body),
            None => request.header("content-type", "application/json"),
        };
        let answer = request.send().await?;
        let status = answer.status();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    /// What must succeed; the result.
    pub async fn made(
        &self,
        (method, path): (Method, &str),
        token: Option<&str>,
        body: Value,
    ) -> Result<Value> {
        let asked = (method.clone(), path);
        let (status, mut told) = self.ask(0, asked, token, Some(&body)).await?;
        ensure!(status.is_success(), "{method} {path}: {status}: {told:#}");
        Ok(told["result"].take())
    }

    pub async fn by_admin(&self, asked: (Method, &str), body: Value) -> Result<Value> {
        self.made(asked, Some(&self.admin), body).await
    }

    pub fn admin(&self) -> &str {
        &self.admin
    }

    pub async fn login(&self, username: &str) -> Result<String> {
        let body = json!({"username": username, "password": PASSWORD});
        let told = self
            .made((Method::POST, "/_login/local"), None, body)
            .await?;
        let token = told["jwt"].as_str().context("no token")?;
        Ok(token.to_owned())
    }

    /// Writes at a pace until it is aborted.
    pub fn write_on(&self) -> JoinHandle<()> {
        let (http, admin) = (self.http.clone(), self.admin.clone());
        let urls: Vec<String> = (0..LAST)
            .map(|gateway| self.url(gateway, "/ix/co/_create"))
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

    pub fn cut(&self) {
        if let Some(link) = &self.link {
            link.cut();
        }
    }

    /// Until the last gateway serves again.
    pub async fn heal(&self) -> Result<()> {
        if let Some(link) = &self.link {
            link.restore();
        }
        let patience = Instant::now() + Duration::from_secs(120);
        loop {
            let asked = (Method::GET, "/_me");
            let told = self.ask(LAST, asked, Some(&self.admin), None).await;
            if told.is_ok_and(|(status, _)| status == StatusCode::OK) {
                return Ok(());
            }
            ensure!(
                Instant::now() < patience,
                "the last gateway does not come back"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub async fn kill_a_worker_soon(&self, n: usize) -> Result<()> {
        tokio::time::sleep(SOON).await;
        self.cluster.lock().await.kill9(&worker(n))
    }

    pub async fn restart_worker(&self, n: usize) -> Result<()> {
        self.cluster.lock().await.restart(&worker(n)).await
    }
}

fn worker(n: usize) -> String {
    format!("worker-{}", n % 2)
}
