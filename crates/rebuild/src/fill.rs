//! Writes into the store that is rebuilt, each until it has a verdict that lasts; of a dry run, only
//! what the store lacks.

use crate::{
    RebuildError,
    report::{RebuildReport, RefusedItem},
    target::RebuildTarget,
};
use event_schema::position::Version;
use runtime::Backoff;
use std::time::Duration;
use store::{DocumentWrite, ItemVerdict, StoreError, document::Write, fold::Folded};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl RebuildTarget {
    /// Hands documents and rows to the store.
    pub async fn fill(
        &self,
        folded: Folded,
        report: &mut RebuildReport,
    ) -> Result<(), RebuildError> {
        if report.is_dry_run {
            report.counts.differing += self.differing(&folded.documents).await?;
            return Ok(());
        }
        let documents = folded.documents.into_iter().map(Write::Document);
        let rows = folded.rows.into_iter().map(Write::Row);
        self.write_until_done(documents.chain(rows).collect(), report)
            .await
    }

    /// Writes until nothing is left to try again: a store that is away makes a rebuild wait.
    async fn write_until_done(
        &self,
        mut left: Vec<Write>,
        report: &mut RebuildReport,
    ) -> Result<(), RebuildError> {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        while !left.is_empty() {
            let verdicts = self.apply(&left).await;
            let mut rest = Vec::new();
            for (write, verdict) in left.into_iter().zip(verdicts) {
                match verdict {
                    ItemVerdict::Done => {}
                    ItemVerdict::Transient(_) => rest.push(write),
                    ItemVerdict::Permanent { code, message } => {
                        let item = item_name(&write);
                        report.refuse(RefusedItem {
                            item,
                            code,
                            message,
                        });
                    }
                    ItemVerdict::Alarm(why) => {
                        return Err(RebuildError::Alarm {
                            store: self.name(),
                            item: item_name(&write),
                            why,
                        });
                    }
                }
            }
            left = rest;
            if !left.is_empty() {
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
        Ok(())
    }

    /// How many of these the store holds older, or not at all.
    pub async fn differing(&self, writes: &[DocumentWrite]) -> Result<u64, StoreError> {
        let keys: Vec<_> = writes.iter().map(|write| write.key.clone()).collect();
        let held = self.versions(&keys).await?;
        let differs = |(write, held): &(&DocumentWrite, Option<Version>)| {
            held.map_or(!write.purged, |held| held < write.meta.version)
        };
        Ok(writes.iter().zip(held).filter(differs).count() as u64)
    }
}

/// What a person calls it.
fn item_name(write: &Write) -> String {
    match write {
        Write::Document(document) => format!("document {}", document.key),
        Write::Row(row) => format!("row {}", row.key()),
    }
}
