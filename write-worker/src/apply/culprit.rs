//! Which decisions are to blame for the writes that a store will never take, and what becomes of
//! each. A folded write may stem from several decisions: they are tried one by one, and the first
//! that is refused by itself is the one.
//!
//! What the ledger remembers is never blamed, nor what a mark says that it was told before it
//! forgot, and neither is a void: a view that will not take such a state gets a marker that says so,
//! a record that will not is an alarm.
//!
//! See ADR 15.

use super::{
    Applier,
    write::{RefusedWrite, StoreRole},
};
use crate::{
    effects::Effects,
    record_retry::RecordPart,
    tenure_end::{RejectedDecisions, TenureEnd},
};
use change_feed::{Window, document_name, row_name};
use event_schema::{
    decision::VoidEnd,
    flood::DeadLetterFlood,
    outcome::{DeadReason, LedgerEntry, Refusal, RefusalCode},
};
use store::{
    DocumentWrite,
    document::Write,
    fold::{Folded, fold_effects},
};

/// The decisions behind one refused write, oldest first, and which is tried next.
struct Suspects<'a> {
    refused: RefusedWrite,
    effects: Vec<&'a Effects>,
    next: usize,
    /// The next one was tried by itself, and refused.
    is_blamed: bool,
}

/// What a refusal comes to.
enum Judgement {
    /// The decision is to be undone.
    Reject(VoidEnd),
    /// It stays: the view holds something newer, or a marker.
    Settled,
}

