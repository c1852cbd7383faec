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
use event_schema::id::RequestId;
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

/// Publishes the events of one request. A keyed one is remembered once all of its events are in the
/// log.
pub(crate) async fn publish(
    app: &App,
    events: Vec<Result<Event, Problem>>,
    ticket: Option<Ticket>,
) -> Vec<Result<Published, Problem>> {
    let Some(ticket) = ticket else {
        return publish_all(app, events).await;
    };
    let published = publish_keyed(app, events).await;
    if let Some(places) = published
        .iter()
        .map(|one| one.as_ref().ok().cloned())
        .collect::<Option<Vec<_>>>()
    {
        ticket.keep(places.into());
    }
    published
}

/// All are queued before the first is awaited.
async fn publish_all(
    app: &App,
    events: Vec<Result<Event, Problem>>,
) -> Vec<Result<Published, Problem>> {
    let sent: Vec<_> = events
        .into_iter()
        .map(|event| event.and_then(|event| send(app, event)))
        .collect();
    let mut published = Vec::with_capacity(sent.len());
    for sent in sent {
        published.push(match sent {
            Ok(mut sent) => sent.published(app).await,
            Err(problem) => Err(problem),
        });
    }
    published
}

/// Repeats of a keyed request that a store remembers are not sent again: their places are in the
/// ledger. If the store cannot be asked, they are sent, and the worker finds out.
async fn publish_keyed(
    app: &App,
    events: Vec<Result<Event, Problem>>,
) -> Vec<Result<Published, Problem>> {
    let ids: Vec<_> = events.iter().flatten().map(Event::request).collect();
    let Ok(remembered) = app.ports.record.ledger(&ids).await else {
        return publish_all(app, events).await;
    };
    let mut remembered = remembered.into_iter();
    let mut places = Vec::with_capacity(events.len());
    let mut rest = Vec::new();
    for event in events {
        let entry = event.is_ok().then(|| remembered.next().flatten()).flatten();
        places.push(entry.map(|entry| {
            let (request, position) = (entry.request, entry.position);
            // Whoever waits need not wait for the sweep.
            app.pending.resolve(entry);
            Published {
                request,
                kind: Kind::Transaction,
                partition: position.partition,
                offset: position.offset,
            }
        }));
        if places.last().is_some_and(Option::is_none) {
            rest.push(event);
        }
    }
    let mut rest = publish_all(app, rest).await.into_iter();
    places
        .into_iter()
        .filter_map(|place| place.map(Ok).or_else(|| rest.next()))
        .collect()
}
