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
    panic::{AssertUnwindSafe, resume_unwind},
    sync::Arc,
};
use store::Record;
use testbed::{Cql, Servers};

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
    let dropped = Cql::connect(&servers.cassandra)
        .and_then(|mut cql| cql.run(&format!("DROP KEYSPACE IF EXISTS \"{name}\"")));
    if let Err(error) = dropped {
        eprintln!("keyspace {name} may be left behind: {error}");
    }
    ended.unwrap_or_else(|panic| resume_unwind(panic));
}
