//! Where a process hands its events over, and the task that appends them to the log in one chain. Handing
//! over never waits; what the queue has no room for is counted, and the count is logged. See ADR 32.

use crate::{
    chain::{CHAIN_HEADER, ChainEnd, ChainLink},
    counted::CountedEvents,
    event::{EventKind, SecurityEvent},
};
use bytes::Bytes;
use event_log::{Delivery, Log, NewRecord, Refused};
use event_schema::signing::Keyring;
use parking_lot::Mutex;
use prometheus::IntCounter;
use runtime::{Clock, Shutdown};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tracing::warn;

/// Events that wait for the log.
const QUEUE: usize = 4_096;
/// Appended at once.
const BATCH: usize = 64;
/// What comes often is counted as long.
const COUNTED_OVER: Duration = Duration::from_secs(60);
/// How long a process that ends waits for its last events.
const CLOSING: Duration = Duration::from_secs(3);

/// Where the events of a process go.
#[derive(Clone)]
pub struct LogTarget {
    pub log: Log,
    pub topic: Arc<str>,
    pub keys: Keyring,
    /// `gateway`, for instance.
    pub service: &'static str,
    /// Random per start.
    pub process: String,
}

enum QueuedEntry {
    Event(i64, SecurityEvent),
    Close(oneshot::Sender<()>),
}

/// The events of one process.
pub struct SecurityLog {
    queue: mpsc::Sender<QueuedEntry>,
    waiting: Mutex<Option<mpsc::Receiver<QueuedEntry>>>,
    counted: Mutex<CountedEvents>,
    unlogged: AtomicU64,
    lost: IntCounter,
    clock: Arc<dyn Clock>,
}

impl SecurityLog {
    /// `lost` counts what the log did not take.
    pub fn new(clock: Arc<dyn Clock>, lost: IntCounter) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        Self {
            queue,
            waiting: Mutex::new(Some(waiting)),
            counted: Mutex::default(),
            unlogged: AtomicU64::new(0),
            lost,
            clock,
        }
    }

    /// Hands an event over.
    pub fn record(&self, event: SecurityEvent) {
        let entry = QueuedEntry::Event(self.clock.now(), event);
        if self.queue.try_send(entry).is_err() {
            self.count_lost(1);
        }
    }

    /// One more of what is logged once a minute, with its count.
    pub fn count(&self, event: SecurityEvent) {
        self.counted.lock().count(event, self.clock.now());
    }

    fn count_lost(&self, events: u64) {
        self.lost.inc_by(events);
        self.unlogged.fetch_add(events, Ordering::Relaxed);
    }

    /// Logs what waits and the end of the process. Nothing is logged afterwards.
    pub async fn close(&self) {
        let (closed, is_closed) = oneshot::channel();
        let closing = async {
            if self.queue.send(QueuedEntry::Close(closed)).await.is_ok() {
                // Without an answer the log was away.
                _ = is_closed.await;
            }
        };
        if timeout(CLOSING, closing).await.is_err() {
            warn!("the last security events were not logged in time");
        }
    }

    /// Appends to the log until it is closed, or all must end. `opened`: said first.
    pub async fn write_to(
        self: Arc<Self>,
        target: LogTarget,
        opened: SecurityEvent,
        shutdown: Shutdown,
    ) {
        let waiting = self.waiting.lock().take();
        let Some(mut waiting) = waiting else { return };
        let mut appender = ChainAppender::new(target);
        // The first one comes after a whole period, too.
        let mut ticks = interval_at(Instant::now() + COUNTED_OVER, COUNTED_OVER);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut entries = vec![QueuedEntry::Event(self.clock.now(), opened)];
        loop {
            let mut closed = None;
            let mut events = Vec::with_capacity(entries.len());
            for entry in entries.drain(..) {
                match entry {
                    QueuedEntry::Event(time, event) => events.push((time, event)),
                    QueuedEntry::Close(answer) => closed = Some(answer),
                }
            }
            events.extend(self.summed(closed.is_some()));
            tokio::select! {
                () = shutdown.hard() => return,
                lost = appender.append(&events) => self.count_lost(lost),
            }
            if let Some(closed) = closed {
                // Whoever closed may have given up.
                _ = closed.send(());
                return;
            }
            tokio::select! {
                () = shutdown.hard() => return,
                received = waiting.recv_many(&mut entries, BATCH) => if received == 0 { return },
                _ = ticks.tick() => {
                    let now = self.clock.now();
                    let counted = self.counted.lock().take_events();
                    entries.extend(counted.into_iter().map(|event| QueuedEntry::Event(now, event)));
                }
            }
        }
    }

    /// What is said beside the events that were handed over.
    fn summed(&self, is_closing: bool) -> Vec<(i64, SecurityEvent)> {
        let mut events = Vec::new();
        let lost = self.unlogged.swap(0, Ordering::Relaxed);
        if lost > 0 {
            events.push(SecurityEvent::new(EventKind::LOG_LOST).with("count", lost));
        }
        if is_closing {
            events.extend(self.counted.lock().take_events());
            events.push(SecurityEvent::new(EventKind::LOG_CLOSED));
        }
        let now = self.clock.now();
        events.into_iter().map(|event| (now, event)).collect()
    }
}

