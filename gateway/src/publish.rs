//! Stage 3: valid requests become events, events go to the log, and the log's acknowledgement is
//! awaited. A 2xx stands on what is here.

pub(crate) mod definitions;
pub(crate) mod event;

use crate::{
    app::App,
    error::{Code, Problem},
    idempotency::Ticket,
    request::caller::Caller,
    validate::ValidRequest,
};
use catalog::Kind;
use event::Event;
use event_log::{Appended, Delivery, DeliveryError, Refused, SendError};
use event_schema::{id::RequestId, outcome::LedgerEntry};
use std::collections::BTreeMap;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

/// An event that is in the log for good.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub request: RequestId,
    pub kind: Kind,
    pub partition: u16,
    pub offset: u64,
}

/// How far writes go in each partition: what one token for all of them says.
#[derive(Debug, Default)]
pub(crate) struct Furthest(BTreeMap<u16, u64>);

impl Furthest {
    pub(crate) fn take(&mut self, published: &Published) {
        let offset = self.0.entry(published.partition).or_default();
        *offset = published.offset.max(*offset);
    }

    pub(crate) fn token(&self, app: &App, caller: &Caller) -> String {
        app.token(
            caller,
            self.0
                .iter()
                .map(|(partition, offset)| (*partition, *offset))
                .collect(),
            None,
        )
    }
}

/// An event on its way.
pub(crate) struct Sent {
    pub request: RequestId,
    pub kind: Kind,
    delivery: Delivery,
    since: Instant,
    outcome: Option<Result<Appended, DeliveryError>>,
}

/// The events of a request, in its order, with the problems of documents that became none.
pub(crate) fn events(
    app: &App,
    valid: ValidRequest,
    expects_reply: bool,
) -> (Vec<Result<Event, Problem>>, Option<Ticket>) {
    let ValidRequest {
        kind,
        items,
        caller,
        traceparent,
        ticket,
        origin,
    } = valid;
    let traceparent = traceparent.unwrap_or_else(event::trace);
    let reply = (expects_reply && crate::feedback::decidable(kind)).then_some(&app.reply);
    let build = |(n, item): (usize, Result<_, Problem>)| {
        let claim = ticket.as_ref().map(|ticket| ticket.claim(n));
        item.map(|item| {
            event::build(
                app,
                kind,
                item,
                &event::Context {
                    caller,
                    traceparent: &traceparent,
                    claim,
                    reply,
                    origin: origin.as_ref(),
                },
            )
        })
    };
    (items.into_iter().enumerate().map(build).collect(), ticket)
}

/// Queues an event. Order of calls is order in the partition.
pub(crate) fn send(app: &App, event: Event) -> Result<Sent, Problem> {
    send_or_back(app, event).map_err(|failed| failed.0)
}

/// Likewise; where trying again may help, the event comes back.
pub(crate) fn send_or_back(app: &App, event: Event) -> Result<Sent, Box<(Problem, Option<Event>)>> {
    if !app.ports.log.publisher.healthy() {
        return Err(Box::new((
            Problem::new(Code::LogUnavailable, "the log is out of reach").retry_after(2),
            Some(event),
        )));
    }
    let (handed, record) = event.hand_over();
    match app.ports.log.publisher.send(record) {
        Ok(delivery) => Ok(Sent {
            request: handed.request,
            kind: handed.kind,
            delivery,
            since: Instant::now(),
            outcome: None,
        }),
        Err(SendError { why, record }) => {
            let back = (why == Refused::QueueFull).then(|| handed.take_back(*record));
            Err(Box::new((why.into(), back)))
        }
    }
}

impl Sent {
    /// Waits for the log's acknowledgement, or until it is too late for one. Cancel-safe.
    pub(crate) async fn acknowledged(&mut self, app: &App) {
        if self.outcome.is_none() {
            let deadline = self.since + app.config.publish_timeout();
            self.outcome = Some(
                timeout_at(deadline, &mut self.delivery)
                    .await
                    .unwrap_or_else(|_| {
                        Err(DeliveryError::Unknown(format!(
                            "nothing was heard for {} s",
                            app.config.publish_timeout_seconds
                        )))
                    }),
            );
        }
    }

