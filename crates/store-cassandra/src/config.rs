//! What an operator may set about Cassandra. Never reads files or the environment: whoever builds
//! the store does.

use crate::STORE;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, time::Duration};
use store::StoreError;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `host:port` of some nodes; the others are found through them.
    pub nodes: Vec<String>,
    /// Made by the migration; letters, digits and `_`.
    pub keyspace: String,
    pub replication: Replication,
    pub consistency: Consistency,
    /// The datacenter whose nodes are asked. Needed where there is more than one.
    pub datacenter: Option<String>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// Whether the nodes are spoken to over TLS.
    pub tls: bool,
    /// PEM text of the authorities that signed the nodes' certificates; without it those that
    /// the system trusts.
    pub certificate_authority: Option<String>,
    /// Whether a node's certificate must name its IP address. The driver knows nodes by address
    /// alone; a certificate with names only needs this off, and its authority should then sign for
    /// nobody else.
    pub verify_address: bool,
    /// For one statement, the driver's own second attempts included.
    pub request_timeout_ms: u64,
    pub connect_timeout_ms: u64,
    /// Statements on their way at once.
    pub in_flight: usize,
    /// Small writes of several partitions travel in one unlogged batch up to this size; 0: each
    /// alone. The server warns from 5 KiB on.
    pub batch_bytes: usize,
    /// How long verdicts are remembered; without it for ever.
    pub ledger_days: Option<u32>,
}

/// How many copies of each row there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replication {
    /// `SimpleStrategy` with this many copies.
    Simple(u16),
    /// `NetworkTopologyStrategy`: copies in each datacenter.
    Datacenters(BTreeMap<String, u16>),
}

/// How many copies must take a write or answer a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consistency {
    LocalQuorum,
    Quorum,
    /// Weaker: a read may miss what was acknowledged.
    LocalOne,
}

/// A text that never shows in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            nodes: vec!["127.0.0.1:9042".to_owned()],
            keyspace: "consign".to_owned(),
            replication: Replication::Simple(1),
            consistency: Consistency::LocalQuorum,
            datacenter: None,
            user: None,
            password: None,
            tls: false,
            certificate_authority: None,
            verify_address: true,
            request_timeout_ms: 10_000,
            connect_timeout_ms: 5_000,
            in_flight: 128,
            batch_bytes: 4_096,
            ledger_days: None,
        }
    }
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let refused = |why: &str| {
            Err(StoreError::Refused {
                store: STORE,
                why: why.to_owned(),
            })
        };
        if self.nodes.is_empty() {
            return refused("no node is given");
        }
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if self.keyspace.is_empty()
            || self.keyspace.len() > 48
            || !self.keyspace.chars().all(letters)
        {
            return refused("a keyspace has up to 48 letters, digits and `_`");
        }
        if self.in_flight == 0 || self.request_timeout_ms == 0 || self.connect_timeout_ms == 0 {
            return refused("in_flight and the time-outs must be above 0");
        }
        Ok(())
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }
}

impl Replication {
    /// As Cassandra names it, and as `system_schema.keyspaces` shows it (without the class's
    /// package).
    pub(crate) fn options(&self) -> BTreeMap<String, String> {
        let pair = |key: &str, value: String| (key.to_owned(), value);
        match self {
            Self::Simple(copies) => BTreeMap::from([
                pair("class", "SimpleStrategy".into()),
                pair("replication_factor", copies.to_string()),
            ]),
            Self::Datacenters(copies) => {
                let class = pair("class", "NetworkTopologyStrategy".into());
                copies
                    .iter()
                    .map(|(name, copies)| pair(name, copies.to_string()))
                    .chain([class])
                    .collect()
            }
        }
    }
}
