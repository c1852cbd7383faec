//! The fleet that is tortured: `consign dev` on files, services of its own on given servers with
//! proxies before them, or gateways that run already. Carries faults out and mends them; must never
//! hurt a process that it did not start.

mod link;
mod preparation;
mod process;
mod view;

use crate::plan::{Fault, FleetShape};
use anyhow::{Context, Result, ensure};
use link::{FaultyLink, Flow};
use parking_lot::Mutex as ShortMutex;
use preparation::{folders_variable, free_address, service_options, write_catalog};
use process::{FleetProcess, StartOptions, program_command};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::sleep,
};
use view::RefusingView;

/// Within this time a process whose disk was full is ready again.
const USABLE_AGAIN: Duration = Duration::from_secs(30);
/// The variable of the setting by which gateways have a spool on files.
const SPOOL_FOLDER: &str = "CONSIGN_SPOOL_FOLDER";
/// The turn of whatever takes servers away, or needs them.
const SERVERS: &str = "servers";

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub enum FleetKind {
    /// One process on files in a folder of its own.
    Embedded,
    /// Processes of its own on servers that are there.
    OnServers(ServerFleet),
    /// Gateways that run already: they are only written to.
    Given(Vec<String>),
}

/// Processes on servers: how many, and how they are told where the servers are.
#[derive(Debug, Clone, Default)]
pub struct ServerFleet {
    pub gateways: usize,
    pub workers: usize,
    pub notifiers: usize,
    /// Settings of all processes, as variables. Prefixes and the keyspace are put over them.
    pub variables: Vec<(String, String)>,
    /// Proxies by which brokers are reached: they must listen where the brokers say that they are.
    pub kafka: Vec<ServerLink>,
    /// `host:port` of the one Cassandra node, to be reached by a proxy.
    pub cassandra: Option<String>,
    /// `http://host:port` of the one Elasticsearch node, to be reached by a proxy.
    pub elasticsearch: Option<String>,
    pub servers: Vec<ServerCommands>,
}

/// A proxy's place and where it leads to, `host:port` each.
#[derive(Debug, Clone)]
pub struct ServerLink {
    pub listen: String,
    pub target: String,
}

/// A server that may be taken away, and the shell commands that do it.
#[derive(Debug, Clone)]
pub struct ServerCommands {
    pub name: String,
    pub down: String,
    pub up: String,
}

/// A running fleet; its processes end when it is dropped.
#[derive(Debug)]
pub struct Fleet {
    program: PathBuf,
    folder: PathBuf,
    http: reqwest::Client,
    gateways: Vec<String>,
    processes: BTreeMap<String, Mutex<FleetProcess>>,
    links: BTreeMap<String, FaultyLink>,
    servers: BTreeMap<String, ServerCommands>,
    view: Option<RefusingView>,
    /// Processes that stand on files.
    disks: Vec<String>,
    /// How a guest worker is started.
    guest: Option<Vec<(String, String)>>,
    guests: AtomicUsize,
    /// By process, and one for all servers: held from the beginning of a fault to its end.
    turns: BTreeMap<String, Mutex<()>>,
    remarks: ShortMutex<Vec<String>>,
}

