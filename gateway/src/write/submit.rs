//! The column: a request is named, validated, made into events, handed to the log in its turn, and
//! waited for. Requests of one connection are prepared side by side and handed over in the order in
//! which they arrived ([`super::order`]).

use super::{
    Published, WritePath,
    feedback::{self, Outcome, pending::FeedbackWaiter},
    identify::{Identity, RememberedRequest, Ticket},
    order::{HandOver, WriteTurn},
    publish::{
        HandedOver, Outgoing,
        event::{Context, Event},
    },
    validate::{AskedBy, ValidItem},
};
use crate::{
    access::{Caller, right},
    error::Problem,
    request::RawRequest,
};
use catalog::{Kind, Operation};
use json_text::ScannedJson;
use request_spans::TraceContext;
use rights::ActionPlace;
use std::{sync::Arc, time::Duration};

/// A request that is validated and waits for nothing but its turn.
pub(crate) struct Prepared {
    request: RawRequest,
    kind: PreparedKind,
}

enum PreparedKind {
    Fresh {
        outgoing: Outgoing,
        rest: Rest,
    },
    /// A true repeat of what was published before.
    Repeat(Arc<[Published]>),
}

/// What is needed once the events are handed over.
struct Rest {
    ticket: Option<Ticket>,
    waiters: Vec<Option<FeedbackWaiter>>,
    waited: Option<Duration>,
    touched: Vec<(String, String)>,
}

/// A request whose events the log's publisher has, or has refused.
pub(crate) struct Submitted {
    request: RawRequest,
    kind: SubmittedKind,
}

enum SubmittedKind {
    Fresh {
        name: HandOver,
        handed: HandedOver,
        rest: Rest,
    },
    Repeat(Arc<[Published]>),
}

/// A request and what it came to: one outcome, or many in the request's order.
pub(crate) struct Completed {
    pub request: RawRequest,
    pub outcomes: Vec<Outcome>,
    /// The wait that was honoured.
    pub waited: Option<Duration>,
}

/// A line of a bulk: a bare request of one document.
#[derive(Clone, Copy)]
pub(crate) struct BulkLine<'a> {
    pub number: u64,
    pub json: &'a ScannedJson,
    pub caller: &'a Caller,
    pub key: Option<&'a [u8]>,
    pub traceparent: &'a str,
}

impl WritePath {
    /// A write that no other of its connection can overtake: over HTTP/1.1 a request begins when
    /// the answer to the one before is sent.
    pub(crate) async fn write(
        &self,
        operation: &Operation,
        request: RawRequest,
    ) -> Result<Completed, Problem> {
        let turn = WriteTurn::alone();
        let prepared = self.prepare(operation, request).await?;
        let submitted = self.hand_over(prepared, &turn).await;
        Ok(self.complete(submitted).await)
    }

    /// Stages 1 to 3, up to the hand-over.
    pub(crate) async fn prepare(
        &self,
        operation: &Operation,
        request: RawRequest,
    ) -> Result<Prepared, Problem> {
        admit_unconfirmed(&request.caller, operation)?;
        let (unique, ticket) = match self.identifier.identify(operation.name(), &request)? {
            Identity::Fresh { unique, ticket } => (unique, ticket),
            Identity::Repeat(known) => {
                // What was allowed then may be allowed no more.
                if !request.admitted {
                    admit_write(&request.caller, operation, &known.touched)?;
                }
                let kind = PreparedKind::Repeat(known.published);
                return Ok(Prepared { request, kind });
            }
        };
        let options = &request.options;
        // What became of an earlier request of this key is not for a caller who cannot be looked at, and
        // a worker would say it without a look: what stands is not decided again.
        let is_told = ticket.is_none() || request.caller.unconfirmed.is_none();
        let wait = options.wait.filter(|_| is_told);
        let may = |touched: &[(String, String)]| {
            if request.admitted {
                Ok(())
            } else {
                admit_write(&request.caller, operation, touched)
            }
        };
        let valid = self
            .validator
            .validate(operation, &request, unique, &may)
            .await?;
        let touched = valid.touched;
        let traceparent = options
            .traceparent
            .clone()
            .unwrap_or_else(|| TraceContext::fresh_sampled().to_string());
        let build = |(n, item): (usize, Result<ValidItem, Problem>)| {
            let context = Context {
                caller: &request.caller,
                right: admitting_right(&request, operation),
                traceparent: &traceparent,
                claim: ticket.as_ref().map(|ticket| ticket.claim(n)),
                replies: wait.is_some(),
                origin: options.origin.as_ref(),
                is_derived: false,
            };
            let item = item?;
            self.full_keys.check(item.key())?;
            Ok(self.builder.build(operation.kind(), item, &context))
        };
        let events: Vec<_> = valid.items.into_iter().enumerate().map(build).collect();
        let waiters = self.feedback.expect(&events, wait);
        let waited = feedback::honoured_wait(&waiters, &events, wait);
        let remembered = match &ticket {
            Some(_) if is_told => self.publisher.remembered(&events).await,
            Some(_) | None => Vec::new(),
        };
        let outgoing = Outgoing::new(events, &remembered);
        self.feedback.resolve(remembered);
        let rest = Rest {
            ticket,
            waiters,
            waited,
            touched,
        };
        let kind = PreparedKind::Fresh { outgoing, rest };
        Ok(Prepared { request, kind })
    }

