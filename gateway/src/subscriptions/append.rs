//! Appends to the topic `rooms`: the registry's records, in their order and many at once, and a
//! heartbeat every so often. It never waits for one record before it sends the next.

use super::Subscriptions;
use event_log::{
    Log, NewRecord,
    publisher::{Appended, DeliveryError, Refused},
};
use event_schema::{codec, membership::MembershipRecord};
use futures::{StreamExt, stream::FuturesUnordered};
use runtime::{Clock, Shutdown};
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use subscriptions::registry::OutgoingRecord;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{debug, warn};

/// Records that may wait for their acknowledgement.
const IN_FLIGHT: usize = 4096;
/// Taken from the registry at once.
const BATCH: usize = 512;
const PAUSE: Duration = Duration::from_millis(20);

type AppendOutcome = (OutgoingRecord, Result<Appended, DeliveryError>);

struct MembershipAppender {
    subscriptions: Arc<Subscriptions>,
    log: Log,
    unsent: VecDeque<OutgoingRecord>,
    on_the_way: FuturesUnordered<Pin<Box<dyn Future<Output = AppendOutcome> + Send>>>,
    beating: bool,
}

/// Runs until the end is written, or all must end.
pub(crate) async fn run_appender(
    subscriptions: Arc<Subscriptions>,
    log: Log,
    clock: Arc<dyn Clock>,
    every: Duration,
    shutdown: Shutdown,
) {
    let mut appender = MembershipAppender {
        subscriptions,
        log,
        unsent: VecDeque::new(),
        on_the_way: FuturesUnordered::new(),
        beating: false,
    };
    let mut beats = interval(every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let full = !appender.send();
        if appender.is_done() {
            appender.subscriptions.ended.send_replace(true);
            return;
        }
        let idle = appender.on_the_way.is_empty();
        tokio::select! {
            () = shutdown.hard() => return,
            Some(outcome) = appender.on_the_way.next(), if !idle => appender.settle(outcome),
            () = appender.subscriptions.outgoing.notified(), if !full => {}
            () = sleep(PAUSE), if full => {}
            _ = beats.tick(), if !appender.beating => {
                appender.beating = true;
                appender.subscriptions.registry.lock().write_heartbeat(clock.now());
            }
        }
    }
}

impl MembershipAppender {
    /// Hands over what there is; false: the queue to the log is full.
    fn send(&mut self) -> bool {
        loop {
            if self.on_the_way.len() >= IN_FLIGHT {
                return true;
            }
            if self.unsent.is_empty() {
                self.unsent
                    .extend(self.subscriptions.registry.lock().take_outgoing(BATCH));
            }
            let Some(outgoing) = self.unsent.pop_front() else {
                return true;
            };
            let parts = codec::encode_membership(&outgoing.record);
            let record = NewRecord {
                topic: self.subscriptions.topic.clone(),
                partition: 0,
                key: parts.key,
                value: parts.value,
                headers: parts.headers,
            };
            match self.log.publisher.send(record) {
                Ok(delivery) => self
                    .on_the_way
                    .push(Box::pin(async move { (outgoing, delivery.await) })),
                Err(error) => match error.why {
                    Refused::QueueFull => {
                        self.unsent.push_front(outgoing);
                        return false;
                    }
                    Refused::TooLarge | Refused::UnknownPartition | Refused::Closed => {
                        warn!(error = %error.why, "a record of subscriptions is refused by the log");
                        self.failed(outgoing, matches!(error.why, Refused::Closed));
                    }
                },
            }
        }
    }

    fn settle(&mut self, (outgoing, outcome): AppendOutcome) {
        if matches!(outgoing.record, MembershipRecord::Heartbeat(_)) {
            self.beating = false;
        }
        match (outcome, outgoing.append) {
            (Ok(appended), Some(number)) => self
                .subscriptions
                .registry
                .lock()
                .appended(number, appended.offset),
            (Ok(_), None) => {}
            (Err(error), _) => {
                debug!(%error, "the log did not take a record of the rooms");
                self.failed(outgoing, false);
            }
        }
    }

    /// `closed`: trying again is of no use.
    fn failed(&mut self, outgoing: OutgoingRecord, closed: bool) {
        let mut registry = self.subscriptions.registry.lock();
        match (outgoing.append, outgoing.record) {
            (
                Some(number),
                MembershipRecord::Subscribed(..)
                | MembershipRecord::Unsubscribed(..)
                | MembershipRecord::Heartbeat(_)
                | MembershipRecord::GatewayExpired { .. }
                | MembershipRecord::PartitionClaimed(_),
            ) => {
                registry.not_appended(number);
            }
            (None, MembershipRecord::Unsubscribed(membership, volatile)) if !closed => {
                registry.not_left(membership, volatile)
            }
            (None, MembershipRecord::Heartbeat(_)) => self.beating = false,
            // Without this record the gateway expires after a while.
            (
                None,
                MembershipRecord::Unsubscribed(..)
                | MembershipRecord::Subscribed(..)
                | MembershipRecord::GatewayExpired { .. }
                | MembershipRecord::PartitionClaimed(_),
            ) => {}
        }
    }

    fn is_done(&self) -> bool {
        self.subscriptions.ending.load(Ordering::Acquire)
            && self.unsent.is_empty()
            && self.on_the_way.is_empty()
    }
}
