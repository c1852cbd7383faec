//! The log on Kafka; the only place that names `rdkafka`. Must never acknowledge a record before
//! the broker did with acks=all, nor hand out a partition's records before its owner said from
//! which offset.

mod admin;
mod bootstrap;
mod classify;
mod config;
mod consumer;
mod fetcher;
mod ffi;
mod health;
mod member;
mod outage_log;
mod producer;
mod publisher;
mod reader;
mod stream;
mod topics;

use crate::Log;
use std::sync::Arc;

pub use config::{KafkaSettings, NOMINAL_GROUP, SettingError};

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("the Kafka client cannot be made: {0}")]
    Client(String),
}

impl From<rdkafka::error::KafkaError> for ConnectError {
    fn from(error: rdkafka::error::KafkaError) -> Self {
        Self::Client(error.to_string())
    }
}

/// Makes the clients; does not wait for a broker. Whether one is there is told by
/// [`crate::Publisher::healthy`] and by [`crate::Admin`].
pub fn connect_log(settings: KafkaSettings) -> Result<Log, ConnectError> {
    let settings = Arc::new(config::CheckedProperties::new(settings)?);
    let topics = Arc::new(topics::KnownTopics::default());
    let fetchers = Arc::new(fetcher::Fetchers::new(settings.clone())?);
    Ok(Log {
        publisher: Arc::new(publisher::KafkaPublisher::new(&settings, topics.clone())?),
        reader: Arc::new(reader::KafkaReader {
            fetchers: fetchers.clone(),
        }),
        groups: Arc::new(consumer::KafkaGroups::new(
            settings.clone(),
            fetchers.clone(),
        )),
        admin: Arc::new(admin::KafkaAdmin::new(&settings, topics, fetchers)?),
    })
}
