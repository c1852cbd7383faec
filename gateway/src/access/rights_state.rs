//! The roles and profiles of the deployment, as this gateway knows them. While nobody is kept out
//! ("open"), what is known stands until it was read anew, which happens all the time in the
//! background; once somebody is, nothing older than [`HONOURED_FOR`] is believed: where the record
//! cannot be read, it is refused to say who may do what. See ADR 21.

use super::{
    ANONYMOUS, AccessError, Caller, Credential, Principal, TENANT, accounts::Accounts, system,
};
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

/// How long what was read of users, sessions, keys and rights is believed, by a clock that counts
/// suspension. Whoever takes something away waits as long before that is answered, so that no other
/// gateway believes it any more.
pub(crate) const HONOURED_FOR: Duration = Duration::from_secs(1);
/// How long a reading that failed is not tried again.
const FAILURE_HOLDS: Duration = Duration::from_millis(250);
/// How often it is read without being asked for.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// What is known.
#[derive(Debug)]
pub(crate) struct KnownRights {
    pub set: RightsSet,
    /// Of the document; none: nothing was ever written.
    pub revision: Option<u64>,
    pub anonymous: Caller,
    /// May callers without a credential do everything?
    pub open: bool,
    /// When its reading began, by [`Clock::elapsed`].
    read: Duration,
    /// How many changes this gateway had made then.
    changes: u64,
}

/// Reads and keeps them.
pub(crate) struct RightsState {
    pub accounts: Accounts,
    pub clock: Arc<dyn Clock>,
    known: RwLock<Option<Arc<KnownRights>>>,
    /// When it could not be read last, and why: all who wait are told that.
    renewing: Mutex<Option<(Duration, AccessError)>>,
    changes: AtomicU64,
}

impl RightsState {
    pub(crate) fn new(accounts: Accounts, clock: Arc<dyn Clock>) -> Self {
        Self {
            accounts,
            clock,
            known: RwLock::new(None),
            renewing: Mutex::new(None),
            changes: AtomicU64::new(0),
        }
    }

    /// How many changes this gateway made: what was read before the last is not believed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// This gateway changed something.
    pub(crate) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Was it read lately enough, and after this gateway's last change?
    pub(crate) fn is_fresh(&self, read: Duration, changes: u64) -> bool {
        changes == self.changes() && self.clock.elapsed().saturating_sub(read) <= HONOURED_FOR
    }

    /// What holds now.
    pub(crate) async fn current(&self) -> Result<Arc<KnownRights>, AccessError> {
        match self.believed() {
            Some(known) => Ok(known),
            None => self.renew().await,
        }
    }

    fn believed(&self) -> Option<Arc<KnownRights>> {
        let known = self.known.read().clone()?;
        let holds = if known.open {
            known.changes == self.changes()
        } else {
            self.is_fresh(known.read, known.changes)
        };
        holds.then_some(known)
    }

    /// Read once for all who wait.
    async fn renew(&self) -> Result<Arc<KnownRights>, AccessError> {
        let mut failed = self.renewing.lock().await;
        if let Some(known) = self.believed() {
            return Ok(known);
        }
        if let Some((at, why)) = &*failed
            && self.clock.elapsed().saturating_sub(*at) <= FAILURE_HOLDS
        {
            return Err(why.clone());
        }
        let read = timeout(HONOURED_FOR, self.read()).await;
        let read = match read {
            Ok(read) => read.map_err(AccessError::stale),
            Err(_) => Err(AccessError::Stale("the record store is slow".to_owned())),
        };
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
        let (read, changes) = (self.clock.elapsed(), self.changes());
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
        });
        let known = KnownRights {
            set,
            revision,
            anonymous,
            open,
            read,
            changes,
        };
        let known = Arc::new(known);
        *self.known.write() = Some(known.clone());
        Ok(known)
    }

    /// Reads it anew until shutdown, so that an open gateway sees that it was closed.
    pub(crate) async fn follow(&self, shutdown: Shutdown) {
        loop {
            {
                let _one = self.renewing.lock().await;
                if let Err(error) = self.read().await {
                    debug!(%error, "roles and profiles cannot be read");
                }
            }
            tokio::select! {
                () = shutdown.soft() => return,
                () = tokio::time::sleep(FOLLOW_EVERY) => {}
            }
        }
    }
}
