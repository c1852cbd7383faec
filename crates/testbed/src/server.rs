//! The servers that can be started: their names in the start script, ports and variables. Starts
//! nothing.

use std::fmt;

/// One server process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Server {
    /// One Kafka broker with its own controller.
    Kafka,
    /// Broker 1, 2 or 3 of a cluster with replication 3 and `min.insync.replicas` 2.
    Broker(u8),
    /// Cassandra, one node.
    Cassandra,
    /// Elasticsearch, one node.
    Elasticsearch,
}

/// When Cassandra syncs its commit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommitLogSync {
    /// Before it acknowledges a write.
    #[default]
    Batch,
    /// Every ten seconds: its own default, loses acknowledged rows on kill -9.
    Periodic,
}

impl CommitLogSync {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Periodic => "periodic",
        }
    }
}

impl Server {
    /// What most tests want.
    pub const TRIO: [Self; 3] = [Self::Kafka, Self::Cassandra, Self::Elasticsearch];
    /// The three brokers of a replicated Kafka.
    pub const BROKERS: [Self; 3] = [Self::Broker(1), Self::Broker(2), Self::Broker(3)];

    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::Kafka => 19092,
            Self::Broker(n) => 19192 + 2 * (u16::from(n) - 1),
            Self::Cassandra => 19042,
            Self::Elasticsearch => 19200,
        }
    }

    /// The variable that names a shared server which runs already.
    #[must_use]
    pub fn env(self) -> &'static str {
        match self {
            Self::Kafka | Self::Broker(_) => "CONSIGN_TEST_KAFKA",
            Self::Cassandra => "CONSIGN_TEST_CASSANDRA",
            Self::Elasticsearch => "CONSIGN_TEST_ELASTICSEARCH",
        }
    }

    pub(crate) fn given(self) -> Option<String> {
        std::env::var(self.env())
            .ok()
            .filter(|address| !address.is_empty())
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kafka => f.write_str("kafka"),
            Self::Broker(n) => write!(f, "kafka3:{n}"),
            Self::Cassandra => f.write_str("cassandra"),
            Self::Elasticsearch => f.write_str("elasticsearch"),
        }
    }
}
