//! What every driver must do, as scenarios over the port. A driver's test file names a function
//! that makes a [`Bed`] and calls [`suite!`].

use bytes::Bytes;
use event_log::{
    Appended, CleanupPolicy, Consumer, ConsumerEvent, Delivery, Limits, Log, NewRecord,
    PartitionStream, Record, StreamError, TopicSpec,
};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

pub mod above;
pub mod append;
pub mod group;
pub mod read;
pub mod topics;

/// Closes the log and opens it again, as after a restart of the process.
pub type Restart = Box<dyn FnMut() -> Log + Send>;

/// A log to test, with topics of its own.
pub struct Bed {
    pub log: Log,
    restart: Restart,
}

/// Long enough for a rebalance on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(40);
pub const ALL: Limits = Limits {
    records: 10_000,
    bytes: 64 << 20,
};
pub const RECORD_LIMIT: usize = 256 << 10;

impl Bed {
    pub fn new(log: Log, restart: Restart) -> Self {
        Self { log, restart }
    }

    pub fn restart(&mut self) {
        self.log = (self.restart)();
    }

    pub async fn topic(&self, partitions: u16) -> String {
        let spec = spec(partitions);
        assert_eq!(
            self.log
                .admin
                .create(std::slice::from_ref(&spec))
                .await
                .unwrap(),
            []
        );
        spec.name
    }

    pub fn send(&self, topic: &str, partition: u16, value: &str) -> Delivery {
        self.log
            .publisher
            .send(record(topic, partition, value))
            .unwrap()
    }

    pub async fn append(&self, topic: &str, partition: u16, value: &str) -> Appended {
        self.send(topic, partition, value).await.unwrap()
    }

    /// Appends `0`, `1`, … and waits for all.
    pub async fn fill(&self, topic: &str, partition: u16, count: usize) {
        let sent: Vec<_> = (0..count)
            .map(|number| self.send(topic, partition, &number.to_string()))
            .collect();
        for delivery in sent {
            delivery.await.unwrap();
        }
    }
}

/// A topic that no other test uses.
pub fn spec(partitions: u16) -> TopicSpec {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let name = format!(
        "contract.{}.{}",
        std::process::id(),
        LAST.fetch_add(1, Ordering::Relaxed)
    );
    TopicSpec {
        name,
        partitions,
        cleanup: CleanupPolicy::Keep,
        record_limit: RECORD_LIMIT,
        durable: true,
    }
}

pub fn record(topic: &str, partition: u16, value: &str) -> NewRecord {
    NewRecord {
        topic: topic.into(),
        partition,
        key: None,
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Vec::new(),
    }
}

pub fn value(record: &Record) -> &str {
    std::str::from_utf8(record.value.as_deref().unwrap()).unwrap()
}

/// The next `count` records, or a panic after [`PATIENCE`].
pub async fn take(stream: &mut dyn PartitionStream, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    while records.len() < count {
        let limits = Limits {
            records: count - records.len(),
            ..ALL
        };
        records.extend(soon(stream.next(limits)).await.unwrap());
    }
    records
}

pub async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("nothing happened for a long time")
}

/// A member and what it was told.
pub struct Told {
    pub consumer: Box<dyn Consumer>,
    pub owned: BTreeSet<u16>,
    pub events: Vec<ConsumerEvent>,
}

impl Told {
    pub async fn join(log: &Log, group: &str, topic: &str) -> Self {
        Self {
            consumer: log.groups.join(group, topic).await.unwrap(),
            owned: BTreeSet::new(),
            events: Vec::new(),
        }
    }

    pub async fn hear(&mut self) {
        let event = self.consumer.next().await.unwrap();
        match &event {
            ConsumerEvent::Assigned(partitions) => {
                for partition in partitions {
                    assert!(
                        self.owned.insert(*partition),
                        "{partition} was assigned twice: {:?}",
                        self.events
                    );
                }
            }
            ConsumerEvent::Revoked(partitions) | ConsumerEvent::Lost(partitions) => {
                for partition in partitions {
                    assert!(
                        self.owned.remove(partition),
                        "{partition} was not ours: {:?}",
                        self.events
                    );
                }
            }
        }
        self.events.push(event);
    }

    /// Listens until it owns so many.
    pub async fn until(&mut self, count: usize) {
        soon(async {
            while self.owned.len() != count {
                self.hear().await;
            }
        })
        .await;
    }
}

/// Listens to all until each owns its number of partitions.
pub async fn settle(members: &mut [(&mut Told, usize)]) {
    soon(async {
        while members
            .iter()
            .any(|(member, count)| member.owned.len() != *count)
        {
            let hear = members
                .iter_mut()
                .map(|(member, _)| Box::pin(member.hear()));
            futures::future::select_all(hear).await;
        }
    })
    .await;
}

pub fn is_out_of_range<T>(result: &Result<T, StreamError>) -> bool {
    matches!(result, Err(StreamError::OutOfRange { .. }))
}

/// The tests of every scenario; `$bed` makes the [`Bed`], `$small` one whose publisher takes ten
/// records; both as paths from the crate.
macro_rules! suite {
    ($bed:path, $small:path) => {
        $crate::contract::suite!(@ append, $bed: order_per_partition batches_are_acknowledged flush_waits records_come_back_as_they_were
            too_large unknown_partition dropped_deliveries_are_appended);
        $crate::contract::suite!(@ read, $bed: tail_wakes tail_from_the_end limits_hold out_of_range deleted_under_a_stream read_a_range
            next_is_cancel_safe ends_are_known two_streams_on_one_partition);
        $crate::contract::suite!(@ topics, $bed: creating_twice_changes_nothing differences_are_named restart_keeps_all delete_before ids durability);
        $crate::contract::suite!(@ above, $bed: a_scan_reads_its_range a_scan_of_what_is_kept a_follower_reads_on
            a_follower_says_what_it_lost a_follower_waits_for_its_topic);
        $crate::contract::groups!($bed);
        mod bounded {
            $crate::contract::suite!(@ append, $small: queue_full);
            $crate::contract::suite!(@ above, $small: an_append_waits_for_room);
        }
    };
    (@ $module:ident, $bed:path: $($name:ident)*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    $crate::contract::$module::$name($bed()).await;
                }
            )*
        }
    };
}
pub(crate) use suite;

/// The scenarios of groups alone.
macro_rules! groups {
    ($bed:path) => {
        $crate::contract::suite!(@ group, $bed: one_member_gets_all two_members_share_and_hand_over leaving_is_noticed dropping_is_leaving
            revoked_streams_end stays_while_others_come commits_are_kept a_stream_opens_where_it_is_told_to a_partition_is_opened_again
            nothing_is_missed_when_a_partition_moves no_such_topic);
    };
}
pub(crate) use groups;
