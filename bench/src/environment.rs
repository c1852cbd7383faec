//! What is measured stands on names of its own: a folder that is gone afterwards, or topics,
//! keyspace and indices with a name of this run. Services run as processes of the product's binary,
//! which lies beside this one, so that nothing shares a process with what measures it.

use consign::{
    client::{Client, Endpoint},
    commands::Invocation,
    failure::Failure,
    settings::{LoadedSettings, LogKind, Settings},
    stack::{self, Stack, retry_with_patience},
};
use runtime::Clock;
use std::{
    net::TcpListener,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Which binary a process is started from.
#[derive(Clone, Copy, Debug)]
enum Program {
    /// `consign`.
    Product,
    /// This one: what is measured against, and parts of the product that it never runs alone.
    Own,
}

impl Program {
    fn path(self) -> Result<PathBuf, Failure> {
        let own = std::env::current_exe()?;
        match self {
            Self::Own => Ok(own),
            Self::Product => Some(own.with_file_name("consign"))
                .filter(|path| path.exists())
                .ok_or_else(|| {
                    Failure::usage(format!("there is no `consign` beside {}", own.display()))
                        .hint("cargo build --release --package consign --package bench")
                }),
        }
    }
}

pub struct BenchEnvironment {
    pub settings: Settings,
    flags: Vec<String>,
    config: Option<PathBuf>,
    children: Vec<Child>,
    /// Gone with the environment.
    _folder: tempfile::TempDir,
}

impl BenchEnvironment {
    /// `more`: settings of this measurement, as `key=value`.
    pub async fn make(invocation: Invocation<'_>, more: &[&str]) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("consign-bench").tempdir()?;
        let loaded: LoadedSettings = invocation.settings(&[])?;
        let run = format!("b{:x}", runtime::SystemClock.now());
        let mut flags: Vec<String> = invocation.shared.set.clone();
        flags.extend(more.iter().map(|flag| (*flag).to_owned()));
        flags.push(format!("data={}", folder.path().join("data").display()));
        flags.push(format!("topics.prefix={run}."));
        flags.push(format!("cassandra.keyspace=bench_{run}"));
        flags.push(format!("elasticsearch.prefix={run}."));
        if loaded.settings.secret.keyring()?.is_none() {
            flags.push("secret.value=a secret that only measurements use".to_owned());
        }
        let refs: Vec<&str> = flags.iter().map(String::as_str).collect();
        let settings =
            LoadedSettings::from_surroundings(invocation.shared.config.as_deref(), &refs)?.settings;
        let environment = Self {
            settings,
            flags,
            config: invocation.shared.config.clone(),
            children: Vec::new(),
            _folder: folder,
        };
        if !environment.is_embedded() {
            environment.prepare().await?;
        }
        Ok(environment)
    }

    pub fn is_embedded(&self) -> bool {
        self.settings.log.kind == LogKind::Embedded
    }

    pub fn on(&self) -> &'static str {
        if self.is_embedded() {
            "files"
        } else {
            "servers"
        }
    }

    /// Topics, tables and collections.
    pub async fn prepare(&self) -> Result<(), Failure> {
        let (stack, catalog) = (
            Stack::open(&self.settings).await?,
            stack::load_catalog(&self.settings)?,
        );
        let topics = stack.topics();
        retry_with_patience(PATIENCE, async || {
            Ok(stack.log.admin.create(&topics).await?)
        })
        .await?;
        let clock = runtime::SystemClock;
        let stores = async || {
            Ok(standalone::prepare::prepare_stores(
                &catalog,
                stack.record.as_ref(),
                stack.view(),
                &clock,
            )
            .await?)
        };
        retry_with_patience(PATIENCE, stores).await?;
        stack.close().await;
        Ok(())
    }

    /// A gateway and nothing that applies.
    pub async fn gateway(&mut self) -> Result<Client, Failure> {
        let url = if self.is_embedded() {
            self.listening(Program::Own, &["serve", "gateway"]).await?
        } else {
            self.service("gateway", "--listen").await?
        };
        self.ready(url).await
    }

    /// A gateway and a worker.
    pub async fn whole(&mut self) -> Result<Client, Failure> {
        let url = if self.is_embedded() {
            let dev = ["dev", "--listen", "127.0.0.1:0", "--json"];
            self.listening(Program::Product, &dev).await?
        } else {
            self.service("write-worker", "--admin").await?;
            self.service("gateway", "--listen").await?
        };
        self.ready(url).await
    }

    /// The floor for accepting.
    pub async fn floor(&mut self) -> Result<String, Failure> {
        self.listening(Program::Own, &["serve", "floor"]).await
    }

    /// The floor for WebSockets.
    pub async fn broadcast(&mut self) -> Result<String, Failure> {
        self.listening(Program::Own, &["serve", "broadcast"]).await
    }

    /// Ends what runs, the last first, and waits for it.
    pub async fn end(&mut self) -> Result<(), Failure> {
        while let Some(mut child) = self.children.pop() {
            if let Some(id) = child.id() {
                Command::new("kill").arg(id.to_string()).status().await?;
            }
            child.wait().await?;
        }
        Ok(())
    }

    /// Resident memory of the process that was started last, bytes.
    pub fn resident(&self) -> Result<u64, Failure> {
        let id = self
            .process()
            .ok_or_else(|| Failure::failed("nothing runs"))?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let kib = status.lines().find_map(|line| {
            line.strip_prefix("VmRSS:")?
                .split_whitespace()
                .next()?
                .parse::<u64>()
                .ok()
        });
        kib.map(|kib| kib * 1024)
            .ok_or_else(|| Failure::failed("its memory cannot be read"))
    }

    /// Of the process that was started last.
    pub fn process(&self) -> Option<u32> {
        self.children.last().and_then(Child::id)
    }

    fn command(&self, program: Program, arguments: &[&str]) -> Result<Command, Failure> {
        let mut command = Command::new(program.path()?);
        command
            .args(arguments)
            .stdin(Stdio::null())
            // Dead letters that a measurement makes are no news.
            .env("CONSIGN_LOG", "error,write_worker::apply::outcome=off")
            .kill_on_drop(true);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        for flag in &self.flags {
            command.arg("--set").arg(flag);
        }
        Ok(command)
    }

    /// Starts one whose first line says where it listens.
    async fn listening(&mut self, program: Program, arguments: &[&str]) -> Result<String, Failure> {
        let mut child = self
            .command(program, arguments)?
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child
            .stdout
            .take()
            .ok_or_else(|| Failure::failed("no output"))?;
        self.children.push(child);
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        told["listening"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Failure::failed(format!("`{}` does not start", arguments.join(" "))))
    }

    /// Starts a service on a port that was free a moment ago.
    async fn service(&mut self, name: &str, listen: &str) -> Result<String, Failure> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let child = self
            .command(Program::Product, &[name, listen, &address])?
            .stdout(Stdio::null())
            .spawn()?;
        self.children.push(child);
        Ok(format!("http://{address}"))
    }

    async fn ready(&self, url: String) -> Result<Client, Failure> {
        let client = Client::new(&Endpoint::at(url))?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match client.get("/readyz").await {
                Ok(answer) if answer.status == 200 => return Ok(client),
                Ok(answer) if Instant::now() > deadline => {
                    return Err(Failure::failed(format!("not ready: {}", answer.body)));
                }
                Err(failure) if Instant::now() > deadline => return Err(failure),
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// Processor time that a process has used.
pub fn processor_time(process: Option<u32>) -> Duration {
    // Its name may hold anything, so fields are counted from the end of that; ticks are hundredths
    // of a second on Linux, whatever its own are.
    let stat = process
        .and_then(|id| std::fs::read_to_string(format!("/proc/{id}/stat")).ok())
        .unwrap_or_default();
    let fields = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .skip(11)
        .take(2);
    Duration::from_millis(
        fields
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum::<u64>()
            * 10,
    )
}
