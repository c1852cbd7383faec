//! From the stores to the log: documents that no record tells of. Where the log is whole they should
//! not be there; where it begins behind them, record and view can only be compared with each other.

use super::{Sweep, settle::Suspect};
use crate::{
    compare::{stored_state, viewed_state},
    expected::body_digest,
    fetch::{FoundItem, StoreLook},
    finding::{AuditFinding, Basis, DifferenceKind, HeldState, ItemName},
    ports::{AuditError, AuditPhase, StoreSide},
};
use change_feed::document_name;
use event_schema::mutation::DocumentKey;
use store::{StoredDocument, view::ViewedDocument};

/// Ids that are read at once.
const PAGE: usize = 2_000;
/// Strangers that are looked at together.
const TOGETHER: usize = 1_000;

impl Sweep<'_> {
    /// Looks for every document of the stores, as far as it belongs to this pass, in the log.
    pub(crate) async fn look_for_strangers(&mut self) -> Result<(), AuditError> {
        let mut suspects = Vec::new();
        let mut after: Option<DocumentKey> = None;
        loop {
            let record = self.ports.record.clone();
            let page = record.scan_documents(after.as_ref(), PAGE).await?;
            let Some(last) = page.last().cloned() else {
                break;
            };
            self.tell(AuditPhase::LookingUp);
            self.sift_strangers(page, &mut suspects).await?;
            after = Some(last);
        }
        for collection in self.collections.clone() {
            let Some(view) = self.ports.separate_view() else {
                break;
            };
            let mut page = None;
            loop {
                let (ids, next) = match view.scan(&collection, page.as_deref(), PAGE).await {
                    // Its documents are missed one by one.
                    Err(store::StoreError::NotMigrated { .. }) => break,
                    other => other?,
                };
                let keys = ids.into_iter().map(|id| DocumentKey {
                    index: collection.index.clone(),
                    collection: collection.collection.clone(),
                    incarnation: collection.incarnation.clone(),
                    id,
                });
                self.sift_strangers(keys.collect(), &mut suspects).await?;
                page = next;
                if page.is_none() {
                    break;
                }
            }
        }
        self.settle_suspects(suspects).await
    }

    async fn sift_strangers(
        &mut self,
        keys: Vec<DocumentKey>,
        suspects: &mut Vec<Suspect>,
    ) -> Result<(), AuditError> {
        for document in keys {
            let Some(place) = self.expected.place(&document_name(&document)) else {
                continue;
            };
            self.report.counts.looked_up += 1;
            if !self.expected.items.contains_key(&place) && self.is_living(&document) {
                let look = StoreLook {
                    item: ItemName::Document { document },
                    side: StoreSide::Both,
                };
                suspects.push(Suspect { place, look });
            }
        }
        if suspects.len() >= TOGETHER {
            let some = std::mem::take(suspects);
            self.settle_suspects(some).await?;
        }
        Ok(())
    }

    /// Should the log hold the record that wrote this? None: that cannot be known.
    fn should_be_in_log(&self, stored: &StoredDocument) -> Option<bool> {
        let (version, position) = (stored.meta.version, stored.meta.position);
        let layout = &self.ports.layout;
        if version.generation() != layout.generation {
            return Some(version.generation() > layout.generation);
        }
        if position.generation != layout.generation {
            let whole = self.folds.iter().all(|fold| fold.begins == 0);
            return (whole && self.folds.len() == usize::from(layout.partitions)).then_some(true);
        }
        if position.partition >= layout.partitions {
            return Some(true);
        }
        let fold = self
            .folds
            .iter()
            .find(|f| f.partition == position.partition)?;
        Some(version.offset().get() >= fold.begins)
    }
}

/// Judges a document that the log does not tell of.
pub(crate) fn judge_stranger(
    sweep: &mut Sweep<'_>,
    suspect: &Suspect,
    found: &FoundItem,
) -> Vec<AuditFinding> {
    let FoundItem::Both(stored, viewed) = found else {
        return Vec::new();
    };
    // A marker hides nothing that is there.
    let stored = stored.as_ref().filter(|stored| stored.body.is_some());
    let living = viewed.as_ref().filter(|viewed| viewed.body.is_some());
    let extra = |side, state: HeldState| {
        let what = "no record of the log that counts has written it";
        stranger_finding(
            sweep,
            suspect,
            side,
            (DifferenceKind::Extra, None, Some(state)),
            what,
        )
    };
    let Some(stored) = stored else {
        let state = living.map(viewed_state);
        return state
            .map(|state| extra(StoreSide::View, state))
            .into_iter()
            .collect();
    };
    match sweep.should_be_in_log(stored) {
        None => Vec::new(),
        Some(true) => {
            let record = extra(StoreSide::Record, stored_state(stored));
            let view = living.map(|living| extra(StoreSide::View, viewed_state(living)));
            std::iter::once(record).chain(view).collect()
        }
        Some(false) => {
            sweep.report.counts.only_compared += 1;
            if sweep.ports.separate_view().is_none() {
                return Vec::new();
            }
            against_record(sweep, suspect, stored, viewed.as_ref())
                .into_iter()
                .collect()
        }
    }
}

/// The view against the record.
fn against_record(
    sweep: &Sweep<'_>,
    suspect: &Suspect,
    stored: &StoredDocument,
    viewed: Option<&ViewedDocument>,
) -> Option<AuditFinding> {
    let expected = Some(stored_state(stored));
    let version = viewed.and_then(|viewed| viewed.version);
    let body = viewed.and_then(|viewed| viewed.body.as_ref());
    let (kind, what) = if viewed.is_none() {
        (
            DifferenceKind::Lost,
            "the record holds it, the view does not",
        )
    } else if version < Some(stored.meta.version) {
        (DifferenceKind::Stale, "the record holds a newer version")
    } else if version > Some(stored.meta.version) {
        (DifferenceKind::Extra, "the record holds an older version")
    } else if body.map(body_digest) != stored.body.as_ref().map(body_digest) {
        (DifferenceKind::Diverged, "the record holds another content")
    } else {
        return None;
    };
    let states = (kind, expected, viewed.map(viewed_state));
    let mut finding = stranger_finding(sweep, suspect, StoreSide::View, states, what);
    finding.basis = Basis::Record;
    Some(finding)
}

fn stranger_finding(
    sweep: &Sweep<'_>,
    suspect: &Suspect,
    side: StoreSide,
    (kind, expected, found): (DifferenceKind, Option<HeldState>, Option<HeldState>),
    detail: &str,
) -> AuditFinding {
    let of = expected.as_ref().or(found.as_ref());
    AuditFinding {
        kind,
        item: suspect.look.item.clone(),
        key: suspect.look.item.to_string(),
        store: sweep.ports.store_name(side).to_owned(),
        partition: None,
        request: of.and_then(|state| state.request),
        expected,
        found,
        row: None,
        basis: Basis::Log,
        detail: detail.to_owned(),
    }
}
