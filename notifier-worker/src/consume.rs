//! Stage: the group that shares the partitions of `changes`. What is done with a partition is
//! [`crate::lane`]'s; a lane whose partition is revoked is cut off in the middle of whatever it
//! does: the next owner begins where the last commit was, and sends again what was sent since.

use crate::{Notifier, lane::NotifierTenures};
use partition_owner::{GroupRefused, OwnerOptions, own_partitions};
use runtime::Shutdown;
use std::{sync::Arc, time::Duration};

/// Why a notifier cannot run at all.
#[derive(Debug, thiserror::Error)]
pub enum NotifierError {
    #[error("the log refuses this notifier: {0}")]
    Log(String),
    #[error("metrics could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

pub(crate) async fn consume_changes(
    notifier: Arc<Notifier>,
    shutdown: Shutdown,
) -> Result<(), NotifierError> {
    let options = OwnerOptions {
        component: "notifier-worker",
        group: notifier.ports.layout.notifier_group(),
        topic: notifier.topics.changes.to_string(),
        backoff: notifier.config.backoff(),
        drain: Duration::from_millis(notifier.config.drain_ms),
        settled_after: OwnerOptions::SETTLED_AFTER,
    };
    let tenures = Arc::new(NotifierTenures(notifier.clone()));
    let (log, health) = (&notifier.ports.log, &notifier.ports.health);
    own_partitions(tenures, options, log, health, &shutdown)
        .await
        .map_err(|GroupRefused(why)| NotifierError::Log(why))
}
