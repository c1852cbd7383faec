//! Consign as a test wants it: one process on embedded drivers, or gateways, workers and notifiers
//! of their own on real servers. Processes have names (`gateway-0`, `worker-1`, `notifier-0`,
//! `dev`) by which a test kills, freezes and starts them.

mod leftovers;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use testbed::{Addresses, ports, unique};

use crate::{
    client::Client,
    process::{Process, consign},
};
use leftovers::Leftovers;

/// How long a process may take until it is ready: debug builds on busy machines, servers that come
/// back.
pub const READY: Duration = Duration::from_secs(120);

/// Processes of one deployment; all killed when dropped, and what they made on shared servers with them.
#[derive(Debug)]
pub struct Cluster {
    processes: BTreeMap<String, Process>,
    started: BTreeMap<String, Start>,
    gateways: Vec<String>,
    folder: TempDir,
    leftovers: Option<Leftovers>,
    _ports: Vec<ports::Reservation>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.processes.clear();
        if let Some(leftovers) = &self.leftovers {
            leftovers.drop_all();
        }
    }
}

/// What is needed to start a process again as it was.
#[derive(Debug, Clone)]
struct Start {
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    /// `host:port` of its `/readyz`.
    health: String,
}

impl Cluster {
    /// `consign dev` on a folder of its own.
    ///
    /// # Errors
    /// If it does not become ready.
    pub async fn embedded() -> Result<Self> {
        Self::embedded_with(&[]).await
    }