/// Logs what a command did, as a chain of its own. False: the log did not take all of it.
pub async fn record_once(target: LogTarget, events: Vec<SecurityEvent>, now: i64) -> bool {
    let opened = SecurityEvent::new(EventKind::LOG_OPENED);
    let closed = SecurityEvent::new(EventKind::LOG_CLOSED);
    let all = std::iter::once(opened).chain(events).chain([closed]);
    let all: Vec<_> = all.map(|event| (now, event)).collect();
    ChainAppender::new(target).append(&all).await == 0
}

struct ChainAppender {
    target: LogTarget,
    chain: ChainEnd,
}

impl ChainAppender {
    fn new(target: LogTarget) -> Self {
        let chain = ChainEnd::new(target.process.clone(), target.keys.clone());
        Self { target, chain }
    }

    /// Waits as long as the log is away; returns how many it will never take.
    async fn append(&mut self, events: &[(i64, SecurityEvent)]) -> u64 {
        let mut deliveries = Vec::with_capacity(events.len());
        let mut lost = 0;
        for (time, event) in events {
            match self.enqueue_event(*time, event).await {
                Ok(delivery) => deliveries.push(delivery),
                Err(why) => {
                    warn!(%why, kind = event.kind.name, "a security event is not logged");
                    lost += 1;
                }
            }
        }
        for delivery in deliveries {
            if let Err(error) = delivery.await {
                warn!(%error, "a security event is not logged");
                lost += 1;
            }
        }
        lost
    }

    /// One that is larger than the log takes is logged without what it says beyond who and whom.
    async fn enqueue_event(
        &mut self,
        time: i64,
        event: &SecurityEvent,
    ) -> Result<Delivery, Refused> {
        match self.enqueue_whole(time, event).await {
            Err(Refused::TooLarge) => self.enqueue_whole(time, &event.without_detail()).await,
            answer => answer,
        }
    }

    /// What is refused has no place in the chain, or what comes behind it would look cut off.
    async fn enqueue_whole(
        &mut self,
        time: i64,
        event: &SecurityEvent,
    ) -> Result<Delivery, Refused> {
        let named = (self.target.service, self.chain.process.as_str());
        let value = event.encode(named, self.chain.next(), time);
        let link = self.chain.next_link(&value);
        let record = self.record_of(value, &link);
        let queued = self.target.log.enqueue(record).await;
        let delivery = queued.map_err(|error| error.why)?;
        self.chain.take(&link);
        Ok(delivery)
    }

    fn record_of(&self, value: Vec<u8>, link: &ChainLink) -> NewRecord {
        let content_type = Bytes::from_static(b"application/cloudevents+json");
        NewRecord {
            topic: self.target.topic.clone(),
            partition: 0,
            key: Some(Bytes::from(self.target.process.clone())),
            value: Some(value.into()),
            headers: vec![
                ("content-type".into(), content_type),
                (CHAIN_HEADER.into(), link.to_header().into()),
            ],
        }
    }
}

#[cfg(test)]
mod tests;
