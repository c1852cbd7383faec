//! Asking the record store until it answers. It must never give an answer from before an absence to
//! whoever cannot know that the store may have forgotten since.

use crate::{Worker, tenure_end::TenureEnd};
use std::future::Future;
use store::StoreError;

/// What the record store is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordPart {
    /// What is decided and applied by: after an absence it may have forgotten some of it.
    Contents,
    Marks,
}

impl RecordPart {
    /// As messages and metrics call it.
    fn label(self) -> &'static str {
        match self {
            Self::Contents => "record",
            Self::Marks => "marks",
        }
    }
}

impl Worker {
    /// Asks until there is an answer: an outage makes a partition wait, whatever it takes. A refusal
    /// of the call itself stops the partition.
    pub(crate) async fn retry_until_answered<T, F>(
        &self,
        what: RecordPart,
        call: impl Fn() -> F,
    ) -> Result<T, TenureEnd>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut backoff = self.config.backoff();
        let mut was_away = false;
        let mut wait = self.waits.of(what.label(), None);
        loop {
            match call().await {
                Ok(answer) => {
                    if was_away {
                        self.note_return()?;
                    }
                    return Ok(answer);
                }
                Err(
                    error @ (StoreError::Unavailable { .. }
                    | StoreError::Denied { .. }
                    | StoreError::NotMigrated { .. }),
                ) => {
                    self.metrics.retried(what.label());
                    if backoff.attempts().is_multiple_of(10) {
                        tracing::warn!(%error, "waiting for a store");
                    }
                    was_away |= what == RecordPart::Contents && self.is_record_away().await;
                    let pause = backoff.next_wait();
                    wait.failed(&error.to_string(), pause);
                    tokio::time::sleep(pause).await;
                }
                Err(error) => return Err(TenureEnd::Halted(error.to_string())),
            }
        }
    }

    /// A call of the record store failed: was the store away, or only slow? Only one that was away
    /// can have forgotten anything, and only one that forgets is asked.
    pub(crate) async fn is_record_away(&self) -> bool {
        self.forgetful && self.ports.record.ready().await.is_err()
    }

    /// The record store is back after it was away. If it may have forgotten, everybody must look.
    pub(crate) fn note_return(&self) -> Result<(), TenureEnd> {
        if !self.forgetful {
            return Ok(());
        }
        self.presence.note_absence();
        Err(TenureEnd::Reclaim(
            "the record store was away and may have forgotten".into(),
        ))
    }
}
