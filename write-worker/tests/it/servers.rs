//! The same worker on real servers: Kafka, Cassandra and Elasticsearch, with places of its own on them.
//! Its keyspace goes whatever the end of the test is, its indices where it came to make them; topics
//! stay. `CONSIGN_TEST_EVERYTHING_ON_SERVERS` for more histories.

use crate::{
    everything::{histories, play_on_servers, unsealed},
    harness::World,
};
use catalog::Catalog;
use event_log::kafka::{self, KafkaSettings};
use futures::FutureExt;
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
    time::Duration,
};
use store::Record;
use testbed::Servers;

const STARTUP: u8 = 0x01;
const READY: u8 = 0x02;
const QUERY: u8 = 0x07;
const RESULT: u8 = 0x08;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_all_operations_come_to_the_same_on_real_servers() {
    for seed in 1..=histories("CONSIGN_TEST_EVERYTHING_ON_SERVERS", 1) {
        let catalog = unsealed();
        with_servers(catalog, async |world| play_on_servers(seed, world).await).await;
    }
}

/// Runs it over servers.
async fn with_servers(catalog: Catalog, test: impl AsyncFnOnce(&World)) {
    let servers = Servers::shared().addresses();
    let name = testbed::unique("ww");
    let properties = [("session.timeout.ms", "6000")];
    let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let log = kafka::connect_log(KafkaSettings {
        brokers: servers.kafka.clone(),
        properties: properties.into(),
    });
    let record = store_cassandra::Cassandra::new(store_cassandra::Config {
        nodes: vec![servers.cassandra.clone()],
        keyspace: name.clone(),
        ..store_cassandra::Config::default()
    });
    let view = store_elasticsearch::Elasticsearch::new(store_elasticsearch::Config {
        urls: vec![servers.elasticsearch_url()],
        prefix: format!("{name}."),
        replicas: Some(0),
        ..store_elasticsearch::Config::default()
    });
    let stores = (
        Arc::new(record.unwrap()) as Arc<dyn Record>,
        Arc::new(view.unwrap()) as _,
    );
    let prefix = format!("{name}.");
    let run = async {
        let world = World::over(catalog, log.unwrap(), stores, &prefix).await;
        let ended = AssertUnwindSafe(test(&world)).catch_unwind().await;
        for collection in world.real.collections().await.unwrap_or_default() {
            if let Err(error) = world.view.drop_collection(&collection).await {
                eprintln!("an index of {name} may be left behind: {error}");
            }
        }
        ended.unwrap_or_else(|panic| resume_unwind(panic));
    };
    let ended = AssertUnwindSafe(run).catch_unwind().await;
    if let Err(error) = drop_keyspace(&servers.cassandra, &name) {
        eprintln!("keyspace {name} may be left behind: {error}");
    }
    ended.unwrap_or_else(|panic| resume_unwind(panic));
}

/// No port does that, and it is two frames of the protocol, version 4.
fn drop_keyspace(address: &str, name: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut start = vec![0, 1];
    for text in ["CQL_VERSION", "3.0.0"] {
        start.extend((text.len() as u16).to_be_bytes());
        start.extend(text.as_bytes());
    }
    ask(&mut stream, STARTUP, &start, READY)?;
    let text = format!("DROP KEYSPACE IF EXISTS \"{name}\"");
    let mut query = Vec::from((text.len() as u32).to_be_bytes());
    query.extend(text.as_bytes());
    // At consistency ONE, without flags.
    query.extend([0, 1, 0]);
    ask(&mut stream, QUERY, &query, RESULT)
}

fn ask(stream: &mut TcpStream, kind: u8, body: &[u8], expected: u8) -> io::Result<()> {
    let mut frame = vec![4, 0, 0, 0, kind];
    frame.extend((body.len() as u32).to_be_bytes());
    frame.extend(body);
    stream.write_all(&frame)?;
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer)?;
    if head[4] == expected {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "answered {}: {}",
        head[4],
        String::from_utf8_lossy(&answer)
    )))
}