impl Applier<'_> {
    /// Finds them for all refused writes of a batch.
    pub(super) async fn find_rejected(
        &self,
        effects: &[Effects],
        refused: Vec<RefusedWrite>,
    ) -> Result<RejectedDecisions, TenureEnd> {
        let mut rejected = RejectedDecisions::new();
        let mut open = Vec::with_capacity(refused.len());
        for refused in refused {
            let touching = effects
                .iter()
                .filter(|effect| effect.names().any(|name| name == refused.name));
            open.push(Suspects {
                effects: touching.collect(),
                refused,
                next: 0,
                is_blamed: false,
            });
        }
        while !open.is_empty() {
            self.try_next(&mut open).await?;
            let ledger = self.read_remembered(&open).await?;
            let mut rest = Vec::new();
            for (mut suspects, entry) in open.into_iter().zip(ledger) {
                let Some(effect) = suspects.effects.get(suspects.next) else {
                    continue;
                };
                if rejected.contains_key(&effect.at) {
                    continue;
                }
                match self.judge_refusal(effect, &suspects.refused, entry).await? {
                    Judgement::Reject(end) => _ = rejected.insert(effect.at, end),
                    Judgement::Settled => {
                        suspects.next += 1;
                        suspects.is_blamed = false;
                        rest.push(suspects);
                    }
                }
            }
            open = rest;
        }
        Ok(rejected)
    }

    /// Would too many of these become dead letters?
    pub(super) async fn flood_of(
        &self,
        effects: &[Effects],
        rejected: &RejectedDecisions,
    ) -> Option<DeadLetterFlood> {
        for effect in effects {
            let (Some(VoidEnd::Dead(reason)), Some(entry)) =
                (rejected.get(&effect.at), &effect.entry)
            else {
                continue;
            };
            let (worker, position) = (&self.worker, &entry.position);
            let flood = worker.admit_letter(position, &entry.operation, reason);
            if let Some(flood) = flood.await {
                return Some(flood);
            }
        }
        None
    }

    /// Moves each on to the first decision that is refused by itself.
    async fn try_next(&self, open: &mut [Suspects<'_>]) -> Result<(), TenureEnd> {
        loop {
            let tried: Vec<usize> = (0..open.len())
                .filter(|at| open[*at].is_to_be_tried())
                .collect();
            if tried.is_empty() {
                return Ok(());
            }
            let (mut record, mut view) = (Vec::new(), Vec::new());
            for at in &tried {
                let suspects = &open[*at];
                let effect = suspects.effects[suspects.next];
                match suspects.refused.store {
                    StoreRole::Record => {
                        record.extend(record_writes(effect, &suspects.refused.name))
                    }
                    StoreRole::View => view.extend(view_write(effect, &suspects.refused.name)),
                }
            }
            let mut refused = self.write_record(record).await?;
            refused.extend(self.write_view(view).await?);
            for at in tried {
                let suspects = &mut open[at];
                let same = |other: &RefusedWrite| {
                    other.store == suspects.refused.store && other.name == suspects.refused.name
                };
                match refused.iter().find(|other| same(other)) {
                    Some(refused) => {
                        suspects.refused.reason = refused.reason.clone();
                        suspects.is_blamed = true;
                    }
                    None => suspects.next += 1,
                }
            }
        }
    }

    /// What the ledger remembers of the decision that each is at.
    async fn read_remembered(
        &self,
        open: &[Suspects<'_>],
    ) -> Result<Vec<Option<LedgerEntry>>, TenureEnd> {
        let requests: Vec<_> = open
            .iter()
            .map(|suspects| suspects.effects.get(suspects.next))
            .map(|effect| effect.map(|effect| effect.request))
            .collect();
        let asked: Vec<_> = requests.iter().flatten().copied().collect();
        let record = &self.worker.ports.record;
        let mut known = self
            .worker
            .retry_until_answered(RecordPart::Contents, || record.ledger(&asked))
            .await?
            .into_iter();
        Ok(requests
            .iter()
            .map(|request| request.and_then(|_| known.next().flatten()))
            .collect())
    }

    async fn judge_refusal(
        &self,
        effect: &Effects,
        refused: &RefusedWrite,
        entry: Option<LedgerEntry>,
    ) -> Result<Judgement, TenureEnd> {
        let told_through = self.again.and_then(Window::resolved_through);
        let was_told = Some(effect.at) <= told_through;
        let is_remembered = was_told || entry.is_some_and(|entry| entry.version == effect.version);
        if !effect.is_void && !is_remembered {
            return Ok(Judgement::Reject(self.void_end(effect, refused)));
        }
        match refused.store {
            StoreRole::View => {
                self.mark_diverged(effect, refused).await?;
                Ok(Judgement::Settled)
            }
            StoreRole::Record if self.is_overtaken(effect, refused).await? => {
                Ok(Judgement::Settled)
            }
            StoreRole::Record => Err(TenureEnd::Halted(format!(
                "the record store refuses `{}` at version {}, which {}: {}",
                refused.name,
                effect.version,
                if effect.is_void {
                    "restores what it held before"
                } else {
                    "the ledger remembers as done"
                },
                refused.reason.message
            ))),
        }
    }

    /// In a collection that clients map themselves a late refusal of the view is the client's; in
    /// the catalog's own it is for a person to mend.
    fn void_end(&self, effect: &Effects, refused: &RefusedWrite) -> VoidEnd {
        let document = effect
            .documents
            .iter()
            .find(|change| document_name(&change.key) == refused.name);
        let is_clients = document.is_some_and(|change| {
            let catalog = &self.worker.ports.catalog;
            !catalog.owns_collection(&change.key.index, &change.key.collection)
        });
        if refused.store == StoreRole::View && is_clients {
            let DeadReason { message, .. } = &refused.reason;
            return VoidEnd::Refused(Refusal {
                code: RefusalCode::Unmappable,
                message: message.clone(),
                rule: None,
                pointer: None,
            });
        }
        VoidEnd::Dead(refused.reason.clone())
    }

    /// The view will not take a state that stands: it holds a marker in its place, which no search
    /// finds and an audit names, unless it holds something newer.
    async fn mark_diverged(
        &self,
        effect: &Effects,
        refused: &RefusedWrite,
    ) -> Result<(), TenureEnd> {
        tracing::error!(
            document = refused.name,
            version = %effect.version,
            request = %effect.request,
            reason = refused.reason.message,
            "the view has diverged: it refuses a state that the record holds"
        );
        self.worker.metrics.diverged();
        let markers = view_write(effect, &refused.name).map(|write| DocumentWrite {
            body: None,
            diverged: true,
            ..write
        });
        let refused = self.write_view(markers.into_iter().collect()).await?;
        match refused.first() {
            None => Ok(()),
            Some(refused) => Err(TenureEnd::Halted(format!(
                "the view refuses even a marker for `{}`: {}",
                refused.name, refused.reason.message
            ))),
        }
    }

    /// Does the record hold a newer state of the document than this one, or will it at once?
    async fn is_overtaken(
        &self,
        effect: &Effects,
        refused: &RefusedWrite,
    ) -> Result<bool, TenureEnd> {
        let named = |key: &_| document_name(key) == refused.name;
        let Some(change) = effect.documents.iter().find(|change| named(&change.key)) else {
            return Ok(false);
        };
        // What was folded when it was applied may come in two batches now.
        let again = self.again;
        if again.is_some_and(|window| window.is_written_behind(effect.at, &change.key)) {
            return Ok(true);
        }
        let record = &self.worker.ports.record;
        let found = self
            .worker
            .retry_until_answered(RecordPart::Contents, || {
                record.documents(std::slice::from_ref(&change.key))
            })
            .await?;
        let stored = found.into_iter().flatten().next();
        Ok(stored.is_some_and(|stored| stored.meta.version >= effect.version))
    }
}

impl Suspects<'_> {
    /// The last is not tried: if all before it pass, the refusal is its.
    fn is_to_be_tried(&self) -> bool {
        !self.is_blamed && self.next + 1 < self.effects.len()
    }
}

/// What a decision alone makes of this document, for the view.
fn view_write(effect: &Effects, name: &str) -> Option<DocumentWrite> {
    let Folded { documents, .. } = fold_effects([effect.stored()]);
    documents
        .into_iter()
        .find(|write| document_name(&write.key) == name)
}

/// What a decision alone makes of this document or row, for the record.
fn record_writes(effect: &Effects, name: &str) -> Vec<Write> {
    let Folded { documents, rows } = fold_effects([effect.stored()]);
    let documents = documents
        .into_iter()
        .filter(|write| document_name(&write.key) == name)
        .map(Write::Document);
    let rows = rows
        .into_iter()
        .filter(|write| row_name(write.key()) == name)
        .map(Write::Row);
    documents.chain(rows).collect()
}
