//! Keys whose queues are full: new writes of them are refused before they are accepted, while what is
//! parked already stays where it is. Workers have no such bound. What is known is a second old, and
//! nothing is refused because a store could not be asked.

use crate::error::{Code, Problem};
use event_schema::id::EntityKey;
use parking_lot::RwLock;
use runtime::Shutdown;
use std::{collections::HashSet, sync::Arc, time::Duration};
use store::Record;
use tokio::time::Instant;

const LOOK: Duration = Duration::from_secs(1);

pub(crate) struct FullKeys {
    record: Arc<dyn Record>,
    /// Events that may wait behind a dead letter.
    limit: u64,
    full: RwLock<HashSet<EntityKey>>,
}

impl FullKeys {
    pub(crate) fn new(record: Arc<dyn Record>, limit: u64) -> Self {
        Self {
            record,
            limit,
            full: RwLock::default(),
        }
    }

    pub(super) fn check(&self, key: &EntityKey) -> Result<(), Problem> {
        let full = self.full.read();
        if full.is_empty() || !full.contains(key) {
            return Ok(());
        }
        let detail = format!(
            "{} events or more wait behind a dead letter of `{key}`",
            self.limit
        );
        Err(Problem::new(Code::KeyLocked, detail).retry_after(10))
    }

    /// Looks once a second; where a look takes long, a tenth of the time.
    pub(crate) async fn follow(self: Arc<Self>, shutdown: Shutdown) {
        let mut pause = LOOK;
        loop {
            tokio::select! {
                () = shutdown.hard() => return,
                () = tokio::time::sleep(pause) => {}
            }
            let begun = Instant::now();
            match replay::full_keys(self.record.as_ref(), self.limit).await {
                Ok(full) => *self.full.write() = full.into_iter().collect(),
                Err(error) => tracing::debug!(%error, "the queues of keys cannot be read now"),
            }
            pause = LOOK.max(begun.elapsed() * 9);
        }
    }
}
