//! Appending to the embedded log. Must never block on the disk: the journal's threads write.

use super::{CLOSED, Core, EmbeddedLoad, topic::Partition};
use crate::publisher::{
    Appended, Delivery, DeliveryError, DeliverySender, Publisher, Refused, SendError,
};
use crate::{record::NewRecord, record_codec};
use segment_log::AppendError;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

pub(super) struct EmbeddedPublisher(pub Arc<Core>);

#[async_trait::async_trait]
impl Publisher for EmbeddedPublisher {
    fn send(&self, record: NewRecord) -> Result<Delivery, SendError> {
        self.queue_record(&record).map_err(|why| SendError {
            why,
            record: Box::new(record),
        })
    }

    async fn flush(&self, limit: Duration) -> usize {
        let waiting: Vec<_> = self
            .0
            .topics
            .all()
            .iter()
            .flat_map(|topic| topic.partitions.clone())
            .collect();
        let targets: Vec<_> = waiting
            .iter()
            .map(|partition| (partition, partition.queued.load(Ordering::Acquire)))
            .collect();
        let all = async {
            for (partition, target) in &targets {
                loop {
                    let settled = partition.settled.notified();
                    if partition.resolved.load(Ordering::Acquire) >= *target {
                        break;
                    }
                    settled.await;
                }
            }
        };
        let _ = tokio::time::timeout(limit, all).await;
        let left: u64 = targets
            .iter()
            .map(|(partition, target)| {
                target.saturating_sub(partition.resolved.load(Ordering::Acquire))
            })
            .sum();
        usize::try_from(left).unwrap_or(usize::MAX)
    }

    fn healthy(&self) -> bool {
        !*self.0.closed.borrow() && !self.0.load.failed.load(Ordering::Acquire)
    }
}

impl EmbeddedPublisher {
    fn queue_record(&self, record: &NewRecord) -> Result<Delivery, Refused> {
        let size = record_codec::encoded_size(record).ok_or(Refused::TooLarge)?;
        let partition = self
            .0
            .topics
            .writable(&record.topic, record.partition, size)?;
        let load = self.0.topics.load();
        let place = QueueShare::take(load, size, &self.0.options)?;
        let (sender, delivery) = Delivery::pair();
        let pending = PendingAppend {
            partition: partition.clone(),
            place: Some(place),
            sender: Some(sender),
        };
        partition.queued.fetch_add(1, Ordering::AcqRel);
        // Refused: dropping the completion counts the record as resolved.
        let queued = partition.log.append(
            size,
            |buffer| record_codec::encode_record(record, buffer),
            Box::new(move |result| pending.resolve(result)),
        );
        queued.map_err(|refused| match refused {
            segment_log::Refused::QueueFull => Refused::QueueFull,
            segment_log::Refused::TooLarge => Refused::TooLarge,
            segment_log::Refused::Closed | segment_log::Refused::Failed => Refused::Closed,
        })?;
        Ok(delivery)
    }
}

/// A record's share of the queue.
struct QueueShare {
    load: Arc<EmbeddedLoad>,
    size: usize,
}

impl QueueShare {
    fn take(
        load: &Arc<EmbeddedLoad>,
        size: usize,
        options: &super::Options,
    ) -> Result<Self, Refused> {
        let place = Self {
            load: load.clone(),
            size,
        };
        let before = (
            load.bytes.fetch_add(size, Ordering::AcqRel),
            load.records.fetch_add(1, Ordering::AcqRel),
        );
        let full = before.1 >= options.queue_records
            || (before.0 > 0 && before.0 + size > options.queue_bytes);
        if full {
            Err(Refused::QueueFull)
        } else {
            Ok(place)
        }
    }
}

impl Drop for QueueShare {
    fn drop(&mut self) {
        let give_back = |counter: &AtomicUsize, by| counter.fetch_sub(by, Ordering::AcqRel);
        give_back(&self.load.bytes, self.size);
        give_back(&self.load.records, 1);
    }
}

/// A queued record: whatever becomes of it, it is resolved exactly once.
struct PendingAppend {
    partition: Arc<Partition>,
    place: Option<QueueShare>,
    sender: Option<DeliverySender>,
}

impl PendingAppend {
    fn resolve(mut self, result: Result<segment_log::Appended, AppendError>) {
        let result = match result {
            Ok(appended) => Ok(Appended {
                partition: self.partition.number,
                offset: appended.offset,
                timestamp: appended.timestamp,
            }),
            Err(AppendError::Rejected(why)) => Err(DeliveryError::Rejected(why)),
            Err(AppendError::SyncFailed(why)) => {
                if let Some(place) = &self.place {
                    place.load.failed.store(true, Ordering::Release);
                }
                Err(DeliveryError::Unknown(why))
            }
        };
        // Whoever hears of the record finds its place in the queue free.
        self.place = None;
        if let Some(sender) = self.sender.take() {
            // Nobody may be waiting; the record stands all the same.
            sender.send(result);
        }
    }
}

impl Drop for PendingAppend {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.send(Err(DeliveryError::Unknown(CLOSED.into())));
        }
        self.partition.resolved.fetch_add(1, Ordering::AcqRel);
        self.partition.settled.notify_waiters();
    }
}