    /// The event of a line of a bulk.
    pub(crate) async fn prepare_line(
        &self,
        operation: &Operation,
        line: BulkLine<'_>,
    ) -> Result<Event, Problem> {
        admit_unconfirmed(line.caller, operation)?;
        let (unique, claim) = self.identifier.identify_line(
            operation.name(),
            line.caller,
            line.key,
            line.number,
            line.json.bytes(),
        );
        let may = |touched: &[(String, String)]| admit_write(line.caller, operation, touched);
        let by = AskedBy {
            caller: line.caller,
            may: &may,
            is_repeatable: claim.is_some(),
        };
        let item = self
            .validator
            .line(operation, line.json, unique, by)
            .await?;
        let context = Context {
            caller: line.caller,
            right: right::of_operation(operation.name()),
            traceparent: line.traceparent,
            claim,
            replies: false,
            origin: None,
            is_derived: false,
        };
        self.full_keys.check(item.key())?;
        Ok(self.builder.build(operation.kind(), item, &context))
    }

    /// Waits for the turn, and hands the events over. The turn goes on: the request may have more.
    pub(crate) async fn hand_over(&self, prepared: Prepared, turn: &WriteTurn) -> Submitted {
        let kind = match prepared.kind {
            PreparedKind::Repeat(published) => SubmittedKind::Repeat(published),
            PreparedKind::Fresh { outgoing, rest } => {
                let keys = outgoing.keys();
                turn.come().await;
                let send = || self.publisher.send_all(outgoing);
                let (name, handed) = turn.hand_over(keys.into_iter(), send);
                SubmittedKind::Fresh { name, handed, rest }
            }
        };
        Submitted {
            request: prepared.request,
            kind,
        }
    }

    /// Hands over in the place of `first`, which came to nothing; `None` if that would overtake
    /// something of the connection.
    pub(crate) fn hand_over_again(
        &self,
        prepared: Prepared,
        turn: &WriteTurn,
        first: HandOver,
    ) -> Option<Submitted> {
        let kind = match prepared.kind {
            PreparedKind::Repeat(published) => SubmittedKind::Repeat(published),
            PreparedKind::Fresh { outgoing, rest } => {
                let keys = outgoing.keys();
                let send = || self.publisher.send_all(outgoing);
                let handed = turn.hand_over_again(first, keys.into_iter(), send)?;
                let name = first;
                SubmittedKind::Fresh { name, handed, rest }
            }
        };
        Some(Submitted {
            request: prepared.request,
            kind,
        })
    }

    /// Waits for the log and, as far as the request asks for it, for the verdicts. A keyed request
    /// is remembered once all of its events are in the log.
    pub(crate) async fn complete(&self, submitted: Submitted) -> Completed {
        let Submitted { request, kind } = submitted;
        let (outcomes, waited) = match kind {
            SubmittedKind::Repeat(published) => {
                let outcomes = self.feedback.again(&request.options, &published).await;
                (outcomes, request.options.wait)
            }
            SubmittedKind::Fresh { handed, rest, .. } => {
                let published = handed.published().await;
                if let Some(ticket) = rest.ticket {
                    keep_ticket(ticket, &published, &rest.touched);
                }
                let (waiters, touched) = (rest.waiters, &rest.touched);
                let verdicts =
                    self.feedback
                        .verdicts(published, waiters, &request.options, touched);
                (verdicts.await, rest.waited)
            }
        };
        Completed {
            request,
            outcomes,
            waited,
        }
    }
}

/// May the caller do this wherever it may write? What touches no collection is everywhere.
pub(super) fn admit_write(
    caller: &Caller,
    operation: &Operation,
    touched: &[(String, String)],
) -> Result<(), Problem> {
    let right = right::of_operation(operation.name());
    if touched.is_empty() {
        caller.check(right, ActionPlace::Everywhere)?;
    }
    for (index, collection) in touched {
        caller.check(right, ActionPlace::Collection(index, collection))?;
    }
    Ok(())
}

/// By which a request was let in: its own operation's, or that of the action by which its protocol
/// asks for it. The events of a request of many are of another operation.
fn admitting_right<'a>(request: &'a RawRequest, operation: &'a Operation) -> (&'a str, &'a str) {
    match &request.options.origin {
        Some(origin) if request.admitted => (&origin.controller, &origin.action),
        Some(_) | None => right::of_operation(operation.name()),
    }
}

/// Of a caller who could not be looked at only that is taken which is decided after a look.
fn admit_unconfirmed(caller: &Caller, operation: &Operation) -> Result<(), Problem> {
    if operation.kind() == Kind::Transaction && !operation.internal() {
        return Ok(());
    }
    caller.require_look()
}

/// Dropped instead, the ticket frees its key.
fn keep_ticket(
    ticket: Ticket,
    published: &[Result<Published, Problem>],
    touched: &[(String, String)],
) {
    let places = published.iter().map(|one| one.as_ref().ok().cloned());
    if let Some(places) = places.collect::<Option<Vec<_>>>() {
        ticket.keep(RememberedRequest {
            published: places.into(),
            touched: touched.into(),
        });
    }
}

impl Submitted {
    /// Its name in the order of the connection; a repeat handed nothing over.
    pub(crate) fn name(&self) -> Option<HandOver> {
        match &self.kind {
            SubmittedKind::Fresh { name, .. } => Some(*name),
            SubmittedKind::Repeat(_) => None,
        }
    }
}
