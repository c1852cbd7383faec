//! Appending to Kafka: bounds what is in flight and answers each record once.

use super::{
    ConnectError,
    config::CheckedProperties,
    producer::{Pending, Share, Shared},
    topics::KnownTopics,
};
use crate::{
    publisher::{Delivery, Publisher, Refused, SendError},
    record::NewRecord,
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// How often a flush looks.
const LOOK: Duration = Duration::from_millis(2);

pub(super) struct KafkaPublisher {
    shared: Arc<Shared>,
    topics: Arc<KnownTopics>,
}

impl KafkaPublisher {
    pub fn new(
        settings: &Arc<CheckedProperties>,
        topics: Arc<KnownTopics>,
    ) -> Result<Self, ConnectError> {
        Ok(Self {
            shared: Shared::start(settings.clone())?,
            topics,
        })
    }

    fn take_share(&self, size: usize) -> Result<Share, Refused> {
        let share = Share::take(self.shared.load.clone(), size);
        let (records, bytes) = (
            self.shared.load.records.load(Ordering::Acquire),
            self.shared.load.bytes.load(Ordering::Acquire),
        );
        let full = records > self.shared.settings.queue_records
            || (bytes > self.shared.settings.queue_bytes && records > 1);
        if full {
            Err(Refused::QueueFull)
        } else {
            Ok(share)
        }
    }

    #[cfg(test)]
    fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

#[async_trait::async_trait]
impl Publisher for KafkaPublisher {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        let size = record.size();
        let share = match self
            .topics
            .check(&record.topic, record.partition, size)
            .and_then(|()| self.take_share(size))
        {
            Ok(share) => share,
            Err(why) => {
                return Err(SendError {
                    why,
                    record: Box::new(record),
                });
            }
        };
        let (sender, delivery) = Delivery::pair();
        match self.shared.send(Pending::new(record, sender, share)) {
            Ok(()) => Ok(delivery),
            Err((why, record)) => Err(SendError {
                why,
                record: Box::new(record),
            }),
        }
    }

    async fn flush(&self, limit: Duration) -> usize {
        let before = self.shared.next_epoch();
        let start = Instant::now();
        loop {
            let left = before.iter().map(std::sync::Weak::strong_count).sum();
            if left == 0 || start.elapsed() >= limit {
                return left;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn healthy(&self) -> bool {
        !self.shared.health.is_down()
    }

    fn denied(&self) -> Option<String> {
        self.shared.health.denial()
    }
}

impl Drop for KafkaPublisher {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
