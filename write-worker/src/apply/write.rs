//! A batch into the record and the view, side by side, each item until it has a verdict that lasts.
//! What may pass is tried again for as long as it takes; what a store will never take is collected,
//! and its decisions are found by [`super::culprit`].

use super::{Applier, ApplyState, places::apply_to_places, security::concerns_callers};
use crate::{decided::Decided, effects::Effects, record_retry::RecordPart, tenure_end::TenureEnd};
use change_feed::{document_name, row_name};
use event_schema::{
    mutation::DocumentKey,
    outcome::{DeadReason, LedgerEntry},
};
use std::collections::{HashMap, hash_map::Entry};
use store::{
    DocumentWrite, ItemVerdict,
    document::Write,
    fold::{Folded, fold_effects},
};

/// Which store refused a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum StoreRole {
    Record,
    View,
}

/// A write that a store will never take.
#[derive(Clone, Debug)]
pub(super) struct RefusedWrite {
    pub store: StoreRole,
    /// Which document or row, as [`Effects::names`] names it.
    pub name: String,
    pub reason: DeadReason,
}

impl Applier<'_> {
    /// Documents, rows and ledger of a batch in one call, where there is only one store and it can
    /// do that. False: it must be done step by step; what stands already is written again without
    /// harm.
    pub(super) async fn apply_in_one_transaction(&self, decided: &Decided) -> bool {
        let ports = &self.worker.ports;
        let is_alone = ports.view.as_ref().is_none_or(|view| view.is_record());
        let has_letters = decided.effects.iter().any(|effect| effect.dead.is_some());
        // What gateways are told of callers comes between the record and the ledger.
        let has_subjects = decided.effects.iter().any(concerns_callers);
        if !is_alone || has_letters || has_subjects || decided.effects.is_empty() {
            return false;
        }
        let Folded { documents, rows } = fold_effects(decided.effects.iter().map(Effects::stored));
        let writes = documents
            .into_iter()
            .map(Write::Document)
            .chain(rows.into_iter().map(Write::Row))
            .collect();
        let entries: Vec<&LedgerEntry> =
            decided.effects.iter().flat_map(Effects::entries).collect();
        let timer = self.worker.metrics.store(ports.record.name());
        let done = ports.record.apply_whole(writes, &entries).await;
        timer.observe_duration();
        done
    }

    /// Writes all effects; what a store will never take, and what rests on it, is taken out of them.
    pub(super) async fn write_stores(
        &self,
        effects: &mut Vec<Effects>,
        state: &mut ApplyState,
    ) -> Result<(), TenureEnd> {
        let mut refused = self
            .write_folded(fold_effects(effects.iter().map(Effects::stored)))
            .await?;
        while !refused.is_empty() {
            let rejected = self.find_rejected(effects, refused).await?;
            if rejected.is_empty() {
                break;
            }
            effects
                .iter()
                .filter(|effect| rejected.contains_key(&effect.at))
                .for_each(|effect| state.block_effects(effect));
            if state.flood.is_none() {
                state.flood = self.flood_of(effects, &rejected).await;
            }
            // Writes of what is taken out may stand already; its void writes over them.
            effects.retain(|effect| !rejected.contains_key(&effect.at));
            state.rejected.extend(rejected);
            state.hold_back(effects);
            // The void restores what these left, which no store was asked for by itself: it was
            // folded into what is taken out.
            let uncovered = effects.iter().filter(|effect| state.meets(effect));
            refused = self
                .write_folded(fold_effects(uncovered.map(Effects::stored)))
                .await?;
        }
        Ok(())
    }

    async fn write_folded(&self, folded: Folded) -> Result<Vec<RefusedWrite>, TenureEnd> {
        let Folded { documents, rows } = folded;
        let view = async {
            match &self.worker.ports.view {
                Some(view) if !view.is_record() && !documents.is_empty() => {
                    self.write_view(documents.clone()).await
                }
                Some(_) | None => Ok(Vec::new()),
            }
        };
        let writes: Vec<Write> = documents
            .iter()
            .cloned()
            .map(Write::Document)
            .chain(rows.into_iter().map(Write::Row))
            .collect();
        let (mut refused, view) = tokio::try_join!(self.write_record(writes), view)?;
        refused.extend(view);
        Ok(refused)
    }

    pub(super) async fn write_record(
        &self,
        mut left: Vec<Write>,
    ) -> Result<Vec<RefusedWrite>, TenureEnd> {
        let store = &self.worker.ports.record;
        let mut backoff = self.worker.config.backoff();
        let mut refused = Vec::new();
        let mut was_away = false;
        let mut wait = self.worker.waits.of("record", Some(self.partition));
        while !left.is_empty() {
            self.prove_ownership().await?;
            let timer = self.worker.metrics.store(store.name());
            let verdicts = store.apply(&left).await;
            timer.observe_duration();
            let of = StoreVerdicts {
                role: StoreRole::Record,
                name: store.name(),
                verdicts,
            };
            let why;
            (left, why) = self.split_by_verdict(left, of, write_name, &mut refused)?;
            if let Some(why) = why {
                was_away |= self.worker.is_record_away().await;
                let pause = backoff.next_wait();
                wait.failed(&why, pause);
                tokio::time::sleep(pause).await;
            }
        }
        if was_away {
            self.worker.note_return()?;
        }
        Ok(refused)
    }

    pub(super) async fn write_view(
        &self,
        mut left: Vec<DocumentWrite>,
    ) -> Result<Vec<RefusedWrite>, TenureEnd> {
        let Some(store) = &self.worker.ports.view else {
            return Ok(Vec::new());
        };
        let mut backoff = self.worker.config.backoff();
        let mut refused = Vec::new();
        let mut wait = self.worker.waits.of("view", Some(self.partition));
        while !left.is_empty() {
            let doubled = self.find_doubled(&left).await?;
            self.prove_ownership().await?;
            let timer = self.worker.metrics.store(store.name());
            let verdicts = apply_to_places(store.as_ref(), &left, &doubled).await;
            timer.observe_duration();
            let of = StoreVerdicts {
                role: StoreRole::View,
                name: store.name(),
                verdicts,
            };
            let name = |write: &DocumentWrite| document_name(&write.key);
            let why;
            (left, why) = self.split_by_verdict(left, of, name, &mut refused)?;
            if let Some(why) = why {
                let pause = backoff.next_wait();
                wait.failed(&why, pause);
                tokio::time::sleep(pause).await;
                left = self.without_dropped_collections(left).await?;
            }
        }
        Ok(refused)
    }

    /// Without the writes of collections that were dropped or emptied since they were decided: the
    /// view has no place for those any more, and no search would find them there. Asked only when a
    /// view does not take writes.
    async fn without_dropped_collections(
        &self,
        writes: Vec<DocumentWrite>,
    ) -> Result<Vec<DocumentWrite>, TenureEnd> {
        let record = &self.worker.ports.record;
        let mut stands: HashMap<[String; 3], bool> = HashMap::new();
        for DocumentWrite { key, .. } in &writes {
            let name = [&key.index, &key.collection, &key.incarnation].map(Clone::clone);
            if let Entry::Vacant(unknown) = stands.entry(name) {
                let found = self
                    .worker
                    .retry_until_answered(RecordPart::Contents, || {
                        record.collection(&key.index, &key.collection)
                    })
                    .await?;
                unknown.insert(found.is_some_and(|found| found.incarnation == key.incarnation));
            }
        }
        let mut left = writes;
        left.retain(|write| {
            let DocumentKey {
                index,
                collection,
                incarnation,
                ..
            } = &write.key;
            stands
                .get(&[index.clone(), collection.clone(), incarnation.clone()])
                .is_none_or(|stands| *stands)
        });
        Ok(left)
    }

    /// Keeps what must be tried again, and why; adds what is refused for good.
    fn split_by_verdict<T>(
        &self,
        writes: Vec<T>,
        of: StoreVerdicts,
        name: impl Fn(&T) -> String,
        refused: &mut Vec<RefusedWrite>,
    ) -> Result<(Vec<T>, Option<String>), TenureEnd> {
        assert_eq!(
            of.verdicts.len(),
            writes.len(),
            "a store answers every item"
        );
        let mut left = Vec::new();
        let mut why = None;
        for (write, verdict) in writes.into_iter().zip(of.verdicts) {
            match verdict {
                ItemVerdict::Done => {}
                ItemVerdict::Transient(reason) => {
                    left.push(write);
                    why.get_or_insert(reason);
                }
                ItemVerdict::Permanent { code, message } => refused.push(RefusedWrite {
                    store: of.role,
                    name: name(&write),
                    reason: DeadReason {
                        code,
                        message,
                        store: Some(of.name.to_owned()),
                    },
                }),
                ItemVerdict::Alarm(message) => {
                    return Err(TenureEnd::Halted(format!(
                        "{}: {}: {message}",
                        of.name,
                        name(&write)
                    )));
                }
            }
        }
        if let Some(why) = &why {
            self.worker.metrics.retried(of.name);
            tracing::warn!(
                store = of.name,
                partition = self.partition,
                waiting = left.len(),
                why,
                "a store does not take writes now: the partition waits"
            );
        }
        Ok((left, why))
    }
}

/// One answer of a store to a batch.
struct StoreVerdicts {
    role: StoreRole,
    name: &'static str,
    verdicts: Vec<ItemVerdict>,
}

fn write_name(write: &Write) -> String {
    match write {
        Write::Document(write) => document_name(&write.key),
        Write::Row(write) => row_name(write.key()),
    }
}
