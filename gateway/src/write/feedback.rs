//! Stage 6: the verdict on its way back. Whoever waits is in [`pending`]; verdicts come by the
//! mailbox, and where one is lost, [`sweep`] finds it in the ledger. Nothing here may make a write
//! fail: who gives up waiting is answered 202.

pub(crate) mod pending;
pub(crate) mod sweep;

use super::{publish::event::Event, published::Published};
use crate::{
    error::Problem,
    read::{collections::Collections, parts, refresh::Refreshes},
    request::headers::Options,
};
use event_schema::outcome::{LedgerEntry, Verdict};
use pending::{FeedbackWaiter, PendingRequests};
use runtime::{Backoff, Shutdown};
use std::{borrow::Cow, sync::Arc, time::Duration};
use store::{Record, View};
use tokio::time::Instant;

/// The log may only have been slow.
const SPOOLED_WAIT: Duration = Duration::from_secs(1);

/// What is needed to wait for verdicts.
pub(crate) struct Feedback {
    pub pending: Arc<PendingRequests>,
    pub record: Arc<dyn Record>,
    pub view: Option<Arc<dyn View>>,
    pub collections: Collections,
    pub refreshes: Arc<Refreshes>,
    pub shutdown: Shutdown,
}

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

impl Feedback {
    /// Begins to wait for the verdicts of what is about to be published; nobody waits without a
    /// `wait`, nor beyond the bound of the table.
    pub(super) fn expect(
        &self,
        events: &[Result<Event, Problem>],
        wait: Option<Duration>,
    ) -> Vec<Option<FeedbackWaiter>> {
        let begin = |event: &Event| {
            let decided = event.kind().has_verdict();
            decided.then(|| self.pending.expect(event.request()))?
        };
        match wait {
            None => Vec::new(),
            Some(_) => events
                .iter()
                .map(|event| event.as_ref().ok().and_then(begin))
                .collect(),
        }
    }

    /// Whoever waits for what the ledger remembers need not wait for the sweep.
    pub(super) fn resolve(&self, remembered: Vec<Option<LedgerEntry>>) {
        for entry in remembered.into_iter().flatten() {
            self.pending.resolve(Cow::Owned(entry));
        }
    }

    /// Waits for the verdicts of what was published, until the wait is over or the gateway stops.
    pub(super) async fn verdicts(
        &self,
        published: Vec<Result<Published, Problem>>,
        waiters: Vec<Option<FeedbackWaiter>>,
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
                (Ok(published), Some(waiter)) => {
                    match self.whole(waiter, deadline_of(&published, deadline)).await {
                        Some(entry) => Outcome::Decided(published, entry),
                        None => Outcome::Accepted(published),
                    }
                }
                (Ok(published), None) => Outcome::Accepted(published),
                (Err(problem), _) => Outcome::Failed(problem),
            });
        }
        if options.refresh {
            self.searchable(&mut outcomes, touched, deadline).await;
        }
        outcomes
    }

    /// What a true repeat comes to: the first request's places, and its verdict if somebody waits.
    pub(super) async fn again(&self, options: &Options, published: &[Published]) -> Vec<Outcome> {
        let begin = |one: &Published| {
            let decided = one.kind.has_verdict();
            decided.then(|| self.pending.expect(one.request))?
        };
        let waiters: Vec<_> = match options.wait {
            None => Vec::new(),
            Some(_) => published.iter().map(begin).collect(),
        };
        if !waiters.is_empty() {
            let ids: Vec<_> = published.iter().map(|one| one.request).collect();
            // Without the ledger the sweep finds it later.
            self.resolve(self.record.ledger(&ids).await.unwrap_or_default());
        }
        let published = published.iter().cloned().map(Ok).collect();
        // What the first request made searchable or not is not asked again.
        let options = Options {
            refresh: false,
            ..options.clone()
        };
        self.verdicts(published, waiters, &options, &[]).await
    }

    /// The verdict once each part has one.
    async fn whole(&self, waiter: FeedbackWaiter, deadline: Instant) -> Option<Arc<LedgerEntry>> {
        let entry = self.verdict(waiter, deadline).await?;
        let mut backoff = Backoff::new(Duration::from_millis(4), Duration::from_millis(100));
        loop {
            let parts = parts::part_entries(self.record.as_ref(), &entry.parts).await;
            // Without the ledger the parts' verdicts are not known.
            let folded = parts
                .ok()
                .and_then(|parts| parts::folded_verdict(&entry, &parts));
            if let Some(verdict) = folded {
                return Some(if verdict == entry.verdict {
                    entry
                } else {
                    Arc::new(LedgerEntry {
                        verdict,
                        ..LedgerEntry::clone(&entry)
                    })
                });
            }
            let next = Instant::now() + backoff.next_wait();
            if next >= deadline || self.shutdown.is_soft() {
                return None;
            }
            tokio::time::sleep_until(next).await;
        }
    }

    async fn verdict(&self, waiter: FeedbackWaiter, deadline: Instant) -> Option<Arc<LedgerEntry>> {
        tokio::select! {
            biased;
            entry = waiter.verdict() => entry,
            () = tokio::time::sleep_until(deadline) => None,
            () = self.shutdown.soft() => None,
        }
    }

    /// Makes what was applied searchable; what is not in time counts as accepted only.
    async fn searchable(
        &self,
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
                let collection = self.collections.get(index, name).await?;
                self.refreshes
                    .refresh(self.view.as_deref(), &collection)
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
}

/// While the log is away nothing is applied: what was spooled is not waited for as long as asked.
fn deadline_of(published: &Published, deadline: Instant) -> Instant {
    if published.is_spooled() {
        deadline.min(Instant::now() + SPOOLED_WAIT)
    } else {
        deadline
    }
}

/// The wait that is honoured: none if somebody who should wait found no room to.
pub(super) fn honoured_wait(
    waiters: &[Option<FeedbackWaiter>],
    events: &[Result<Event, Problem>],
    wait: Option<Duration>,
) -> Option<Duration> {
    let left_out = |(waiter, event): (&Option<FeedbackWaiter>, &Result<Event, Problem>)| {
        waiter.is_none() && event.as_ref().is_ok_and(|event| event.kind().has_verdict())
    };
    wait.filter(|_| !waiters.iter().zip(events).any(left_out))
}
