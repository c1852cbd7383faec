//! One folded batch into the record and the view, side by side, each item until it has a verdict
//! that lasts. What may pass is tried again for as long as it takes; what a store will never take
//! names the decision that asked for it.

use super::{
    Applier,
    fold::{Folded, fold},
};
use crate::{
    decide::Decided,
    lane::Halt,
    step::{Aside, Step},
};
use event_schema::{
    mutation::DocumentKey,
    outcome::{DeadReason, LedgerEntry},
    position::Version,
};
use std::collections::{HashMap, hash_map::Entry};
use store::{DocumentWrite, ItemVerdict, document::Write};

/// A write that a store will never take.
struct Refused {
    /// Which document or row, as steps name it.
    key: String,
    reason: DeadReason,
}

impl Applier {
    /// Documents, rows and ledger of a batch in one call, where there is only one store and it can
    /// do that. False: it must be done step by step; what stands already is written again without
    /// harm.
    pub(super) async fn whole(&self, decided: &Decided) -> bool {
        let ports = &self.worker.ports;
        let is_alone = ports.view.as_ref().is_none_or(|view| view.is_record());
        let has_letters = decided.steps.iter().any(|step| step.dead.is_some())
            || decided
                .asides
                .iter()
                .any(|aside| matches!(aside, Aside::Undecodable { .. }));
        if !is_alone || has_letters || decided.steps.is_empty() {
            return false;
        }
        let Folded { documents, rows } = fold(&decided.steps);
        let writes = documents
            .into_iter()
            .map(Write::Document)
            .chain(rows.into_iter().map(Write::Row))
            .collect();
        let entries: Vec<&LedgerEntry> = decided
            .steps
            .iter()
            .filter_map(|step| step.entry.as_ref())
            .collect();
        let timer = self.worker.metrics.store(ports.record.name());
        let done = ports.record.apply_whole(writes, &entries).await;
        timer.observe_duration();
        done
    }

    pub(super) async fn stores(&self, steps: &[Step]) -> Result<(), Halt> {
        match self.write(fold(steps)).await? {
            None => Ok(()),
            Some(refused) => Err(self.culprit(steps, refused).await?),
        }
    }

    async fn write(&self, folded: Folded) -> Result<Option<Refused>, Halt> {
        let Folded { documents, rows } = folded;
        let view = async {
            match &self.worker.ports.view {
                Some(view) if !view.is_record() && !documents.is_empty() => {
                    self.view(documents.clone()).await
                }
                Some(_) | None => Ok(None),
            }
        };
        let writes: Vec<Write> = documents
            .iter()
            .cloned()
            .map(Write::Document)
            .chain(rows.into_iter().map(Write::Row))
            .collect();
        let (record, view) = tokio::try_join!(self.record(writes), view)?;
        Ok(record.or(view))
    }

