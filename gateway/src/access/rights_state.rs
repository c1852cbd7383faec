//! The roles and profiles of the deployment, as this gateway knows them. What was read stands as long as
//! [`Belief`] says so; without a lease it is read for each request. Where the record cannot be read
//! then, it is refused to say who may do what, but while nobody is kept out ("open"): then what is
//! known stands until it was read again, which is tried all the time in the background. See ADR 37.

use super::{
    ANONYMOUS, AccessError, Caller, CallerBasis, Credential, Principal, TENANT,
    accounts::Accounts,
    belief::{Belief, FoldStep, LOOKED_AT_EVERY},
    system,
};
use event_schema::security::SecuritySubject;
use parking_lot::RwLock;
use rights::{RightsSet, base};
use runtime::{Clock, Shutdown};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use store::StoreError;
use tokio::{sync::Mutex, time::timeout};
use tracing::debug;

/// How long a reading may take for which requests wait.
const READ_WITHIN: Duration = Duration::from_secs(1);
/// How long a reading that failed is not tried again.
const FAILURE_HOLDS: Duration = Duration::from_millis(250);
/// How often it is read without being asked for.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// What a reading finds for which others wait; a store that says nothing is as one that is away.
pub(crate) async fn read_in_time<T>(
    reading: impl Future<Output = Result<T, AccessError>>,
) -> Result<T, AccessError> {
    match timeout(READ_WITHIN, reading).await {
        Ok(read) => read,
        Err(_) => Err(AccessError::Stale("the record store is slow".to_owned())),
    }
}

/// What is known.
#[derive(Debug)]
pub(crate) struct KnownRights {
    pub set: RightsSet,
    /// Of the document; none: nothing was ever written.
    pub revision: Option<u64>,
    pub anonymous: Caller,
    /// May callers without a credential do everything?
    pub open: bool,
    /// Where the fold was when its reading began.
    pub step: FoldStep,
    /// When that was, by [`Clock::elapsed`].
    read: Duration,
    /// Which reading it was.
    reading: u64,
}

/// Reads and keeps them.
pub(crate) struct RightsState {
    pub accounts: Accounts,
    pub clock: Arc<dyn Clock>,
    pub belief: Belief,
    known: RwLock<Option<Arc<KnownRights>>>,
    /// When it could not be read last, and why: all who wait are told that.
    renewing: Mutex<Option<(Duration, AccessError)>>,
    /// How many readings began.
    readings: AtomicU64,
}

impl RightsState {
    pub(crate) fn new(accounts: Accounts, clock: Arc<dyn Clock>) -> Self {
        Self {
            accounts,
            belief: Belief::new(clock.clone()),
            clock,
            known: RwLock::new(None),
            renewing: Mutex::new(None),
            readings: AtomicU64::new(0),
        }
    }

    /// What holds now.
    pub(crate) async fn current(&self) -> Result<Arc<KnownRights>, AccessError> {
        match self.believed() {
            Some(known) => Ok(known),
            None => self.renew().await,
        }
    }

    /// What was read last, whether it holds or not.
    pub(crate) fn last_known(&self) -> Option<Arc<KnownRights>> {
        self.known.read().clone()
    }

    fn believed(&self) -> Option<Arc<KnownRights>> {
        let known = self.known.read().clone()?;
        (known.open || self.holds(&known)).then_some(known)
    }

    fn holds(&self, known: &KnownRights) -> bool {
        self.belief.holds(known.step, &[SecuritySubject::Rights])
            && self.clock.elapsed().saturating_sub(known.read) < LOOKED_AT_EVERY
    }

    /// Something may have changed, or all of it is asked for: reads it, also where it is known.
    pub(crate) async fn look_again(&self) {
        if let Err(error) = self.renew().await {
            debug!(?error, "roles and profiles cannot be read");
        }
    }

    /// Read once for all who wait.
    async fn renew(&self) -> Result<Arc<KnownRights>, AccessError> {
        let begun = self.readings.load(Ordering::Acquire);
        let mut failed = self.renewing.lock().await;
        // A reading that began since serves, whether it is believed for longer or not.
        let known = self.known.read().clone();
        if let Some(known) = known.filter(|known| known.reading > begun) {
            return Ok(known);
        }
        if let Some((at, why)) = &*failed
            && self.clock.elapsed().saturating_sub(*at) <= FAILURE_HOLDS
        {
            return Err(why.clone());
        }
        let reading = async { self.read().await.map_err(AccessError::stale) };
        let read = read_in_time(reading).await;
        *failed = match &read {
            Ok(_) => None,
            Err(why) => Some((self.clock.elapsed(), why.clone())),
        };
        read
    }

    /// What was closed once is not open because the record forgot it.
    fn had_a_revision(&self) -> bool {
        let known = self.known.read();
        known.as_ref().is_some_and(|known| known.revision.is_some())
    }

    async fn read(&self) -> Result<Arc<KnownRights>, StoreError> {
        let (step, read) = (self.belief.step(), self.clock.elapsed());
        let reading = self.readings.fetch_add(1, Ordering::AcqRel) + 1;
        let document = self.accounts.document(system::RIGHTS, "all").await?;
        let (set, revision) = match document {
            None if self.had_a_revision() => {
                return Err(StoreError::Damaged {
                    store: "record",
                    why: "the roles and profiles that were there are gone".to_owned(),
                });
            }
            None => (RightsSet::default(), None),
            Some(document) => {
                let set: RightsSet =
                    serde_json::from_str(document.body.get()).map_err(|error| {
                        StoreError::Damaged {
                            store: "record",
                            why: format!("roles and profiles: {error}"),
                        }
                    })?;
                (set.completed(), Some(document.revision))
            }
        };
        let rights = set.compile([base::ANONYMOUS].into_iter());
        let open = rights.allows_all();
        let anonymous = Caller::new(Principal {
            tenant: TENANT.into(),
            name: ANONYMOUS.into(),
            credential: Credential::Nothing,
            profiles: [base::ANONYMOUS.to_owned()].into(),
            rights,
            // Who may do everything may do it as often as he wants.
            rate: if open {
                None
            } else {
                set.rate_limit([base::ANONYMOUS].into_iter())
            },
            basis: CallerBasis {
                rights: step,
                step,
                subjects: Box::default(),
            },
            unconfirmed: None,
        });
        let known = KnownRights {
            set,
            revision,
            anonymous,
            open,
            step,
            read,
            reading,
        };
        let known = Arc::new(known);
        let mut last = self.known.write();
        // One that began earlier and ended later is not what is known last.
        if last.as_ref().is_none_or(|last| last.reading < reading) {
            *last = Some(known.clone());
        }
        Ok(known)
    }

    /// A store that was just connected may need longer than a request would wait. For the first
    /// reading all who ask wait.
    async fn read_in_peace(&self, is_first: bool) {
        let _one = if is_first {
            Some(self.renewing.lock().await)
        } else {
            None
        };
        if let Err(error) = self.read().await {
            debug!(%error, "roles and profiles cannot be read");
        }
    }

    /// Reads it until shutdown wherever what is known does not hold, so that an open gateway sees that
    /// it was closed.
    pub(crate) async fn follow(&self, shutdown: Shutdown) {
        loop {
            let known = self.known.read().clone();
            if !known.as_ref().is_some_and(|known| self.holds(known)) {
                self.read_in_peace(known.is_none()).await;
            }
            tokio::select! {
                () = shutdown.soft() => return,
                () = tokio::time::sleep(FOLLOW_EVERY) => {}
            }
        }
    }
}
