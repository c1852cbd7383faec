//! The other way to a verdict: those who wait for long are looked up in the ledger, many at once,
//! so that a lost feedback hangs nobody.

use super::pending::PendingRequests;
use runtime::Shutdown;
use std::{borrow::Cow, sync::Arc, time::Duration};
use store::Record;
use tracing::debug;

/// Ids in one look-up.
const MOST: usize = 512;

pub(crate) async fn run_sweep(
    pending: Arc<PendingRequests>,
    record: Arc<dyn Record>,
    every: Duration,
    shutdown: Shutdown,
) {
    loop {
        tokio::select! {
            () = shutdown.hard() => return,
            () = tokio::time::sleep(every) => {}
        }
        let overdue = pending.overdue(every, MOST);
        if overdue.is_empty() {
            continue;
        }
        match record.ledger(&overdue).await {
            Ok(entries) => entries
                .into_iter()
                .flatten()
                .for_each(|entry| _ = pending.resolve(Cow::Owned(entry))),
            Err(error) => debug!(%error, "the ledger cannot be asked; trying again"),
        }
    }
}