impl Fleet {
    /// Starts it in that folder and waits until it is ready.
    ///
    /// # Errors
    /// If something does not start.
    pub async fn start(program: &Path, folder: &Path, kind: FleetKind) -> Result<Self> {
        let mut fleet = Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            http: reqwest::Client::new(),
            gateways: Vec::new(),
            processes: BTreeMap::new(),
            links: BTreeMap::new(),
            servers: BTreeMap::new(),
            view: None,
            disks: Vec::new(),
            guest: None,
            guests: AtomicUsize::new(0),
            turns: BTreeMap::from([(SERVERS.to_owned(), Mutex::default())]),
            remarks: ShortMutex::default(),
        };
        let operations = folder.join("operations");
        match kind {
            FleetKind::Given(gateways) => {
                fleet.gateways = gateways;
                return Ok(fleet);
            }
            FleetKind::Embedded => {
                write_catalog(&operations)?;
                fleet.start_embedded(&operations)?;
            }
            FleetKind::OnServers(options) => {
                write_catalog(&operations)?;
                fleet.start_on_servers(options, &operations).await?;
            }
        }
        fleet.ready().await?;
        Ok(fleet)
    }

    fn start_embedded(&mut self, operations: &Path) -> Result<()> {
        let listen = free_address()?;
        let arguments = ["dev", "--data", "data", "--listen", &listen];
        self.gateways.push(format!("http://{listen}"));
        self.disks.push("dev".to_owned());
        self.launch_process(StartOptions {
            name: "dev".to_owned(),
            arguments: arguments.map(str::to_owned).to_vec(),
            variables: vec![folders_variable(operations)],
            health: listen,
        })
    }

    async fn start_on_servers(&mut self, options: ServerFleet, operations: &Path) -> Result<()> {
        let name = format!("torture{:08x}", runtime::random::<u32>());
        let mut variables = options.variables;
        variables.extend([
            ("CONSIGN_TOPICS_PREFIX".to_owned(), format!("{name}.")),
            ("CONSIGN_CASSANDRA_KEYSPACE".to_owned(), name.clone()),
            (
                "CONSIGN_ELASTICSEARCH_PREFIX".to_owned(),
                format!("{name}."),
            ),
            (
                "CONSIGN_SECRET_VALUE".to_owned(),
                format!("{name}, known to all of its processes"),
            ),
            folders_variable(operations),
        ]);
        let mut brokers = Vec::new();
        for (number, link) in options.kafka.iter().enumerate() {
            let opened = FaultyLink::open(&link.listen, &link.target).await?;
            brokers.push(opened.address.clone());
            self.links.insert(format!("kafka-{number}"), opened);
        }
        if !brokers.is_empty() {
            variables.push(("CONSIGN_KAFKA_BROKERS".to_owned(), brokers.join(",")));
        }
        if let Some(node) = &options.cassandra {
            let opened = FaultyLink::open("127.0.0.1:0", node).await?;
            variables.push(("CONSIGN_CASSANDRA_NODES".to_owned(), opened.address.clone()));
            self.links.insert("cassandra".to_owned(), opened);
        }
        if let Some(url) = &options.elasticsearch {
            let target = url.trim_start_matches("http://").trim_end_matches('/');
            let opened = FaultyLink::open("127.0.0.1:0", target).await?;
            let through = format!("http://{}", opened.address);
            variables.push(("CONSIGN_ELASTICSEARCH_URLS".to_owned(), through));
            self.links.insert("elasticsearch".to_owned(), opened);
            self.view = Some(RefusingView::new(url, &format!("{name}.")));
        }
        for commands in options.servers {
            self.servers.insert(commands.name.clone(), commands);
        }
        for arguments in [["topics", "create"], ["catalog", "migrate"]] {
            self.run_command(&arguments, &variables).await?;
        }
        // What a gateway writes down is its spool.
        if variables.iter().any(|(name, _)| name == SPOOL_FOLDER) {
            let gateways = (0..options.gateways).map(|number| format!("gateway-{number}"));
            self.disks.extend(gateways);
        }
        let services = [
            ("worker", "write-worker", options.workers),
            ("notifier", "notifier", options.notifiers),
            ("gateway", "gateway", options.gateways),
        ];
        for (name, service, count) in services {
            for number in 0..count {
                self.launch_process(service_options(
                    &format!("{name}-{number}"),
                    service,
                    &variables,
                )?)?;
            }
        }
        self.guest = Some(variables);
        Ok(())
    }

    fn launch_process(&mut self, options: StartOptions) -> Result<()> {
        if options.name.starts_with("gateway") {
            self.gateways.push(format!("http://{}", options.health));
        }
        let name = options.name.clone();
        let process = FleetProcess::start(&self.program, &self.folder, options)?;
        self.turns.insert(name.clone(), Mutex::default());
        self.processes.insert(name, Mutex::new(process));
        Ok(())
    }

    /// `http://host:port` of each gateway.
    #[must_use]
    pub fn gateways(&self) -> &[String] {
        &self.gateways
    }

    /// What of it can be hurt.
    #[must_use]
    pub fn shape(&self) -> FleetShape {
        FleetShape {
            processes: self.processes.keys().cloned().collect(),
            links: self.links.keys().cloned().collect(),
            servers: self.servers.keys().cloned().collect(),
            has_guests: self.guest.is_some(),
            has_view: self.view.is_some(),
            disks: self.disks.clone(),
        }
    }

    /// Waits until a fault may begin: nothing is hurt in two ways at once. A process may take longer to
    /// end than was planned for, and a server to come back; the guard is kept until it is.
    pub async fn turn(&self, fault: &Fault) -> Option<MutexGuard<'_, ()>> {
        let target = match fault {
            Fault::Outage { .. } | Fault::OutageOfAll { .. } | Fault::Refusals => SERVERS,
            _ => fault.process()?,
        };
        Some(self.turns.get(target)?.lock().await)
    }

    /// Does a fault to it.
    ///
    /// # Errors
    /// If it cannot be done.
    pub async fn begin(&self, fault: &Fault) -> Result<()> {
        match fault {
            Fault::Kill { process } => self.find_process(process)?.lock().await.kill9().await,
            Fault::Terminate { process } => {
                let mut process = self.find_process(process)?.lock().await;
                if let Err(error) = process.terminate().await {
                    // It ends one way or the other; that it did not by itself is worth a word.
                    self.remark(format!("{error:#}"));
                    process.kill9().await?;
                }
                Ok(())
            }
            Fault::Freeze { process } => self.find_process(process)?.lock().await.freeze(),
            Fault::Cut { link } => self.flow(link, Flow::Cut),
            Fault::Stall { link } => self.flow(link, Flow::Stall),
            Fault::Delay { link, millis } => {
                self.flow(link, Flow::Delay(Duration::from_millis(*millis)))
            }
            Fault::HalfClose { link } => {
                self.find_link(link)?.half_close();
                Ok(())
            }
            Fault::Outage { server } => self.run_shell(&self.find_server(server)?.down).await,
            Fault::OutageOfAll { servers } => {
                for server in servers {
                    self.run_shell(&self.find_server(server)?.down).await?;
                }
                Ok(())
            }
            Fault::Storm { rounds } => self.run_storm(*rounds).await,
            Fault::Refusals => self.refusing_view()?.refuse(true).await,
            Fault::FullDisk { process } => self.find_process(process)?.lock().await.fill_disk(),
            Fault::ClockJump { process, millis } => {
                self.find_process(process)?.lock().await.set_clock(*millis)
            }
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// If it cannot be ended.
    pub async fn end(&self, fault: &Fault) -> Result<()> {
        match fault {
            Fault::Kill { process } | Fault::Terminate { process } => {
                let mut process = self.find_process(process)?.lock().await;
                let options = process.options.clone();
                *process = FleetProcess::start(&self.program, &self.folder, options)?;
                Ok(())
            }
            Fault::Freeze { process } => self.find_process(process)?.lock().await.thaw(),
            Fault::Cut { link } | Fault::Stall { link } | Fault::Delay { link, .. } => {
                self.flow(link, Flow::Forward)
            }
            Fault::HalfClose { .. } | Fault::Storm { .. } => Ok(()),
            Fault::Outage { server } => self.run_shell(&self.find_server(server)?.up).await,
            Fault::OutageOfAll { servers } => {
                let ups = servers
                    .iter()
                    .map(|server| async { self.run_shell(&self.find_server(server)?.up).await });
                futures::future::try_join_all(ups).await.map(drop)
            }
            Fault::Refusals => self.refusing_view()?.refuse(false).await,
            Fault::FullDisk { process } => self.empty_disk(process).await,
            Fault::ClockJump { process, .. } => {
                self.find_process(process)?.lock().await.set_clock(0)
            }
        }
    }

    /// Files take bytes again. Whoever cannot go on then may be started again, as any supervisor
    /// would; that it had to be is worth a word.
    async fn empty_disk(&self, name: &str) -> Result<()> {
        let mut process = self.find_process(name)?.lock().await;
        process.empty_disk()?;
        if !process.is_ready_within(&self.http, USABLE_AGAIN).await {
            self.remark(format!("{name} did not go on after its disk was full"));
            // It may have ended by itself.
            let _ = process.kill9().await;
            let options = process.options.clone();
            *process = FleetProcess::start(&self.program, &self.folder, options)?;
        }
        Ok(())
    }

    /// Waits until every process says that it is ready. One that ended by itself is an error.
    ///
    /// # Errors
    /// If one is not, after a while.
    pub async fn ready(&self) -> Result<()> {
        for process in self.processes.values() {
            process.lock().await.ready(&self.http).await?;
        }
        Ok(())
    }

    /// Runs `consign` with the fleet's settings and returns what it exits with and prints.
    ///
    /// # Errors
    /// If it cannot be run.
    pub async fn consign(&self, arguments: &[&str]) -> Result<(Option<i32>, String, String)> {
        let variables = self.guest.clone().unwrap_or_default();
        let output = program_command(&self.program, &variables, &self.folder)
            .args(arguments)
            .output()
            .await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        ))
    }

    /// What was out of the ordinary, and no fault of the product for all that is known.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.remarks.lock().clone()
    }

    /// Notes something for the report.
    pub fn remark(&self, text: String) {
        self.remarks.lock().push(text);
    }

    /// Workers come and go: each joins, and is killed or asked to go before it has settled.
    async fn run_storm(&self, rounds: u64) -> Result<()> {
        let variables = self.guest.as_ref().context("this fleet has no guests")?;
        for round in 0..rounds {
            let number = self.guests.fetch_add(1, Ordering::Relaxed);
            let options = service_options(&format!("guest-{number}"), "write-worker", variables)?;
            let mut guest = FleetProcess::start(&self.program, &self.folder, options)?;
            sleep(Duration::from_millis(1_500 + 700 * (round % 3))).await;
            if round % 2 == 0 {
                guest.kill9().await?;
            } else if let Err(error) = guest.terminate().await {
                self.remark(format!("{error:#}"));
            }
        }
        Ok(())
    }

    async fn run_command(&self, arguments: &[&str], variables: &[(String, String)]) -> Result<()> {
        let mut command = program_command(&self.program, variables, &self.folder);
        let output = command.args(arguments).output().await?;
        ensure!(
            output.status.success(),
            "consign {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    async fn run_shell(&self, line: &str) -> Result<()> {
        let output = tokio::process::Command::new("sh")
            .arg("-c")
            .arg(line)
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "`{line}`: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    fn find_process(&self, name: &str) -> Result<&Mutex<FleetProcess>> {
        self.processes
            .get(name)
            .with_context(|| format!("there is no process `{name}`"))
    }

    fn find_link(&self, name: &str) -> Result<&FaultyLink> {
        self.links
            .get(name)
            .with_context(|| format!("there is no link `{name}`"))
    }

    fn flow(&self, link: &str, flow: Flow) -> Result<()> {
        self.find_link(link)?.set(flow);
        Ok(())
    }

    fn find_server(&self, name: &str) -> Result<&ServerCommands> {
        self.servers
            .get(name)
            .with_context(|| format!("there is no server `{name}`"))
    }

    fn refusing_view(&self) -> Result<&RefusingView> {
        self.view
            .as_ref()
            .context("this fleet has no view that can be told to refuse")
    }
}
