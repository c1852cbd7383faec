//! The two ways to have servers: shared by all tests of a run, or private to one test that will
//! break them. Shared servers are never killed, frozen or wiped from here: other tests are using
//! them.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process,
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{
    address::Addresses,
    ports::{self, Reservation},
    probe,
    proxy::Proxy,
    script::Script,
    server::{CommitLogSync, Server},
};

const START: Duration = Duration::from_secs(180);
/// What the start script is told by [`PrivateOptions::may_forget_tables`], and for shared servers:
/// variable and value.
pub const MAY_FORGET_TABLES: (&str, &str) = ("CASSANDRA_FLUSH_SCHEMA", "no");

/// What private servers are made of.
#[derive(Debug, Clone)]
pub struct PrivateOptions {
    /// Which to start, all at once.
    pub servers: Vec<Server>,
    /// Cassandra's durability.
    pub cassandra_sync: CommitLogSync,
    /// One more line for `cassandra.yaml`.
    pub cassandra_setting: String,
    /// Tables are made in a sixth of the time, and a Cassandra that is killed forgets those that it made
    /// lately: for servers that no test kills.
    pub may_forget_tables: bool,
    /// One more line for `server.properties`.
    pub kafka_setting: String,
    /// The port that Kafka tells its clients, when a [`crate::Proxy`] stands before it.
    pub kafka_advertised_port: Option<u16>,
    /// Kafka listens for others, too, that come through a [`crate::Proxy`]: see
    /// [`Servers::kafka_link`].
    pub kafka_link: bool,
    /// TLS, users and rights; without it everybody may do everything.
    pub secured: Option<PathBuf>,
    /// Full JIT, for measurements; otherwise only the first tier, which starts in half the CPU
    /// time.
    pub full_speed: bool,
}

impl Default for PrivateOptions {
    fn default() -> Self {
        Self {
            servers: Server::TRIO.to_vec(),
            cassandra_sync: CommitLogSync::Batch,
            cassandra_setting: String::new(),
            may_forget_tables: false,
            kafka_setting: String::new(),
            kafka_advertised_port: None,
            kafka_link: false,
            secured: None,
            full_speed: false,
        }
    }
}

/// Running servers. Private ones end when this is dropped, and also when the test process is
/// killed.
#[derive(Debug)]
pub struct Servers {
    addresses: Addresses,
    private: Option<Private>,
}

#[derive(Debug)]
struct Private {
    script: Script,
    servers: BTreeSet<Server>,
    folder: TempDir,
    kafka_link: Option<Proxy>,
    _ports: Vec<Reservation>,
}

/// In Kafka's block of ports: behind its own and its controller's.
const LINKED_PORT: u16 = 2;