    /// Where it is in the log, once that is known. Cancel-safe.
    pub(crate) async fn published(&mut self, app: &App) -> Result<Published, Problem> {
        self.acknowledged(app).await;
        match self.outcome.take() {
            Some(Ok(Appended {
                partition, offset, ..
            })) => {
                app.metrics.accepted.inc();
                Ok(Published {
                    request: self.request,
                    kind: self.kind,
                    partition,
                    offset,
                })
            }
            Some(Err(error)) => {
                warn!(request = %self.request, %error, "an event was not acknowledged; its client is told so");
                Err(Problem::from(error).about(self.request, None))
            }
            None => Err(Problem::new(
                Code::Internal,
                "an event was asked for its place twice",
            )),
        }
    }
}

/// What a request hands to the log: looked up where that is needed, and ready.
pub(crate) struct Outgoing {
    items: Vec<Item>,
    ticket: Option<Ticket>,
}

enum Item {
    Event(Event),
    /// A store remembers it: its place is known.
    Known(Published),
    Refused(Problem),
}

/// What a request handed to the log.
pub(crate) struct HandedOver {
    items: Vec<Result<OnItsWay, Problem>>,
    ticket: Option<Ticket>,
}

enum OnItsWay {
    Sent(Sent),
    Known(Published),
}

/// Repeats of a keyed request that a store remembers are not sent again: their places are in the
/// ledger. If the store cannot be asked, they are sent, and the worker finds out.
pub(crate) async fn outgoing(
    app: &App,
    events: Vec<Result<Event, Problem>>,
    ticket: Option<Ticket>,
) -> Outgoing {
    let mut remembered = Vec::new();
    if ticket.is_some() {
        let ids: Vec<_> = events.iter().flatten().map(Event::request).collect();
        remembered = app.ports.record.ledger(&ids).await.unwrap_or_default();
    }
    let mut remembered = remembered.into_iter();
    let item = |event| match event {
        Ok(event) => match remembered.next().flatten() {
            Some(entry) => Item::Known(known(app, entry)),
            None => Item::Event(event),
        },
        Err(problem) => Item::Refused(problem),
    };
    Outgoing {
        items: events.into_iter().map(item).collect(),
        ticket,
    }
}

fn known(app: &App, entry: LedgerEntry) -> Published {
    let (request, position) = (entry.request, entry.position);
    // Whoever waits need not wait for the sweep.
    app.pending.resolve(entry);
    Published {
        request,
        kind: Kind::Transaction,
        partition: position.partition,
        offset: position.offset,
    }
}

impl Outgoing {
    /// What stands for the entities and channels of its events.
    pub(crate) fn keys(&self) -> Vec<u64> {
        let key = |item: &Item| match item {
            Item::Event(event) => Some(event.order_key()),
            Item::Known(_) | Item::Refused(_) => None,
        };
        self.items.iter().filter_map(key).collect()
    }

    /// All are queued before the first is awaited.
    pub(crate) fn send(self, app: &App) -> HandedOver {
        let send = |item| match item {
            Item::Event(event) => send(app, event).map(OnItsWay::Sent),
            Item::Known(published) => Ok(OnItsWay::Known(published)),
            Item::Refused(problem) => Err(problem),
        };
        HandedOver {
            items: self.items.into_iter().map(send).collect(),
            ticket: self.ticket,
        }
    }
}

impl HandedOver {
    /// Waits for the log. A keyed request is remembered once all of its events are in it.
    pub(crate) async fn published(self, app: &App) -> Vec<Result<Published, Problem>> {
        let mut published = Vec::with_capacity(self.items.len());
        for item in self.items {
            published.push(match item {
                Ok(OnItsWay::Sent(mut sent)) => sent.published(app).await,
                Ok(OnItsWay::Known(published)) => Ok(published),
                Err(problem) => Err(problem),
            });
        }
        let places = |one: &Result<Published, Problem>| one.as_ref().ok().cloned();
        if let Some(ticket) = self.ticket
            && let Some(places) = published.iter().map(places).collect::<Option<Vec<_>>>()
        {
            ticket.keep(places.into());
        }
        published
    }
}