    async fn record(&self, mut left: Vec<Write>) -> Result<Option<Refused>, Halt> {
        let store = &self.worker.ports.record;
        let mut backoff = self.worker.config.backoff();
        let mut away = false;
        while !left.is_empty() {
            let timer = self.worker.metrics.store(store.name());
            let verdicts = store.apply(&left).await;
            timer.observe_duration();
            assert_eq!(verdicts.len(), left.len(), "a store answers every item");
            let key = |write: &Write| match write {
                Write::Document(write) => write.key.to_string(),
                Write::Row(write) => format!("row {}", write.key()),
            };
            match self.sift(store.name(), left, verdicts, key)? {
                Sifted::Refused(refused) => return Ok(Some(refused)),
                Sifted::Left(rest) => left = rest,
            }
            if !left.is_empty() {
                away = true;
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
        if away {
            self.worker.returned()?;
        }
        Ok(None)
    }

    async fn view(&self, mut left: Vec<DocumentWrite>) -> Result<Option<Refused>, Halt> {
        let Some(store) = &self.worker.ports.view else {
            return Ok(None);
        };
        let mut backoff = self.worker.config.backoff();
        while !left.is_empty() {
            let timer = self.worker.metrics.store(store.name());
            let verdicts = store.apply(&left).await;
            timer.observe_duration();
            assert_eq!(verdicts.len(), left.len(), "a store answers every item");
            match self.sift(store.name(), left, verdicts, |write| write.key.to_string())? {
                Sifted::Refused(refused) => return Ok(Some(refused)),
                Sifted::Left(rest) => left = rest,
            }
            if !left.is_empty() {
                tokio::time::sleep(backoff.next_wait()).await;
                left = self.standing(left).await?;
            }
        }
        Ok(None)
    }

    /// Without the writes of collections that were dropped or emptied since they were decided: the
    /// view has no place for those any more, and nobody would find them there. Asked only when a
    /// view does not take writes.
    async fn standing(&self, writes: Vec<DocumentWrite>) -> Result<Vec<DocumentWrite>, Halt> {
        let record = &self.worker.ports.record;
        let mut stands: HashMap<[String; 3], bool> = HashMap::new();
        for DocumentWrite { key, .. } in &writes {
            let name = [&key.index, &key.collection, &key.incarnation].map(Clone::clone);
            if let Entry::Vacant(unknown) = stands.entry(name) {
                let found = self
                    .worker
                    .patiently("record", || record.collection(&key.index, &key.collection))
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

    /// Keeps what must be tried again.
    fn sift<T>(
        &self,
        store: &'static str,
        writes: Vec<T>,
        verdicts: Vec<ItemVerdict>,
        key: impl Fn(&T) -> String,
    ) -> Result<Sifted<T>, Halt> {
        let mut left = Vec::new();
        let mut why = None;
        for (write, verdict) in writes.into_iter().zip(verdicts) {
            match verdict {
                ItemVerdict::Done => {}
                ItemVerdict::Transient(reason) => {
                    left.push(write);
                    why.get_or_insert(reason);
                }
                ItemVerdict::Permanent { code, message } => {
                    let reason = DeadReason {
                        code,
                        message,
                        store: Some(store.to_owned()),
                    };
                    return Ok(Sifted::Refused(Refused {
                        key: key(&write),
                        reason,
                    }));
                }
                ItemVerdict::Alarm(message) => {
                    return Err(Halt::Alarm(format!("{store}: {}: {message}", key(&write))));
                }
            }
        }
        if let Some(why) = why {
            self.worker.metrics.retried(store);
            tracing::warn!(
                store,
                partition = self.partition,
                waiting = left.len(),
                why,
                "a store does not take writes now: the partition waits"
            );
        }
        Ok(Sifted::Left(left))
    }

    /// Which of the steps that a refused write was folded from is to blame: the first that is
    /// refused by itself.
    async fn culprit(&self, steps: &[Step], refused: Refused) -> Result<Halt, Halt> {
        let touching: Vec<&Step> = steps
            .iter()
            .filter(|step| touches(step, &refused.key))
            .collect();
        let Some((last, earlier)) = touching.split_last() else {
            return Err(Halt::Alarm(format!(
                "a store refused `{}`, which nobody wrote: {}",
                refused.key, refused.reason.message
            )));
        };
        for step in earlier {
            if let Some(refused) = self.write(fold([*step])).await? {
                return Ok(dead(step.version, refused.reason));
            }
        }
        Ok(dead(last.version, refused.reason))
    }
}

enum Sifted<T> {
    Left(Vec<T>),
    Refused(Refused),
}

fn dead(version: Version, reason: DeadReason) -> Halt {
    Halt::Dead {
        decision: version.offset(),
        reason,
    }
}

fn touches(step: &Step, key: &str) -> bool {
    step.documents
        .iter()
        .any(|change| change.key.to_string() == key)
        || step
            .rows
            .iter()
            .any(|row| format!("row {}", row.key) == key)
}
