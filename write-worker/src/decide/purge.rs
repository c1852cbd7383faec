//! Intents to purge deletion markers: the owner of the partition looks at each and decides, in one
//! silent record, which go. A marker goes only below everything that any worker might still apply
//! again, and only if it is what the record store holds. They pass the locks of their keys, and leave
//! what is held under one alone.
//!
//! See ADR 38.

mod age;
mod obstacle;

use super::{Decider, decision::refusing_plan, inputs::Event};
use crate::{record_retry::RecordPart, tenure_end::TenureEnd};
use catalog::Plan;
use event_schema::{
    decision::Decision,
    mutation::{DocumentAction, DocumentChange, DocumentKey},
    outcome::{RefusalCode, Verdict},
    position::Version,
    purge::{MOST_MARKERS, MarkerLeft, MarkerToPurge, PURGE, PurgeIntent, PurgeResult},
    to_raw,
};
use obstacle::{MarkerFacts, MarkerPlace, PurgeBounds, find_obstacle};
use std::collections::HashSet;
use store::StoredDocument;
use tokio::time::Instant;

/// Does this event ask for markers to be purged?
pub(super) fn is_purge(event: &Event) -> bool {
    event.transaction.attributes.operation == PURGE
}

impl Decider {
    /// `applied`: the last batch that the stores hold.
    pub(super) async fn judge_purge(
        &mut self,
        event: Event,
        applied: u64,
    ) -> Result<Decision, TenureEnd> {
        if let Some(reason) = &event.dead {
            let why = format!("a store would not take it: {}", reason.message);
            return Ok(self.silent_decision(event, refusing_plan(RefusalCode::Rule, why)));
        }
        let asked: PurgeIntent = match serde_json::from_str(event.transaction.data.request.get()) {
            Ok(asked) => asked,
            Err(error) => {
                let why = format!("the intent cannot be read: {error}");
                return Ok(self.silent_decision(event, refusing_plan(RefusalCode::Rule, why)));
            }
        };
        if asked.markers.len() > MOST_MARKERS {
            let why = format!("an intent names {MOST_MARKERS} markers at most");
            return Ok(self.silent_decision(event, refusing_plan(RefusalCode::Rule, why)));
        }
        let keys: Vec<DocumentKey> = asked
            .markers
            .iter()
            .map(|one| one.document.clone())
            .collect();
        let record = &self.worker.ports.record;
        let stored = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.documents(&keys))
            .await?;
        let bounds = self.purge_bounds(&asked).await?;
        let mut ages = self.marker_ages(&stored).await?;
        let mut plan = Plan::of(Verdict::Applied);
        let mut result = PurgeResult::default();
        let mut named = HashSet::new();
        for (at, marker) in asked.markers.iter().enumerate() {
            let stored = stored[at].as_ref();
            let mut facts = MarkerFacts {
                asked: marker,
                stored,
                is_owned: self.is_owned(marker, stored),
                is_held: self.queues.lock(&marker.key).is_some(),
                is_settled: named.insert(&marker.document)
                    && self.state.is_settled(&marker.document, applied),
                collection: self.marker_place(&marker.document).await?,
                deleted: Some(i64::MIN),
            };
            // Its age is looked for in the log: asked last, and of few.
            let mut obstacle = find_obstacle(&facts, bounds);
            if obstacle.is_none() {
                facts.deleted = ages.deleted_by(self, at, marker.version).await?;
                obstacle = find_obstacle(&facts, bounds);
            }
            match obstacle {
                Some(why) => result.left.push(MarkerLeft { at, why }),
                None => plan
                    .documents
                    .extend(stored.map(|stored| purge_of(marker.document.clone(), stored))),
            }
        }
        result.purged = plan.documents.len() as u64;
        plan.result = Some(to_raw(&result));
        Ok(self.silent_decision(event, plan))
    }

    /// Everything that a worker might apply again begins at the least of what the record store's mark
    /// says, once no cut of the power can take that mark back, and of what this tenure's marks say.
    async fn purge_bounds(&self, asked: &PurgeIntent) -> Result<PurgeBounds, TenureEnd> {
        let generation = self.worker.ports.layout.generation;
        let record = &self.worker.ports.record;
        let stored = self
            .worker
            .retry_until_answered(RecordPart::Marks, || {
                record.mark(generation, self.partition)
            })
            .await?;
        self.worker
            .retry_until_answered(RecordPart::Marks, || record.settle())
            .await?;
        let from = stored.and_then(|stored| self.marker.reapplied_from(&stored, Instant::now()));
        let kept = self.worker.config.markers_kept_ms.max(asked.older_than_ms);
        Ok(PurgeBounds {
            reapplied_from: from.map(|from| Version::new(generation, from)),
            deleted_before: self.worker.ports.clock.now().saturating_sub(kept),
        })
    }

    async fn marker_place(&self, document: &DocumentKey) -> Result<MarkerPlace, TenureEnd> {
        let DocumentKey {
            index,
            collection,
            incarnation,
            ..
        } = document;
        let found = self.worker.read_collection(index, collection, incarnation);
        Ok(match found.await? {
            None => MarkerPlace::Gone,
            Some(collection) if collection.changing.is_some() => MarkerPlace::Changing,
            Some(_) => MarkerPlace::Standing,
        })
    }

    /// By its key, and by where it was deleted.
    fn is_owned(&self, marker: &MarkerToPurge, stored: Option<&StoredDocument>) -> bool {
        let layout = &self.worker.ports.layout;
        let position = stored.map(|stored| stored.meta.position);
        let is_foreign = position.is_some_and(|position| {
            position.generation == layout.generation && position.partition != self.partition
        });
        !is_foreign && marker.key.partition(layout.partitions) == self.partition
    }
}

/// The same revision; nothing to see, before or after.
fn purge_of(key: DocumentKey, stored: &StoredDocument) -> DocumentChange {
    DocumentChange {
        key,
        action: DocumentAction::Remove,
        revision_before: stored.meta.revision,
        revision: stored.meta.revision,
        before: None,
        after: None,
        purged: true,
    }
}
