//! Stage 3: valid requests become events, events go to the log or the spool in front of it, and the
//! acknowledgement is awaited. A 2xx stands on what is here.

pub(crate) mod definitions;
pub(crate) mod event;
pub(crate) mod known_ends;

mod outlet;

pub(crate) use outlet::EventOutlet;

use super::published::{EventPlace, Published};
use crate::{
    error::{Code, Problem},
    spool_row::SpoolRow,
};
use catalog::Kind;
use event::Event;
use event_log::{Appended, DeliveryError, Durability};
use event_schema::{id::RequestId, outcome::LedgerEntry};
use known_ends::KnownEnds;
use outlet::EventDelivery;
use prometheus::IntCounter;
use spool::Acknowledged;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use store::Record;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

/// What is needed to hand events to the log.
pub(crate) struct EventPublisher {
    pub outlet: EventOutlet,
    /// Remembers what repeats came to.
    pub record: Arc<dyn Record>,
    /// How long the log may take to acknowledge.
    pub timeout: Duration,
    /// What the log's acknowledgement means; unset while nothing can be written to it.
    pub durability: OnceLock<Durability>,
    /// Counts what the log acknowledged, and what the spool made safe before that.
    pub accepted: IntCounter,
    pub spooled: IntCounter,
    /// Counts those among both whose caller could not be looked at.
    pub unconfirmed: IntCounter,
    /// How far the log is known to be.
    pub known_ends: Arc<KnownEnds>,
    /// What other gateways know of the spool.
    pub spool_row: Option<Arc<SpoolRow>>,
}

/// An event on its way.
pub(crate) struct Sent {
    request: RequestId,
    kind: Kind,
    is_unconfirmed: bool,
    partition: u16,
    delivery: EventDelivery,
    timeout: Duration,
    deadline: Instant,
    accepted: IntCounter,
    spooled: IntCounter,
    unconfirmed: IntCounter,
    known_ends: Arc<KnownEnds>,
    spool_row: Option<Arc<SpoolRow>>,
    outcome: Option<Result<Acknowledged, DeliveryError>>,
}

/// A refusal, and the event back where trying again may help.
pub(crate) type NotSent = Box<(Problem, Option<Event>)>;

impl EventPublisher {
    /// Queues an event. Order of calls is order in the partition.
    pub(crate) fn send(&self, event: Event) -> Result<Sent, NotSent> {
        let is_known = !self.outlet.needs_log() || self.durability.get().is_some();
        if !is_known || !self.outlet.is_open() {
            let problem = Problem::new(Code::LogUnavailable, "the log is out of reach");
            return Err(Box::new((problem.retry_after(2), Some(event))));
        }
        let (handed, record) = event.hand_over();
        let partition = record.partition;
        match self.outlet.send(record) {
            Ok(delivery) => Ok(Sent {
                request: handed.request,
                kind: handed.kind,
                is_unconfirmed: handed.is_unconfirmed,
                partition,
                delivery,
                timeout: self.timeout,
                deadline: Instant::now() + self.timeout,
                accepted: self.accepted.clone(),
                spooled: self.spooled.clone(),
                unconfirmed: self.unconfirmed.clone(),
                known_ends: self.known_ends.clone(),
                spool_row: self.spool_row.clone(),
                outcome: None,
            }),
            Err((problem, back)) => {
                let back = back.map(|record| handed.take_back(*record));
                Err(Box::new((problem, back)))
            }
        }
    }

    /// Repeats of a keyed request that a store remembers are not sent again: their places are in
    /// the ledger. If the store cannot be asked, they are sent, and the worker finds out.
    pub(super) async fn remembered(
        &self,
        events: &[Result<Event, Problem>],
    ) -> Vec<Option<LedgerEntry>> {
        let ids: Vec<_> = events.iter().flatten().map(Event::request).collect();
        self.record.ledger(&ids).await.unwrap_or_default()
    }

    /// All are queued before the first is awaited.
    pub(super) fn send_all(&self, outgoing: Outgoing) -> HandedOver {
        let send = |item| match item {
            Item::Event(event) => self
                .send(event)
                .map(OnItsWay::Sent)
                .map_err(|failed| failed.0),
            Item::Known(published) => Ok(OnItsWay::Known(published)),
            Item::Refused(problem) => Err(problem),
        };
        HandedOver(outgoing.0.into_iter().map(send).collect())
    }
}

