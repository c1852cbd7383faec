//! What is known of topics since they were created or checked: lets a record be refused before it
//! is queued. Must never be needed: what is not known is left to the broker.

use crate::{admin::TopicSpec, publisher::Refused};
use parking_lot::RwLock;
use std::collections::HashMap;

#[derive(Default)]
pub(super) struct KnownTopics(RwLock<HashMap<String, KnownTopic>>);

#[derive(Clone, Copy)]
struct KnownTopic {
    partitions: u16,
    record_limit: usize,
}

impl KnownTopics {
    /// A topic stands as it should.
    pub fn learn(&self, spec: &TopicSpec, partitions: u16) {
        self.0.write().insert(
            spec.name.clone(),
            KnownTopic {
                partitions,
                record_limit: spec.record_limit,
            },
        );
    }

    pub fn check(&self, topic: &str, partition: u16, size: usize) -> Result<(), Refused> {
        match self.0.read().get(topic) {
            Some(known) if partition >= known.partitions => Err(Refused::UnknownPartition),
            Some(known) if size > known.record_limit => Err(Refused::TooLarge),
            Some(_) | None => Ok(()),
        }
    }
}
