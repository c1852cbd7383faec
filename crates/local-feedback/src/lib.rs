//! Verdicts for requests whose gateway is in the process of the worker: they are handed over, and
//! the mailbox in the log, which carries verdicts to other processes, is left out. Like the mailbox it
//! is never the only way to a verdict: a gateway that is not told of one finds it in the ledger. A
//! process that dies takes the gateway that waits with it.
//!
//! See ADR 36.

use event_schema::{envelope::Reply, outcome::LedgerEntry};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// The gateway of this process, once it is there; all clones are one. Without a gateway everything
/// goes to the mailbox.
#[derive(Clone, Default)]
pub struct LocalFeedback(Arc<OnceLock<LocalGateway>>);

struct LocalGateway {
    instance: String,
    take_verdict: Box<dyn Fn(&LedgerEntry) + Send + Sync>,
}

impl LocalFeedback {
    /// From now on verdicts for the gateway of this name are given to `take_verdict`, which must not
    /// block. The first gateway of a process counts.
    pub fn connect_gateway(
        &self,
        instance: &str,
        take_verdict: impl Fn(&LedgerEntry) + Send + Sync + 'static,
    ) {
        self.0.get_or_init(|| LocalGateway {
            instance: instance.to_owned(),
            take_verdict: Box::new(take_verdict),
        });
    }

    /// Hands a verdict to the gateway that waits for it; false if that is in another process.
    #[must_use]
    pub fn hand_over(&self, reply: &Reply, entry: &LedgerEntry) -> bool {
        match self.0.get() {
            Some(gateway) if gateway.instance == reply.instance => {
                (gateway.take_verdict)(entry);
                true
            }
            Some(_) | None => false,
        }
    }
}

impl fmt::Debug for LocalFeedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instance = self.0.get().map(|gateway| &gateway.instance);
        f.debug_tuple("LocalFeedback").field(&instance).finish()
    }
}
