//! The second look: what differs is judged only when the log has resolved the item's last decision
//! before the store was read, and holds no newer one after it. Until then it is looked at again.

use super::{Sweep, strangers};
use crate::{
    compare::{self, CompareContext},
    expected::ItemPlace,
    fetch::{FoundItem, StoreLook, fetch_items},
    finding::{AuditFinding, Basis, ItemName},
    ports::{AuditError, StoreSide},
};
use event_schema::offset::ChangesOffset;
use runtime::Backoff;
use std::time::Duration;
use tokio::time::Instant;

/// An item that may differ.
#[derive(Clone, Debug)]
pub(crate) struct Suspect {
    pub place: ItemPlace,
    pub look: StoreLook,
}

impl Sweep<'_> {
    /// Names those that differ.
    pub(crate) async fn settle_suspects(
        &mut self,
        mut open: Vec<Suspect>,
    ) -> Result<(), AuditError> {
        if open.is_empty() {
            return Ok(());
        }
        let deadline = Instant::now() + self.patience;
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));
        loop {
            self.read_on().await?;
            // What fell out of the range is looked at in the next pass.
            open.retain(|suspect| self.is_in_range(&suspect.place));
            let before: Vec<Option<ChangesOffset>> =
                open.iter().map(|one| self.changed_at(&one.place)).collect();
            let resolved: Vec<bool> = open
                .iter()
                .map(|one| self.is_resolved(&one.place))
                .collect();
            let looks: Vec<StoreLook> = open.iter().map(|one| one.look.clone()).collect();
            let found = fetch_items(self.ports, &looks).await?;
            self.read_on().await?;
            self.read_collections().await?;
            let mut left = Vec::new();
            let mut findings = Vec::new();
            let seen = before.into_iter().zip(resolved).zip(found);
            for (suspect, ((before, resolved), found)) in open.into_iter().zip(seen) {
                // What was read meanwhile may have pushed it out: nothing is known of it now.
                if !self.is_in_range(&suspect.place) {
                    continue;
                }
                if !resolved || self.changed_at(&suspect.place) != before {
                    left.push(suspect);
                } else {
                    findings.extend(self.judge_suspect(&suspect, &found));
                }
            }
            self.report.add(findings);
            open = left;
            if open.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                self.report.counts.unsettled += open.len() as u64;
                return Ok(());
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    fn is_in_range(&self, place: &ItemPlace) -> bool {
        self.expected.end().is_none_or(|end| place.0 < end)
    }

    fn changed_at(&self, place: &ItemPlace) -> Option<ChangesOffset> {
        self.expected.items.get(place).map(|item| item.at)
    }

    /// What the log does not tell of has nothing to be resolved.
    pub(crate) fn is_resolved(&self, place: &ItemPlace) -> bool {
        let Some(item) = self.expected.items.get(place) else {
            return true;
        };
        let fold = self.folds.iter().find(|f| f.partition == item.partition);
        fold.and_then(|fold| fold.through())
            .is_some_and(|through| item.at <= through)
    }

    fn judge_suspect(&mut self, suspect: &Suspect, found: &FoundItem) -> Vec<AuditFinding> {
        if let ItemName::Document { document } = &suspect.look.item
            && !self.is_living(document)
        {
            return Vec::new();
        }
        let Some(item) = self.expected.items.get(&suspect.place) else {
            return strangers::judge_stranger(self, suspect, found);
        };
        let context = self.compare_context();
        // Its record came while it was looked for: each side is compared with that.
        let sides = match found {
            FoundItem::Both(stored, viewed) => vec![
                (StoreSide::Record, FoundItem::Document(stored.clone())),
                (StoreSide::View, FoundItem::Viewed(viewed.clone())),
            ],
            other => vec![(suspect.look.side, other.clone())],
        };
        let mut findings = Vec::new();
        for (side, found) in sides {
            if side == StoreSide::View && self.ports.separate_view().is_none() {
                continue;
            }
            let Some(differing) = compare::find_difference(item, &found, context) else {
                continue;
            };
            findings.push(AuditFinding {
                kind: differing.kind,
                item: suspect.look.item.clone(),
                key: suspect.look.item.to_string(),
                store: self.ports.store_name(side).to_owned(),
                partition: Some(item.partition),
                expected: Some(compare::expected_state(
                    item,
                    context.generation,
                    context.now,
                )),
                found: differing.found,
                request: Some(item.request),
                row: item.folded_row(context.now),
                basis: Basis::Log,
                detail: differing.detail,
            });
        }
        findings
    }

    pub(crate) fn compare_context(&self) -> CompareContext {
        let now = self.ports.clock.now();
        let kept = self.ports.record.ledger_kept();
        CompareContext {
            generation: self.ports.layout.generation,
            now,
            ledger_since: kept.map(|kept| now - kept.as_millis() as i64),
        }
    }
}