impl Servers {
    /// The trio that every test of this machine shares: checks that it answers and starts what is
    /// missing, one process at a time.
    ///
    /// # Panics
    /// If a server can neither be reached nor started; the message says what to type.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Servers> = OnceLock::new();
        SHARED.get_or_init(|| match start_shared() {
            Ok(addresses) => Self {
                addresses,
                private: None,
            },
            Err(e) => panic!("the tests need real servers: {e:#}"),
        })
    }

    /// Own instances on free ports with their own data, ready when this returns.
    ///
    /// # Errors
    /// If one does not start.
    pub fn private(options: &PrivateOptions) -> Result<Self> {
        // A port that was free when it was reserved may be taken by a stranger before the server
        // binds it.
        Self::on_free_ports(options).or_else(|first| {
            Self::on_free_ports(options).with_context(|| format!("and before: {first:#}"))
        })
    }

    fn on_free_ports(options: &PrivateOptions) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("consign-servers-")
            .tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?; // Elasticsearch runs as another user
        let mut ports = Vec::new();
        let mut script = Script::default()
            .with("SERVERS_DATA", folder.path())
            .with("SERVERS_OWNER", process::id().to_string())
            .with("CASSANDRA_SYNC", options.cassandra_sync.text())
            .with("CASSANDRA_SETTING", &options.cassandra_setting)
            .with("KAFKA_SETTING", &options.kafka_setting);
        if let Some(folder) = &options.secured {
            script = script.with("SERVERS_SECURED", folder);
        }
        if options.may_forget_tables {
            script = script.with(MAY_FORGET_TABLES.0, MAY_FORGET_TABLES.1);
        }
        if options.full_speed {
            script = script.with("SERVERS_JAVA_OPTS", "");
        }
        if let Some(port) = options.kafka_advertised_port {
            script = script.with("KAFKA_ADVERTISED_PORT", port.to_string());
        }
        let mut block = |variable: &str| -> Result<u16> {
            let block = ports::reserve()?;
            let first = block.port(0);
            script = script.clone().with(variable, first.to_string());
            ports.push(block);
            Ok(first)
        };
        let (kafka, brokers) = (block("KAFKA_PORT")?, block("KAFKA3_PORT")?);
        let (cassandra, elasticsearch) = (block("CASSANDRA_PORT")?, block("ELASTICSEARCH_PORT")?);
        let mut kafka_link = None;
        if options.kafka_link {
            let linked = kafka + LINKED_PORT;
            let link = Proxy::start(&format!("127.0.0.1:{linked}"))?;
            script = script
                .with("KAFKA_LINKED_PORT", linked.to_string())
                .with("KAFKA_LINKED_ADVERTISED_PORT", link.port().to_string());
            kafka_link = Some(link);
        }
        let replicated = options
            .servers
            .iter()
            .any(|s| matches!(s, Server::Broker(_)));
        let addresses = Addresses {
            kafka: if replicated {
                [0, 2, 4]
                    .map(|n| format!("127.0.0.1:{}", brokers + n))
                    .join(",")
            } else {
                format!("127.0.0.1:{kafka}")
            },
            cassandra: format!("127.0.0.1:{cassandra}"),
            elasticsearch: format!("127.0.0.1:{elasticsearch}"),
        };
        let servers = Self {
            addresses,
            private: Some(Private {
                script,
                servers: options.servers.iter().copied().collect(),
                folder,
                kafka_link,
                _ports: ports,
            }),
        };
        servers.own()?.script.run("up", &options.servers)?;
        Ok(servers)
    }

    /// Where they listen.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The way to Kafka that can be cut while others have theirs, if there is one
    /// ([`PrivateOptions::kafka_link`]).
    #[must_use]
    pub fn kafka_link(&self) -> Option<&Proxy> {
        self.private.as_ref()?.kafka_link.as_ref()
    }

    /// SIGKILL; returns when the process is gone. Its data stays.
    ///
    /// # Errors
    /// If the servers are shared.
    pub fn kill9(&self, server: Server) -> Result<()> {
        self.own()?.script.run("kill", &[server]).map(drop)
    }

    /// Lines for a shell that kill a server and start it again: for a program under test that takes
    /// its servers away by itself.
    ///
    /// # Errors
    /// If the servers are shared.
    pub fn outage_lines(&self, server: Server) -> Result<(String, String)> {
        let script = &self.own()?.script;
        Ok((script.line("kill", server), script.line("up", server)))
    }

    /// SIGTERM; returns when the process is gone.
    ///
    /// # Errors
    /// If the servers are shared.
    pub fn terminate(&self, server: Server) -> Result<()> {
        self.own()?.script.run("down", &[server]).map(drop)
    }

    /// SIGSTOP: frozen, its connections stay open.
    ///
    /// # Errors
    /// If the servers are shared or this one is not up.
    pub fn stop(&self, server: Server) -> Result<()> {
        self.own()?.script.run("stop", &[server]).map(drop)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// If the servers are shared or this one is not up.
    pub fn cont(&self, server: Server) -> Result<()> {
        self.own()?.script.run("cont", &[server]).map(drop)
    }

    /// Starts it again on its port with its data; returns when it is ready.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(&self, server: Server) -> Result<()> {
        self.own()?.script.run("up", &[server]).map(drop)
    }

    /// Waits until it answers in its own protocol.
    ///
    /// # Errors
    /// If it does not within three minutes.
    pub fn wait_ready(&self, server: Server) -> Result<()> {
        probe::wait(server, self.addresses.of(server), START)
    }

    /// Folder with the data and the log of each private server.
    ///
    /// # Errors
    /// If the servers are shared.
    pub fn folder(&self) -> Result<&Path> {
        Ok(self.own()?.folder.path())
    }

    /// Runs a class of a server's jars (Kafka's own tools, say) to its end.
    ///
    /// # Errors
    /// If it fails.
    pub fn run_class(&self, server: &str, class: &str, arguments: &[String]) -> Result<String> {
        self.own()?.script.run_class(server, class, arguments)
    }

    fn own(&self) -> Result<&Private> {
        self.private
            .as_ref()
            .context("shared servers are not to be disturbed: use Servers::private")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if let Some(private) = &self.private {
            let servers: Vec<Server> = private.servers.iter().copied().collect();
            if let Err(e) = private.script.run("kill", &servers) {
                eprintln!("testbed: {e:#}");
            }
        }
    }
}

fn start_shared() -> Result<Addresses> {
    let addresses = Addresses::shared();
    let lock = File::create(env::temp_dir().join("consign-servers.lock"))?;
    lock.lock()?;
    let mut missing = Vec::new();
    for server in Server::TRIO {
        let answer = probe::answers(server, addresses.of(server), Duration::from_secs(5));
        if server.given().is_some() {
            answer
                .with_context(|| format!("{} is set, but {server} is not there", server.env()))?;
        } else if answer.is_err() {
            missing.push(server);
        }
    }
    if !missing.is_empty() {
        eprintln!(
            "testbed: starting {missing:?}; they stay up for the next test: `cargo run -p xtask -- servers down` stops them"
        );
        let script = Script::default().with(MAY_FORGET_TABLES.0, MAY_FORGET_TABLES.1);
        script.run("up", &missing)?;
    }
    for server in Server::TRIO {
        probe::wait(server, addresses.of(server), START)?;
    }
    ensure!(
        lock.unlock().is_ok(),
        "cannot release the lock of the servers"
    );
    Ok(addresses)
}
