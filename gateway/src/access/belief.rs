//! What this gateway may still believe of callers: the fold of the topic `security`, and the lease on
//! it. Pure but for the clock: records are read by [`crate::security_topic`].
//!
//! It must never believe anything while the lease is over, nor anything that was read before the fold
//! heard of a change of it. See ADR 37, which replaces ADR 21.

use event_schema::security::{LEASE, SecuritySubject};
use parking_lot::RwLock;
use runtime::Clock;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// However little changes, all is looked at again after so long: what no record tells of (a record store
/// that was filled again, or answered with less than it had) ends some time.
pub(crate) const LOOKED_AT_EVERY: Duration = Duration::from_secs(300);

/// Subjects whose changes are remembered; beyond that everything is looked at again.
const REMEMBERED: usize = 100_000;

/// How far the fold was when a reading began: what the reading found is believed until the fold hears
/// of a change behind that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FoldStep(u64);

/// On what a caller rests.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallerBasis {
    /// Of whom was read, and when that began.
    pub subjects: Box<[SecuritySubject]>,
    pub step: FoldStep,
    /// When the reading of the rights began of which it was compiled.
    pub rights: FoldStep,
}

impl CallerBasis {
    /// Does it rest on one of these?
    pub(crate) fn rests_on(&self, changed: &BTreeSet<SecuritySubject>) -> bool {
        changed.contains(&SecuritySubject::Rights)
            || self
                .subjects
                .iter()
                .any(|subject| changed.contains(subject))
    }
}

#[derive(Default)]
struct Fold {
    step: FoldStep,
    /// What was read before is not believed, whatever it is of.
    floor: FoldStep,
    /// Where each subject changed last.
    changed: HashMap<SecuritySubject, FoldStep>,
}

/// See the module's header.
pub(crate) struct Belief {
    clock: Arc<dyn Clock>,
    fold: RwLock<Fold>,
    /// Until when the lease lasts, by [`Clock::elapsed`].
    lease: watch::Sender<Option<Duration>>,
    remembered: usize,
}

impl Belief {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            fold: RwLock::default(),
            lease: watch::Sender::new(None),
            remembered: REMEMBERED,
        }
    }

    /// Where the fold is: to be asked before a reading begins.
    pub(crate) fn step(&self) -> FoldStep {
        self.fold.read().step
    }

    /// Does what a reading found of these still hold, which began at that step?
    pub(crate) fn holds(&self, read: FoldStep, subjects: &[SecuritySubject]) -> bool {
        self.has_lease() && {
            let fold = self.fold.read();
            let is_unchanged = |subject| fold.changed.get(subject).is_none_or(|at| *at <= read);
            read >= fold.floor && (read == fold.step || subjects.iter().all(is_unchanged))
        }
    }

    /// Likewise of a caller.
    pub(crate) fn holds_for(&self, basis: &CallerBasis) -> bool {
        self.holds(basis.step, &basis.subjects)
            && self.holds(basis.rights, &[SecuritySubject::Rights])
    }

    /// Is one of these known to have changed since that step? With a lease or without.
    pub(crate) fn heard_of_change(&self, read: FoldStep, subjects: &[SecuritySubject]) -> bool {
        let fold = self.fold.read();
        let has_changed = |subject| fold.changed.get(subject).is_some_and(|at| *at > read);
        subjects.iter().any(has_changed)
    }

    pub(crate) fn has_lease(&self) -> bool {
        self.is_good(*self.lease.borrow())
    }

    fn is_good(&self, until: Option<Duration>) -> bool {
        until.is_some_and(|until| self.clock.elapsed() < until)
    }

    /// Returns while there is a lease: what is told to subscribers waits here.
    pub(crate) async fn lease(&self) {
        if self.has_lease() {
            return;
        }
        // The sender lives as long as this.
        let _ = self
            .lease
            .subscribe()
            .wait_for(|until| self.is_good(*until))
            .await;
    }

    /// These changed. All that was read of them up to now is looked at again.
    pub(crate) fn changed(&self, subjects: impl IntoIterator<Item = SecuritySubject>) {
        let mut fold = self.fold.write();
        fold.step.0 += 1;
        let step = fold.step;
        let changes = subjects.into_iter().map(|subject| (subject, step));
        fold.changed.extend(changes);
        if fold.changed.len() > self.remembered {
            fold.floor = step;
            fold.changed.clear();
        }
    }

    /// Records may have been missed: nothing that was read up to now is believed.
    pub(crate) fn missed(&self) {
        let mut fold = self.fold.write();
        fold.step.0 += 1;
        fold.floor = fold.step;
        fold.changed.clear();
    }

    /// A beacon was read back that was made then: all before it is taken into account.
    pub(crate) fn renew(&self, made: Duration) {
        self.lease.send_replace(Some(made + LEASE));
    }

    /// Nothing is believed from here on.
    pub(crate) fn end_lease(&self) {
        self.lease.send_replace(None);
    }
}

#[cfg(test)]
mod tests;