impl Sent {
    /// Waits for the log's acknowledgement, or until it is too late for one. Cancel-safe.
    pub(crate) async fn acknowledged(&mut self) {
        if self.outcome.is_none() {
            self.outcome = Some(
                timeout_at(self.deadline, &mut self.delivery)
                    .await
                    .unwrap_or_else(|_| {
                        let seconds = self.timeout.as_secs();
                        let why = format!("nothing was heard for {seconds} s");
                        Err(DeliveryError::Unknown(why))
                    }),
            );
        }
        // Other gateways cannot find it: they must know that this spool may have it.
        if let (Some(Ok(Acknowledged::Spooled(_))), Some(row)) = (&self.outcome, &self.spool_row) {
            row.say_holding().await;
            self.spool_row = None;
        }
    }

    /// Where it is in the log, once that is known. Cancel-safe.
    pub(crate) async fn published(&mut self) -> Result<Published, Problem> {
        self.acknowledged().await;
        match self.outcome.take() {
            Some(Ok(acknowledged)) => Ok(Published {
                request: self.request,
                kind: self.kind,
                partition: self.partition,
                place: self.place(acknowledged),
                is_unconfirmed: self.is_unconfirmed,
            }),
            Some(Err(error)) => {
                warn!(request = %self.request, %error, "an event was not acknowledged; its client gets an error");
                Err(Problem::from(error).about(self.request, None))
            }
            None => Err(Problem::new(
                Code::Internal,
                "an event's position was set twice",
            )),
        }
    }
}

impl Sent {
    fn place(&self, acknowledged: Acknowledged) -> EventPlace {
        if self.is_unconfirmed {
            self.unconfirmed.inc();
        }
        match acknowledged {
            Acknowledged::Logged(Appended {
                partition, offset, ..
            }) => {
                self.accepted.inc();
                if self.kind == Kind::Transaction {
                    self.known_ends.acknowledged(partition, offset);
                }
                EventPlace::Logged(offset)
            }
            Acknowledged::Spooled(place) => {
                self.spooled.inc();
                EventPlace::Spooled(place)
            }
        }
    }
}

/// What a request hands to the log, ready, in its order.
pub(super) struct Outgoing(Vec<Item>);

enum Item {
    Event(Event),
    /// A store remembers it: its place is known.
    Known(Published),
    Refused(Problem),
}

/// What a request handed to the log.
pub(super) struct HandedOver(Vec<Result<OnItsWay, Problem>>);

enum OnItsWay {
    Sent(Sent),
    Known(Published),
}

impl Outgoing {
    /// `remembered`: one answer for each event that is no problem, or none at all.
    pub(super) fn new(
        events: Vec<Result<Event, Problem>>,
        remembered: &[Option<LedgerEntry>],
    ) -> Self {
        let mut remembered = remembered.iter();
        let item = |event| match event {
            Ok(event) => match remembered.next() {
                Some(Some(entry)) => Item::Known(known_published(entry)),
                Some(None) | None => Item::Event(event),
            },
            Err(problem) => Item::Refused(problem),
        };
        Self(events.into_iter().map(item).collect())
    }

    /// What stands for the entities and channels of its events.
    pub(super) fn keys(&self) -> Vec<u64> {
        let key = |item: &Item| match item {
            Item::Event(event) => Some(event.order_key()),
            Item::Known(_) | Item::Refused(_) => None,
        };
        self.0.iter().filter_map(key).collect()
    }
}

fn known_published(entry: &LedgerEntry) -> Published {
    Published {
        request: entry.request,
        kind: Kind::Transaction,
        partition: entry.position.partition,
        place: EventPlace::Logged(entry.position.offset.get()),
        is_unconfirmed: false,
    }
}

impl HandedOver {
    /// Waits for the log.
    pub(super) async fn published(self) -> Vec<Result<Published, Problem>> {
        let mut published = Vec::with_capacity(self.0.len());
        for item in self.0 {
            published.push(match item {
                Ok(OnItsWay::Sent(mut sent)) => sent.published().await,
                Ok(OnItsWay::Known(published)) => Ok(published),
                Err(problem) => Err(problem),
            });
        }
        published
    }
}