    /// Likewise, with variables of its own.
    ///
    /// # Errors
    /// As [`embedded`](Self::embedded).
    pub async fn embedded_with(variables: &[(&str, &str)]) -> Result<Self> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables = variables.iter().map(own).collect();
        let mut cluster = Self::empty()?;
        let listen = cluster.address()?;
        let arguments = ["dev", "--data", "data", "--listen", &listen]
            .map(str::to_owned)
            .to_vec();
        cluster.gateways.push(format!("http://{listen}"));
        cluster
            .launch(
                "dev",
                Start {
                    arguments,
                    variables,
                    health: listen,
                },
            )
            .await?;
        Ok(cluster)
    }

    /// So many gateways and workers on real servers, with topics, keyspace and index prefix of
    /// their own.
    ///
    /// # Errors
    /// If the servers cannot be prepared or a process does not become ready.
    pub async fn on(servers: &Addresses, gateways: usize, workers: usize) -> Result<Self> {
        Self::with_settings(servers, gateways, workers, &[]).await
    }

    /// Likewise, with settings of all processes, as variables. Folders are looked for in the
    /// cluster's own.
    ///
    /// # Errors
    /// As [`on`](Self::on).
    pub async fn with_settings(
        servers: &Addresses,
        gateways: usize,
        workers: usize,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let own: Vec<_> = settings.iter().map(own).collect();
        Self::with_settings_for(servers, gateways, workers, |_| own.clone()).await
    }

    /// Likewise, with settings for each kind of process: `operator`, which prepares the servers,
    /// `gateway`, `write-worker` and `notifier`.
    ///
    /// # Errors
    /// As [`on`](Self::on).
    pub async fn with_settings_for(
        servers: &Addresses,
        gateways: usize,
        workers: usize,
        settings: impl Fn(&str) -> Vec<(String, String)>,
    ) -> Result<Self> {
        let mut cluster = Self::empty()?;
        let name = unique("system");
        let (keyspace, prefix) = (name.replace('-', "_"), format!("{name}."));
        cluster.leftovers = Leftovers::on_shared(servers, keyspace.clone(), prefix.clone());
        let variables: Vec<(String, String)> = [
            ("CONSIGN_LOG_KIND", "kafka".to_owned()),
            ("CONSIGN_RECORD_KIND", "cassandra".to_owned()),
            ("CONSIGN_VIEW_KIND", "elasticsearch".to_owned()),
            ("CONSIGN_KAFKA_BROKERS", servers.kafka.clone()),
            ("CONSIGN_CASSANDRA_NODES", servers.cassandra.clone()),
            ("CONSIGN_CASSANDRA_KEYSPACE", keyspace),
            (
                "CONSIGN_ELASTICSEARCH_URLS",
                format!("http://{}", servers.elasticsearch),
            ),
            ("CONSIGN_ELASTICSEARCH_PREFIX", prefix.clone()),
            ("CONSIGN_TOPICS_PREFIX", prefix),
            (
                "CONSIGN_SECRET_VALUE",
                "a secret that all processes of the test share".to_owned(),
            ),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let of = |kind: &str| -> Vec<(String, String)> {
            let mut all = variables.clone();
            for (name, value) in settings(kind) {
                all.retain(|(other, _)| *other != name);
                all.push((name, value));
            }
            all
        };
        // Servers that many share may be slow to answer.
        let migrate = ["catalog", "migrate", "--patience", "240"];
        for arguments in [&["topics", "create"][..], &migrate] {
            cluster.command(arguments, &of("operator"))?;
        }
        for n in 0..workers {
            cluster.worker(n, &of("write-worker")).await?;
        }
        for n in 0..gateways {
            let listen = cluster.address()?;
            cluster.gateways.push(format!("http://{listen}"));
            let arguments = vec!["gateway".to_owned()];
            let variables = with(&of("gateway"), "CONSIGN_GATEWAY_LISTEN", &listen);
            cluster
                .launch(
                    &format!("gateway-{n}"),
                    Start {
                        arguments,
                        variables,
                        health: listen,
                    },
                )
                .await?;
        }
        Ok(cluster)
    }

    fn empty() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("consign-system-")
            .tempdir()?;
        Ok(Self {
            processes: BTreeMap::new(),
            started: BTreeMap::new(),
            gateways: Vec::new(),
            folder,
            leftovers: None,
            _ports: Vec::new(),
        })
    }

    async fn worker(&mut self, n: usize, variables: &[(String, String)]) -> Result<()> {
        self.service("write-worker", &format!("worker-{n}"), variables)
            .await
    }

    /// A process that serves nothing but its health.
    async fn service(
        &mut self,
        command: &str,
        name: &str,
        variables: &[(String, String)],
    ) -> Result<()> {
        let admin = self.address()?;
        let variables = with(variables, "CONSIGN_ADMIN_LISTEN", &admin);
        self.launch(
            name,
            Start {
                arguments: vec![command.to_owned()],
                variables,
                health: admin,
            },
        )
        .await
    }

    /// One more worker, beside those that run.
    ///
    /// # Errors
    /// If it does not become ready.
    pub async fn add_worker(&mut self, n: usize) -> Result<()> {
        let like = self
            .started
            .get("worker-0")
            .context("there is no worker to be like")?
            .variables
            .clone();
        self.worker(n, &like).await
    }

    /// One more notifier, beside those that run.
    ///
    /// # Errors
    /// If it does not become ready.
    pub async fn add_notifier(&mut self, n: usize) -> Result<()> {
        let like = self
            .started
            .get("worker-0")
            .context("there is no worker to be like")?
            .variables
            .clone();
        self.service("notifier", &format!("notifier-{n}"), &like)
            .await
    }

    /// A notifier with settings of its own beside those of workers.
    ///
    /// # Errors
    /// If it does not become ready.
    pub async fn add_notifier_with(&mut self, n: usize, own: &[(String, String)]) -> Result<()> {
        let mut like = self
            .started
            .get("worker-0")
            .context("there is no worker to be like")?
            .variables
            .clone();
        like.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
        like.extend_from_slice(own);
        self.service("notifier", &format!("notifier-{n}"), &like)
            .await
    }

    /// `http://host:port` of each gateway.
    #[must_use]
    pub fn gateways(&self) -> &[String] {
        &self.gateways
    }

    /// A client of all gateways.
    ///
    /// # Errors
    /// If there is none.
    pub fn client(&self) -> Result<Arc<Client>> {
        Ok(Arc::new(Client::new(self.gateways.clone())?))
    }

    /// The process of that name.
    ///
    /// # Errors
    /// If there is none.
    pub fn process(&mut self, name: &str) -> Result<&mut Process> {
        self.processes
            .get_mut(name)
            .with_context(|| format!("there is no process `{name}`"))
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn kill9(&mut self, name: &str) -> Result<()> {
        self.process(name)?.kill9()
    }

    /// Starts a process again as it was, and waits until it is ready.
    ///
    /// # Errors
    /// If it does not become ready.
    pub async fn restart(&mut self, name: &str) -> Result<()> {
        let start = self
            .started
            .get(name)
            .with_context(|| format!("`{name}` was never started"))?
            .clone();
        self.launch(name, start).await
    }

    /// Runs a command of the binary to its end with the variables of a process; returns what it
    /// printed.
    ///
    /// # Errors
    /// If it fails.
    pub fn run(&self, like: &str, arguments: &[&str]) -> Result<String> {
        let start = self
            .started
            .get(like)
            .with_context(|| format!("`{like}` was never started"))?;
        self.command(arguments, &start.variables)
    }

    /// Runs a command of the binary to its end with the variables of a process; returns what it exited
    /// with, and its standard output.
    ///
    /// # Errors
    /// If it was killed.
    pub fn output(&self, like: &str, arguments: &[&str]) -> Result<(i32, String)> {
        let start = self
            .started
            .get(like)
            .with_context(|| format!("`{like}` was never started"))?;
        let variables = start.variables.iter();
        let output = consign()?
            .args(arguments)
            .envs(variables.map(|(name, value)| (name.as_str(), value.as_str())))
            .current_dir(self.folder.path())
            .output()?;
        let code = output.status.code().with_context(|| {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            format!("consign {} was killed: {told}", arguments.join(" "))
        })?;
        Ok((code, String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// The value of a variable that a process was started with.
    ///
    /// # Errors
    /// If it has none of that name.
    pub fn variable(&self, like: &str, name: &str) -> Result<String> {
        let start = self.started.get(like);
        let mut variables = start.into_iter().flat_map(|start| &start.variables);
        let found = variables.find(|(other, _)| other == name);
        let (_, value) = found.with_context(|| format!("`{like}` has no {name}"))?;
        Ok(value.clone())
    }

    /// One process on embedded drivers?
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        self.started.contains_key("dev")
    }

    /// Where it keeps its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str], variables: &[(String, String)]) -> Result<String> {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let output = consign()?
            .args(arguments)
            .envs(variables)
            .current_dir(self.folder.path())
            .output()?;
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        ensure!(
            output.status.success(),
            "consign {}: {}\n{text}",
            arguments.join(" "),
            output.status
        );
        Ok(text)
    }

    fn address(&mut self) -> Result<String> {
        let block = ports::reserve()?;
        let address = format!("127.0.0.1:{}", block.port(0));
        self._ports.push(block);
        Ok(address)
    }

    async fn launch(&mut self, name: &str, start: Start) -> Result<()> {
        let arguments: Vec<&str> = start.arguments.iter().map(String::as_str).collect();
        let variables: Vec<(&str, String)> = start
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        let process = Process::start(name, &arguments, &variables, self.folder.path())?;
        let health = Client::new(vec![format!("http://{}", start.health)])?;
        self.processes.insert(name.to_owned(), process);
        self.started.insert(name.to_owned(), start);
        let ready = health.ready(READY).await;
        ready.with_context(|| {
            self.processes
                .get(name)
                .map(Process::tail)
                .unwrap_or_default()
        })
    }
}

fn with(variables: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let others = variables.iter().filter(|(other, _)| other != name).cloned();
    others
        .chain([(name.to_owned(), value.to_owned())])
        .collect()
}
