//! Stage 6: the verdict on its way back. Whoever waits is in [`pending`]; verdicts come by
//! [`mailbox`], and where one is lost, [`sweep`] finds it in the ledger. Nothing here may make a
//! write fail: who gives up waiting is answered 202.

pub(crate) mod mailbox;
pub(crate) mod pending;
pub(crate) mod sweep;

use crate::{
    app::App,
    error::Problem,
    publish::{Published, event::Event},
    request::{RawRequest, headers::Options},
};
use catalog::Kind;
use event_schema::outcome::{LedgerEntry, Verdict};
use pending::Waiter;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// What became of one event by the time of the answer.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// In the log; its verdict is not known (or nobody waited for it).
    Accepted(Published),
    /// Decided, whichever way.
    Decided(Published, Arc<LedgerEntry>),
    /// Never became an event, or the log did not take it.
    Failed(Problem),
}

/// Begins to wait for the verdicts of what is about to be published; nobody waits without a `wait`,
/// nor beyond the bound of the table.
pub(crate) fn expect(
    app: &App,
    events: &[Result<Event, Problem>],
    wait: Option<Duration>,
) -> Vec<Option<Waiter>> {
    let begin = |event: &Event| {
        decidable(event.kind())
            .then(|| app.pending.expect(event.request()))
            .flatten()
    };
    match wait {
        None => Vec::new(),
        Some(_) => events
            .iter()
            .map(|event| event.as_ref().ok().and_then(begin))
            .collect(),
    }
}

/// The wait that is honoured: none if somebody who should wait found no room to.
pub(crate) fn honoured(
    waiters: &[Option<Waiter>],
    events: &[Result<Event, Problem>],
    wait: Option<Duration>,
) -> Option<Duration> {
    let left_out = |(waiter, event): (&Option<Waiter>, &Result<Event, Problem>)| {
        waiter.is_none() && event.as_ref().is_ok_and(|event| decidable(event.kind()))
    };
    wait.filter(|_| !waiters.iter().zip(events).any(left_out))
}

/// Waits for the verdicts of what was published, until the wait is over or the gateway stops.
pub(crate) async fn verdicts(
    app: &App,
    published: Vec<Result<Published, Problem>>,
    waiters: Vec<Option<Waiter>>,
    options: &Options,
    touched: &[(String, String)],
) -> Vec<Outcome> {
    let deadline = Instant::now() + options.wait.unwrap_or_default();
    let mut outcomes = Vec::with_capacity(published.len());
    for (published, waiter) in published
        .into_iter()
        .zip(waiters.into_iter().chain(std::iter::repeat_with(|| None)))
    {
        outcomes.push(match (published, waiter) {
            (Ok(published), Some(waiter)) => match verdict(app, waiter, deadline).await {
                Some(entry) => Outcome::Decided(published, entry),
                None => Outcome::Accepted(published),
            },
            (Ok(published), None) => Outcome::Accepted(published),
            (Err(problem), _) => Outcome::Failed(problem),
        });
    }
    if options.refresh {
        searchable(app, &mut outcomes, touched, deadline).await;
    }
    outcomes
}

/// The answer to a true repeat: the first request's places, and its verdict if somebody waits.
pub(crate) async fn again(
    app: &App,
    request: &RawRequest,
    published: &[Published],
) -> Vec<Outcome> {
    let waiters = match request.options.wait {
        None => Vec::new(),
        Some(_) => published
            .iter()
            .map(|one| {
                decidable(one.kind)
                    .then(|| app.pending.expect(one.request))
                    .flatten()
            })
            .collect(),
    };
    if !waiters.is_empty() {
        let ids: Vec<_> = published.iter().map(|one| one.request).collect();
        // Without the ledger the sweep finds it later.
        let entries = app.ports.record.ledger(&ids).await.unwrap_or_default();
        entries
            .into_iter()
            .flatten()
            .for_each(|entry| _ = app.pending.resolve(entry));
    }
    let published = published.iter().cloned().map(Ok).collect();
    // What the first request made searchable or not is not asked again.
    let options = Options {
        refresh: false,
        ..request.options.clone()
    };
    verdicts(app, published, waiters, &options, &[]).await
}

async fn verdict(app: &App, waiter: Waiter, deadline: Instant) -> Option<Arc<LedgerEntry>> {
    tokio::select! {
        biased;
        entry = waiter.verdict() => entry,
        () = tokio::time::sleep_until(deadline) => None,
        () = app.shutdown.soft() => None,
    }
}

/// Makes what was applied searchable; what is not in time counts as accepted only.
async fn searchable(
    app: &App,
    outcomes: &mut [Outcome],
    touched: &[(String, String)],
    deadline: Instant,
) {
    let applied = |outcome: &Outcome| matches!(outcome, Outcome::Decided(_, entry) if entry.verdict == Verdict::Applied);
    if !outcomes.iter().any(applied) {
        return;
    }
    let refreshed = tokio::time::timeout_at(deadline, async {
        for (index, name) in touched {
            let collection = app.collections.get(index, name).await?;
            app.refreshes
                .refresh(app.ports.view.as_deref(), &collection)
                .await?;
        }
        Ok::<_, Problem>(())
    });
    if matches!(refreshed.await, Ok(Ok(()))) {
        return;
    }
    for outcome in outcomes.iter_mut().filter(|outcome| applied(outcome)) {
        if let Outcome::Decided(published, _) = outcome {
            *outcome = Outcome::Accepted(published.clone());
        }
    }
}

/// Can a verdict be waited for at all?
pub(crate) fn decidable(kind: Kind) -> bool {
    match kind {
        Kind::Transaction => true,
        Kind::Informative => false,
    }
}
