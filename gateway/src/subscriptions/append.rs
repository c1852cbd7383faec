//! Writes to the topic `rooms`: what the hall wants written, in that order and many at once, and a
//! sign of life every so often. It never waits for one record before it sends the next.

use super::{Subscriptions, hall::Outgoing};
use event_log::{
    Log, NewRecord,
    publisher::{Appended, DeliveryError, Refused},
};
use event_schema::{codec, rooms::RoomRecord};
use futures::{StreamExt, stream::FuturesUnordered};
use runtime::{Clock, Shutdown};
use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tracing::{debug, warn};

/// Records that may wait for their acknowledgement.
const IN_FLIGHT: usize = 4096;
/// Taken from the hall at once.
const MOST: usize = 512;
const PAUSE: Duration = Duration::from_millis(20);

type Outcome = (Outgoing, Result<Appended, DeliveryError>);

struct Appender {
    subscriptions: Arc<Subscriptions>,
    log: Log,
    unsent: VecDeque<Outgoing>,
    on_the_way: FuturesUnordered<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
    beating: bool,
}

/// Runs until the end is written, or all must end.
pub(crate) async fn run(
    subscriptions: Arc<Subscriptions>,
    log: Log,
    clock: Arc<dyn Clock>,
    every: Duration,
    shutdown: Shutdown,
) {
    let mut appender = Appender {
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
                appender.subscriptions.hall.lock().beat(clock.now());
            }
        }
    }
}

impl Appender {
    /// Hands over what there is; false: the queue to the log is full.
    fn send(&mut self) -> bool {
        loop {
            if self.on_the_way.len() >= IN_FLIGHT {
                return true;
            }
            if self.unsent.is_empty() {
                self.unsent
                    .extend(self.subscriptions.hall.lock().take_outgoing(MOST));
            }
            let Some(outgoing) = self.unsent.pop_front() else {
                return true;
            };
            let parts = codec::encode_room(&outgoing.1);
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
                        warn!(error = %error.why, "a subscription cannot be written down");
                        self.failed(outgoing, matches!(error.why, Refused::Closed));
                    }
                },
            }
        }
    }

    fn settle(&mut self, (outgoing, outcome): Outcome) {
        if matches!(outgoing.1, RoomRecord::Beats(_)) {
            self.beating = false;
        }
        match (outcome, &outgoing) {
            (Ok(appended), (Some(number), _)) => self
                .subscriptions
                .hall
                .lock()
                .appended(*number, appended.offset),
            (Ok(_), (None, _)) => {}
            (Err(error), _) => {
                debug!(%error, "the log did not take a record of the rooms");
                self.failed(outgoing, false);
            }
        }
    }

    /// `closed`: trying again is of no use.
    fn failed(&mut self, outgoing: Outgoing, closed: bool) {
        let mut hall = self.subscriptions.hall.lock();
        match outgoing {
            (
                Some(number),
                RoomRecord::Sits(..)
                | RoomRecord::Leaves(..)
                | RoomRecord::Beats(_)
                | RoomRecord::Gone { .. }
                | RoomRecord::Owns(_),
            ) => {
                hall.not_appended(number);
            }
            (None, RoomRecord::Leaves(seat, volatile)) if !closed => hall.not_left(seat, volatile),
            (None, RoomRecord::Beats(_)) => self.beating = false,
            // Without its last word the gateway is missed after a while.
            (
                None,
                RoomRecord::Leaves(..)
                | RoomRecord::Sits(..)
                | RoomRecord::Gone { .. }
                | RoomRecord::Owns(_),
            ) => {}
        }
    }

    fn is_done(&self) -> bool {
        self.subscriptions.ending.load(Ordering::Acquire)
            && self.unsent.is_empty()
            && self.on_the_way.is_empty()
    }
}
