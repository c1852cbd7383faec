//! The way of a write, from sound JSON ([`crate::request::read`]) to its answer: a column of verbs in the
//! order of the stages. Requests of one connection are prepared side by side and handed to the log
//! in the order in which they arrived ([`order`]).

pub(crate) mod order;

use crate::{
    answer::Answer,
    app::App,
    error::Problem,
    feedback::{self, Outcome, pending::Waiter},
    idempotency::{self, Identity},
    publish::{self, HandedOver, Outgoing, Published},
    request::RawRequest,
    validate,
};
use catalog::Operation;
use order::{HandOver, WriteTurn};
use std::{sync::Arc, time::Duration};

/// A write that no other of its connection can overtake: over HTTP/1.1 a request begins when the
/// answer to the one before is sent.
pub(crate) async fn alone(
    app: &App,
    operation: &Operation,
    request: RawRequest,
) -> Result<Answer, Problem> {
    let turn = WriteTurn::alone();
    let prepared = prepare(app, operation, request).await?;
    let submitted = prepared.hand_over(app, &turn).await;
    let (request, outcomes, waited) = submitted.outcomes(app).await;
    Ok(Answer::new(operation, &request, outcomes, waited))
}

/// A request that is validated and waits for nothing but its turn.
pub(crate) struct Prepared {
    request: RawRequest,
    kind: PreparedKind,
}

enum PreparedKind {
    Fresh {
        outgoing: Outgoing,
        rest: AfterHandOver,
    },
    /// A true repeat of what was published before.
    Repeat(Arc<[Published]>),
}

/// What is needed once the events are handed over.
struct AfterHandOver {
    waiters: Vec<Option<Waiter>>,
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
        rest: AfterHandOver,
    },
    Repeat(Arc<[Published]>),
}

/// Stages 1 to 3, up to the hand-over.
pub(crate) async fn prepare(
    app: &App,
    operation: &Operation,
    request: RawRequest,
) -> Result<Prepared, Problem> {
    let (unique, ticket) = match idempotency::identify(app, operation.name(), &request)? {
        Identity::Fresh { unique, ticket } => (unique, ticket),
        Identity::Repeat(published) => {
            let kind = PreparedKind::Repeat(published);
            return Ok(Prepared { request, kind });
        }
    };
    let valid = validate::validate(app, operation, &request, unique, ticket).await?;
    let touched = valid.collections();
    let (events, ticket) = publish::events(app, valid, request.options.wait.is_some());
    let waiters = feedback::expect(app, &events, request.options.wait);
    let waited = feedback::honoured(&waiters, &events, request.options.wait);
    let outgoing = publish::outgoing(app, events, ticket).await;
    let rest = AfterHandOver {
        waiters,
        waited,
        touched,
    };
    let kind = PreparedKind::Fresh { outgoing, rest };
    Ok(Prepared { request, kind })
}

impl Prepared {
    /// Waits for the turn, and hands the events over. The turn goes on: the request may have more.
    pub(crate) async fn hand_over(self, app: &App, turn: &WriteTurn) -> Submitted {
        let kind = match self.kind {
            PreparedKind::Repeat(published) => SubmittedKind::Repeat(published),
            PreparedKind::Fresh { outgoing, rest } => {
                let keys = outgoing.keys();
                turn.come().await;
                let (name, handed) = turn.hand_over(keys.into_iter(), || outgoing.send(app));
                SubmittedKind::Fresh { name, handed, rest }
            }
        };
        Submitted {
            request: self.request,
            kind,
        }
    }

    /// Hands over in the place of `first`, which came to nothing; `None` if that would overtake
    /// something of the connection.
    pub(crate) fn hand_over_again(
        self,
        app: &App,
        turn: &WriteTurn,
        first: HandOver,
    ) -> Option<Submitted> {
        let kind = match self.kind {
            PreparedKind::Repeat(published) => SubmittedKind::Repeat(published),
            PreparedKind::Fresh { outgoing, rest } => {
                let keys = outgoing.keys();
                let send = || outgoing.send(app);
                let handed = turn.hand_over_again(first, keys.into_iter(), send)?;
                let name = first;
                SubmittedKind::Fresh { name, handed, rest }
            }
        };
        Some(Submitted {
            request: self.request,
            kind,
        })
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

    /// Waits for the log and, as far as the request asks for it, for the verdicts. The wait that
    /// was honoured is the last.
    pub(crate) async fn outcomes(self, app: &App) -> (RawRequest, Vec<Outcome>, Option<Duration>) {
        let Self { request, kind } = self;
        match kind {
            SubmittedKind::Repeat(published) => {
                let outcomes = feedback::again(app, &request, &published).await;
                let waited = request.options.wait;
                (request, outcomes, waited)
            }
            SubmittedKind::Fresh { handed, rest, .. } => {
                let published = handed.published(app).await;
                let outcomes = feedback::verdicts(
                    app,
                    published,
                    rest.waiters,
                    &request.options,
                    &rest.touched,
                )
                .await;
                (request, outcomes, rest.waited)
            }
        }
    }
}
