//! What the log tells of documents whose markers were purged is not written again: no marker stands
//! against it any longer. A view is filled with what the record holds; for a record the log alone
//! knows what was purged.
//!
//! See ADR 38.

use crate::{RebuildError, ports::RebuildPorts, target::RebuildTarget};
use audit::{PartitionFold, StandingRecord};
use event_log::Limits;
use event_schema::{
    decision::Change,
    mutation::{DocumentChange, DocumentKey},
    offset::ChangesOffset,
    position::Version,
    topics::CHANGES,
};
use std::collections::HashMap;
use store::DocumentWrite;

/// Of one partition, up to where it is rebuilt.
#[derive(Default)]
pub(crate) struct PurgedDocuments {
    /// Where the last purge of a document stands. Of a record only.
    purges: HashMap<DocumentKey, ChangesOffset>,
    /// Everything up to here is in the record, or purged. Of a view only.
    resolved: Option<Version>,
}

impl PurgedDocuments {
    pub async fn find(
        ports: &RebuildPorts,
        target: &RebuildTarget,
        (partition, end): (u16, u64),
        batch: Limits,
    ) -> Result<Self, RebuildError> {
        let mut found = Self::default();
        let generation = ports.layout.generation;
        match target {
            RebuildTarget::View(_) => {
                let mark = ports.record.mark(generation, partition).await?;
                found.resolved = mark.map(|mark| Version::new(generation, mark.through));
            }
            RebuildTarget::Record(_) => {
                let topic = ports.layout.name(&CHANGES);
                let mut fold = PartitionFold::begin(&ports.log, &topic, partition).await?;
                let mut take = |record: StandingRecord<'_>| found.take(&record);
                while fold.read_batch(&ports.log, end, batch, &mut take).await? {}
            }
            // Nothing is purged of a collection that gets new mappings.
            RebuildTarget::Successor(_) => {}
        }
        Ok(found)
    }

    fn take(&mut self, record: &StandingRecord<'_>) {
        let documents = match record.change {
            Change::Decision(decision) => &decision.documents,
            Change::Void(void) => &void.documents,
            Change::Open(_) | Change::Mark(_) => return,
        };
        for change in documents.iter().filter(|change| change.purged) {
            self.purges.insert(change.key.clone(), record.offset);
        }
    }

    /// Is this older than the last purge of its document?
    pub fn is_older(&self, at: ChangesOffset, change: &DocumentChange) -> bool {
        let purged = self.purges.get(&change.key);
        purged.is_some_and(|purged| at < *purged)
    }

    /// Leaves out documents of which the record holds nothing, though it took them.
    pub async fn leave_out(
        &self,
        ports: &RebuildPorts,
        documents: &mut Vec<DocumentWrite>,
    ) -> Result<(), RebuildError> {
        let Some(resolved) = self.resolved else {
            return Ok(());
        };
        let keys: Vec<DocumentKey> = documents.iter().map(|write| write.key.clone()).collect();
        let mut stored = ports.record.documents(&keys).await?.into_iter();
        documents.retain(|write| {
            let is_held = stored.next().is_some_and(|stored| stored.is_some());
            is_held || write.meta.version > resolved
        });
        Ok(())
    }
}
