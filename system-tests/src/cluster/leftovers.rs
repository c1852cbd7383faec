//! What a deployment leaves on servers that all tests share: its keyspace and its indices are dropped
//! with it. Cassandra with the tables of many deployments collects garbage for seconds, which every
//! later test would see. Must never fail a test.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Url};
use std::{thread, time::Duration};
use testbed::{Addresses, Cql};

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Places of one deployment.
#[derive(Debug)]
pub(super) struct Leftovers {
    servers: Addresses,
    keyspace: String,
    index_prefix: String,
}

impl Leftovers {
    /// Nothing where the servers are a test's own: they go with it.
    pub(super) fn on_shared(
        servers: &Addresses,
        keyspace: String,
        index_prefix: String,
    ) -> Option<Self> {
        let is_shared = servers.cassandra == Addresses::shared().cassandra;
        is_shared.then(|| Self {
            servers: servers.clone(),
            keyspace,
            index_prefix,
        })
    }

    /// Drops both; what does not go in time is named.
    pub(super) fn drop_all(&self) {
        let both = || [self.drop_keyspace(), self.drop_indices()];
        // On a thread of its own: a test's runtime lets no other run on its threads.
        let dropped = thread::scope(|scope| scope.spawn(both).join());
        for error in dropped.into_iter().flatten().filter_map(Result::err) {
            eprintln!("{} may be left behind: {error:#}", self.keyspace);
        }
    }

    fn drop_keyspace(&self) -> Result<()> {
        let statement = format!("DROP KEYSPACE IF EXISTS \"{}\"", self.keyspace);
        Cql::connect(&self.servers.cassandra)?
            .run(&statement)
            .map(drop)
    }

    /// By their names: Elasticsearch takes no pattern here.
    fn drop_indices(&self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let http = Client::builder().timeout(PATIENCE).build()?;
            let server = Url::parse(&format!("http://{}", self.servers.elasticsearch))?;
            let listed = format!(
                "_cat/indices/{}*?h=index&expand_wildcards=all",
                self.index_prefix
            );
            let names = http.get(server.join(&listed)?).send().await?.text().await?;
            // An address holds 4 KiB.
            for names in names.lines().collect::<Vec<_>>().chunks(20) {
                let address = server.join(&names.join(",")).context("a name")?;
                let status = http.delete(address).send().await?.status();
                ensure!(status.is_success(), "indices: {status}");
            }
            Ok(())
        })
    }
}
