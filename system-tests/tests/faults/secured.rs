//! Servers that let in only who proves who he is, and only to what he has a right to: with exactly
//! the rights that `consign security acls` prints everything works, and a right that is taken while
//! writes go on costs time and nothing else.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use std::{
    collections::HashSet,
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};
use system_tests::{cluster::Cluster, history::Status, listener::Listener, process};
use testbed::Cql;
use testbed::{
    PrivateOptions, Server, Servers,
    secured::{self, BROKER, SecuredFolder},
};

const PREFIX: &str = "secured.";
const KEYSPACE: &str = "secured";
const USERS: [&str; 4] = [
    "consign-gateway",
    "consign-worker",
    "consign-notifier",
    "consign-operator",
];
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn printed_rights_are_enough_and_rights_that_are_taken_lose_nothing() -> Result<()> {
    let secured = Secured::start()?;
    secured.grant_on_kafka()?;
    secured.grant_on_cassandra()?;
    let addresses = secured.servers.addresses();
    let mut cluster =
        Cluster::with_settings_for(addresses, 1, 1, |kind| secured.settings_of(kind)).await?;
    cluster
        .add_notifier_with(0, &secured.settings_of("notifier"))
        .await?;
    let client = cluster.client()?;
    let settings = json!({"mappings": {"properties": {"n": {"type": "integer"}}}});
    client.collection("secured/documents", &settings).await?;
    let listener = Listener::start(&cluster.gateways()[0], "secured/documents", json!({})).await;
    if listener.is_err() {
        for p in ["notifier-0", "gateway-0"] {
            let t = cluster.process(p)?.tail();
            eprintln!("-- {p}\n{t}");
        }
    }
    let listener = listener?;
    let mut writes = Writes::default();

    writes.applied(&cluster).await?;
    everything_else(&cluster).await?;

    let worker = "\"consign-worker\"";
    let mut cassandra = secured.cassandra()?;
    cassandra.run(&format!(
        "REVOKE MODIFY ON KEYSPACE {KEYSPACE} FROM {worker}"
    ))?;
    let denied = ["WARN", "no MODIFY permission"];
    let waiting = writes.until_said(&mut cluster, "worker-0", denied).await?;
    cassandra.run(&format!("GRANT MODIFY ON KEYSPACE {KEYSPACE} TO {worker}"))?;
    settled(&cluster, &waiting).await?;

    secured.roles_of_elasticsearch(|roles| roles.replace("read, write, ", "read, "))?;
    let denied = ["\"store\":\"elasticsearch\"", "rights are missing"];
    let waiting = writes.until_said(&mut cluster, "worker-0", denied).await?;
    secured.roles_of_elasticsearch(str::to_owned)?;
    settled(&cluster, &waiting).await?;

    let dead: serde_json::Value = client
        .at(reqwest::Method::GET, "/v1/dead-letters")
        .send()
        .await?
        .json()
        .await?;
    ensure!(
        dead["dead_letters"].as_array().is_some_and(Vec::is_empty),
        "dead letters: {dead}"
    );
    let count = writes.written;
    let began = Instant::now();
    while client.count("secured/documents", &[]).await? < count {
        ensure!(
            began.elapsed() < PATIENCE,
            "{count} documents are not found"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let sessions = listener.sessions().await;
    let told: HashSet<&String> = sessions.iter().flat_map(|one| one.told.keys()).collect();
    ensure!(
        told.len() as u64 == count,
        "told of {} of {count} writes",
        told.len()
    );
    secured.wrong_credentials_are_named()
}

/// What else a gateway does on the servers: rows, a search, a collection that goes.
async fn everything_else(cluster: &Cluster) -> Result<()> {
    let client = cluster.client()?;
    client.collection("secured/passing", &json!({})).await?;
    client
        .search(
            "secured/documents",
            &json!({"query": {"match_all": {}}}),
            &[],
        )
        .await?;
    let dropped = client
        .at(reqwest::Method::DELETE, "/secured/passing")
        .send()
        .await?;
    ensure!(dropped.status().is_success(), "{}", dropped.status());
    let audit = cluster.output("gateway-0", &["topics", "check"])?;
    ensure!(audit.0 == 0, "topics check: {audit:?}");
    Ok(())
}

/// Documents that are written one after the other.
#[derive(Default)]
struct Writes {
    written: u64,
}

impl Writes {
    async fn accepted(&mut self, cluster: &Cluster) -> Result<Vec<String>> {
        let mut requests = Vec::new();
        for _ in 0..20 {
            let body = json!({"index": "secured", "collection": "documents", "_id": format!("d{}", self.written), "body": {"n": self.written}});
            let key = format!("secured-{}", self.written);
            let accepted = cluster
                .client()?
                .accept("document.create", &body, &key, PATIENCE)
                .await?;
            self.written += 1;
            requests.push(accepted.request);
        }
        Ok(requests)
    }

    /// Until a process logs a line with these words: servers look at changed rights after a while.
    async fn until_said(
        &mut self,
        cluster: &mut Cluster,
        process: &str,
        words: [&str; 2],
    ) -> Result<Vec<String>> {
        let began = Instant::now();
        let mut requests = Vec::new();
        loop {
            requests.extend(self.accepted(cluster).await?);
            tokio::time::sleep(Duration::from_millis(500)).await;
            let tail = cluster.process(process)?.tail();
            let says = |line: &str| words.iter().all(|word| line.contains(word));
            if tail.lines().any(says) {
                return Ok(requests);
            }
            ensure!(
                began.elapsed() < PATIENCE,
                "{process} does not say {words:?}:\n{tail}"
            );
        }
    }

    async fn applied(&mut self, cluster: &Cluster) -> Result<()> {
        let requests = self.accepted(cluster).await?;
        settled(cluster, &requests).await
    }
}

async fn settled(cluster: &Cluster, requests: &[String]) -> Result<()> {
    let client = cluster.client()?;
    let began = Instant::now();
    for request in requests {
        loop {
            match client.look(request).await.map(|seen| seen.status) {
                Some(Status::Applied) => break,
                other => ensure!(
                    began.elapsed() < PATIENCE,
                    "{request} is {other:?} after {PATIENCE:?}"
                ),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// The three servers, and who may do what there.
struct Secured {
    servers: Servers,
    folder: SecuredFolder,
    roles: String,
}

impl Secured {
    fn start() -> Result<Self> {
        let own = [("CONSIGN_ELASTICSEARCH_PREFIX", PREFIX)];
        let mut roles = consign(&["security", "acls", "--only", "elasticsearch"], &own)?;
        // Whoever prepares the view may make indices; a notifier asks it for nothing.
        roles += &format!(
            "consign-operator:\n  cluster: [ monitor ]\n  indices:\n    - names: [ '{PREFIX}*' ]\n      privileges: [ all ]\nconsign-notifier:\n  cluster: [ ]\n"
        );
        let folder = SecuredFolder::make(&USERS, &roles)?;
        let servers = Servers::private(&PrivateOptions {
            servers: Server::TRIO.to_vec(),
            secured: Some(folder.path().to_owned()),
            ..PrivateOptions::default()
        })?;
        Ok(Self {
            servers,
            folder,
            roles,
        })
    }

    /// What a process of that kind logs in with.
    fn settings_of(&self, kind: &str) -> Vec<(String, String)> {
        let user = match kind {
            "write-worker" => "consign-worker".to_owned(),
            other => format!("consign-{other}"),
        };
        self.settings(&user, &secured::password(&user), &self.folder.authority())
    }

    fn settings(&self, user: &str, password: &str, authority: &Path) -> Vec<(String, String)> {
        let authority = authority.display().to_string();
        let addresses = self.servers.addresses();
        [
            ("CONSIGN_TOPICS_PREFIX", PREFIX),
            ("CONSIGN_TOPICS_PARTITIONS", "2"),
            ("CONSIGN_KAFKA_BROKERS", &addresses.kafka),
            ("CONSIGN_KAFKA_PROPERTIES_SECURITY_PROTOCOL", "sasl_ssl"),
            ("CONSIGN_KAFKA_PROPERTIES_SASL_MECHANISM", "SCRAM-SHA-512"),
            ("CONSIGN_KAFKA_PROPERTIES_SASL_USERNAME", user),
            ("CONSIGN_KAFKA_PROPERTIES_SASL_PASSWORD", password),
            ("CONSIGN_KAFKA_PROPERTIES_SSL_CA_LOCATION", &authority),
            ("CONSIGN_CASSANDRA_NODES", &addresses.cassandra),
            ("CONSIGN_CASSANDRA_KEYSPACE", KEYSPACE),
            ("CONSIGN_CASSANDRA_TLS", "true"),
            ("CONSIGN_CASSANDRA_USER", user),
            ("CONSIGN_CASSANDRA_PASSWORD", password),
            ("CONSIGN_CASSANDRA_CERTIFICATE_AUTHORITY", &authority),
            (
                "CONSIGN_ELASTICSEARCH_URLS",
                &format!("https://{}", addresses.elasticsearch),
            ),
            ("CONSIGN_ELASTICSEARCH_PREFIX", PREFIX),
            ("CONSIGN_ELASTICSEARCH_USER", user),
            ("CONSIGN_ELASTICSEARCH_PASSWORD", password),
            ("CONSIGN_ELASTICSEARCH_CERTIFICATE_AUTHORITY", &authority),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Kafka's own tool takes the printed lines, side by side: each call starts a JVM.
    fn grant_on_kafka(&self) -> Result<()> {
        let admin = self.folder.path().join("admin.properties");
        let login = format!(
            "security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nsasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username=\"{BROKER}\" password=\"{}\";\nssl.truststore.type=PEM\nssl.truststore.location={}\n",
            secured::password(BROKER),
            self.folder.authority().display()
        );
        fs::write(&admin, login)?;
        let admin = admin.display().to_string();
        let kafka = [
            "security",
            "acls",
            "--only",
            "kafka",
            "--command-config",
            &admin,
        ];
        let printed = self.as_operator(&kafka)?;
        thread::scope(|scope| {
            let calls: Vec<_> = printed
                .lines()
                .map(|line| {
                    scope.spawn(move || {
                        let words = line.strip_prefix("kafka-acls.sh ").context("no command")?;
                        let arguments: Vec<String> = words.split(' ').map(str::to_owned).collect();
                        let class = "org.apache.kafka.tools.AclCommand";
                        self.servers.run_class("kafka", class, &arguments)
                    })
                })
                .collect();
            for call in calls {
                call.join().expect("no call panics")?;
            }
            Ok(())
        })
    }

    /// The tables are made by Cassandra's first user, then every role gets the printed rights.
    fn grant_on_cassandra(&self) -> Result<()> {
        let mut first = self.settings_of("operator");
        for (name, value) in &mut first {
            match name.as_str() {
                "CONSIGN_CASSANDRA_USER" | "CONSIGN_CASSANDRA_PASSWORD" => {
                    "cassandra".clone_into(value);
                }
                _ => {}
            }
        }
        let kinds = [
            ("CONSIGN_LOG_KIND", "kafka"),
            ("CONSIGN_RECORD_KIND", "cassandra"),
            ("CONSIGN_VIEW_KIND", "elasticsearch"),
        ];
        first.extend(kinds.map(|(name, value)| (name.to_owned(), value.to_owned())));
        consign(&["catalog", "migrate"], &borrowed(&first))?;
        let mut cassandra = self.cassandra()?;
        for user in USERS {
            cassandra.run(&format!(
                "CREATE ROLE \"{user}\" WITH LOGIN = true AND PASSWORD = '{}'",
                secured::password(user)
            ))?;
        }
        let printed = self.as_operator(&["security", "acls", "--only", "cassandra"])?;
        for statement in printed.lines() {
            cassandra.run(statement.trim_end_matches(';'))?;
        }
        Ok(())
    }

    fn cassandra(&self) -> Result<Cql> {
        let address = &self.servers.addresses().cassandra;
        Cql::log_in(address, &self.folder.authority(), "cassandra", "cassandra")
    }

    /// Writes what the server reads again by itself.
    fn roles_of_elasticsearch(&self, change: impl Fn(&str) -> String) -> Result<()> {
        let file = self
            .servers
            .folder()?
            .join("elasticsearch/config/roles.yml");
        Ok(fs::write(file, change(&self.roles))?)
    }

    fn as_operator(&self, arguments: &[&str]) -> Result<String> {
        consign(arguments, &borrowed(&self.settings_of("operator")))
    }

    /// A wrong password and an authority that signed nothing here: each server's refusal is told from
    /// its absence.
    fn wrong_credentials_are_named(&self) -> Result<()> {
        let kinds = [
            ("CONSIGN_LOG_KIND", "kafka"),
            ("CONSIGN_RECORD_KIND", "cassandra"),
            ("CONSIGN_VIEW_KIND", "elasticsearch"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let right = self.settings_of("operator");
        let user = "consign-operator";
        let bad_password = self.settings(user, "a guess", &self.folder.authority());
        let bad_authority = self.settings(user, &secured::password(user), &self.folder.stranger());
        for (what, bad) in [("password", bad_password), ("authority", bad_authority)] {
            for (server, asked, told) in [
                ("KAFKA", ["topics", "check"], "the log denies access"),
                (
                    "CASSANDRA",
                    ["catalog", "migrate"],
                    "cassandra denies access",
                ),
                (
                    "ELASTICSEARCH",
                    ["catalog", "migrate"],
                    "elasticsearch denies access",
                ),
            ] {
                let settings = mixed(&right, &bad, server);
                let all: Vec<_> = settings.into_iter().chain(kinds.clone()).collect();
                let output = command(&asked, &borrowed(&all))?.output()?;
                let text = String::from_utf8_lossy(&output.stderr);
                ensure!(
                    !output.status.success() && text.contains(told),
                    "{server} with a wrong {what}: {text}"
                );
            }
        }
        Ok(())
    }
}

/// The settings of one server from the second list, all others from the first.
fn mixed(
    right: &[(String, String)],
    bad: &[(String, String)],
    server: &str,
) -> Vec<(String, String)> {
    let pairs = right.iter().zip(bad);
    pairs
        .map(|(right, bad)| if right.0.contains(server) { bad } else { right })
        .cloned()
        .collect()
}

fn borrowed(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    let pairs = settings.iter();
    pairs
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn command(arguments: &[&str], settings: &[(&str, &str)]) -> Result<Command> {
    let mut command = process::consign()?;
    command
        .args(arguments)
        .envs(settings.iter().copied())
        .current_dir(std::env::temp_dir());
    Ok(command)
}

/// Runs the binary to its end; what it printed.
fn consign(arguments: &[&str], settings: &[(&str, &str)]) -> Result<String> {
    let output = command(arguments, settings)?.output()?;
    ensure!(
        output.status.success(),
        "consign {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
