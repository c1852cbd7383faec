//! Where a process hands its events over, and the task that appends them to the log in one chain. Handing
//! over never waits; what the queue has no room for is counted, and the count is logged. See ADR 32.

use crate::{
    chain::{CHAIN_HEADER, ChainEnd, ChainLink},
    counted::CountedEvents,
    event::{EventKind, HOLES, SecurityEvent},
};
use bytes::Bytes;
use event_log::{Delivery, Log, NewRecord, Refused};
use event_schema::signing::Keyring;
use parking_lot::Mutex;
use prometheus::IntCounter;
use runtime::{Clock, Shutdown};
use serde_json::{Value, json};
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
/// How often a process that ends says what was lost, where that is lost as well.
const LOSS_TOLD_TIMES: usize = 3;
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
            events.extend(self.said_of_losses());
            tokio::select! {
                () = shutdown.hard() => return,
                loss = appender.append(&events) => self.count_loss(loss),
            }
            if let Some(closed) = closed {
                tokio::select! {
                    () = shutdown.hard() => return,
                    () = self.write_end(&mut appender) => {}
                }
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

    /// How many were lost since that was said last.
    fn said_of_losses(&self) -> Option<(i64, SecurityEvent)> {
        let lost = self.unlogged.swap(0, Ordering::Relaxed);
        (lost > 0).then(|| (self.clock.now(), loss_of(lost)))
    }

    /// Behind all that was handed over: what was counted, what was lost of all that, and the end.
    async fn write_end(&self, appender: &mut ChainAppender) {
        let now = self.clock.now();
        let counted = self.counted.lock().take_events();
        let counted: Vec<_> = counted.into_iter().map(|event| (now, event)).collect();
        self.count_loss(appender.append(&counted).await);
        for _ in 0..LOSS_TOLD_TIMES {
            let Some(loss) = self.said_of_losses() else {
                break;
            };
            self.count_loss(appender.append(&[loss]).await);
        }
        let closed = SecurityEvent::new(EventKind::LOG_CLOSED);
        self.count_loss(appender.append(&[(now, closed)]).await);
    }

    fn count_loss(&self, loss: ChainLoss) {
        self.count_lost(loss.events);
        self.unlogged.fetch_add(loss.untold, Ordering::Relaxed);
    }
}

/// How many losses an event tells of.
fn told_losses(event: &SecurityEvent) -> u64 {
    let count = event.detail.get("count").and_then(Value::as_u64);
    let is_loss = event.kind == EventKind::LOG_LOST;
    count.filter(|_| is_loss).unwrap_or_default()
}

fn loss_of(events: u64) -> SecurityEvent {
    SecurityEvent::new(EventKind::LOG_LOST).with("count", events)
}

/// Logs what a command did, as a chain of its own. False: the log did not take all of it.
pub async fn record_once(target: LogTarget, events: Vec<SecurityEvent>, now: i64) -> bool {
    let opened = SecurityEvent::new(EventKind::LOG_OPENED);
    let closed = SecurityEvent::new(EventKind::LOG_CLOSED);
    let mut appender = ChainAppender::new(target);
    let first = std::iter::once(opened).chain(events);
    let first: Vec<_> = first.map(|event| (now, event)).collect();
    let lost = appender.append(&first).await.events;
    let loss = (lost > 0).then(|| loss_of(lost));
    let last: Vec<_> = loss
        .into_iter()
        .chain([closed])
        .map(|event| (now, event))
        .collect();
    lost + appender.append(&last).await.events == 0
}

/// What the log did not take.
#[derive(Default)]
struct ChainLoss {
    events: u64,
    /// What was to be said of earlier losses by those.
    untold: u64,
}

struct ChainAppender {
    target: LogTarget,
    chain: ChainEnd,
    /// Of events that were given places in the chain and that the log gave up: the first and the last
    /// of each run. A [loss](EventKind::LOG_LOST) says them, so that it does not look like forgery.
    holes: Vec<(u64, u64)>,
}

/// An event on its way into the log.
struct SentEvent {
    sequence: u64,
    /// It says which places of the chain were given up before it.
    says_holes: bool,
    /// How many earlier losses it tells of.
    tells: u64,
    delivery: Delivery,
}

impl ChainAppender {
    fn new(target: LogTarget) -> Self {
        let chain = ChainEnd::new(target.process.clone(), target.keys.clone());
        let holes = Vec::new();
        Self {
            target,
            chain,
            holes,
        }
    }

    /// Waits as long as the log is away.
    async fn append(&mut self, events: &[(i64, SecurityEvent)]) -> ChainLoss {
        let mut sent = Vec::with_capacity(events.len());
        let mut loss = ChainLoss::default();
        for (time, event) in events {
            let tells = told_losses(event);
            let says_holes = event.kind == EventKind::LOG_LOST && !self.holes.is_empty();
            let event = if says_holes {
                &event.clone().with(HOLES, json!(self.holes))
            } else {
                event
            };
            let sequence = self.chain.next();
            match self.enqueue_event(*time, event).await {
                Ok(delivery) => sent.push(SentEvent {
                    sequence,
                    says_holes,
                    tells,
                    delivery,
                }),
                Err(why) => {
                    warn!(%why, kind = event.kind.name, "a security event is not logged");
                    loss.events += 1;
                    loss.untold += tells;
                }
            }
        }
        self.await_all(sent, loss).await
    }

    /// Adds what the log gave up of them.
    async fn await_all(&mut self, sent: Vec<SentEvent>, mut loss: ChainLoss) -> ChainLoss {
        let (mut lost, mut are_told) = (Vec::new(), false);
        for SentEvent {
            sequence,
            says_holes,
            tells,
            delivery,
        } in sent
        {
            match delivery.await {
                Ok(_) => are_told |= says_holes,
                Err(error) => {
                    warn!(%error, sequence, "a security event is not logged");
                    lost.push(sequence);
                    loss.untold += tells;
                }
            }
        }
        if are_told {
            self.holes.clear();
        }
        for sequence in &lost {
            match self.holes.last_mut() {
                Some((_, last)) if *last + 1 == *sequence => *last = *sequence,
                Some(_) | None => self.holes.push((*sequence, *sequence)),
            }
        }
        loss.events += lost.len() as u64;
        loss
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
