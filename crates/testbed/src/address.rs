//! Where the three servers listen: the defaults, and the variables that a test run sets. Never
//! opens a connection.

use crate::server::Server;

/// `host:port` of each server of a trio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Kafka bootstrap servers, comma-separated.
    pub kafka: String,
    /// Cassandra's native protocol.
    pub cassandra: String,
    /// Elasticsearch's HTTP port; see [`Addresses::elasticsearch_url`].
    pub elasticsearch: String,
}

impl Addresses {
    /// Of the shared servers: `CONSIGN_TEST_KAFKA`, `CONSIGN_TEST_CASSANDRA`,
    /// `CONSIGN_TEST_ELASTICSEARCH`, else the default ports.
    #[must_use]
    pub fn shared() -> Self {
        let of = |server: Server| {
            server
                .given()
                .unwrap_or_else(|| format!("127.0.0.1:{}", server.default_port()))
        };
        Self {
            kafka: of(Server::Kafka),
            cassandra: of(Server::Cassandra),
            elasticsearch: of(Server::Elasticsearch),
        }
    }

    /// The address of one of the three.
    #[must_use]
    pub fn of(&self, server: Server) -> &str {
        match server {
            Server::Kafka | Server::Broker(_) => &self.kafka,
            Server::Cassandra => &self.cassandra,
            Server::Elasticsearch => &self.elasticsearch,
        }
    }

    /// `http://host:port` of Elasticsearch.
    #[must_use]
    pub fn elasticsearch_url(&self) -> String {
        format!("http://{}", self.elasticsearch)
    }
}
