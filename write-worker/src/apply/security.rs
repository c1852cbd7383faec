//! What a batch changed of accounts, keys, sessions and rights, to the topic `security`: after the
//! record store has it, so that whoever looks again finds it; before the ledger, so that it stands there
//! when the change is called applied. It must never be skipped: gateways believe what they know until
//! they are told here. See ADR 37.

use super::Applier;
use crate::{
    append::{delivered_offset, enqueue_record},
    effects::Effects,
    tenure_end::TenureEnd,
};
use event_schema::{
    codec::encode_security,
    position::Version,
    security::{SecurityChange, SecurityRecord, SecuritySubject},
};
use std::collections::BTreeMap;

/// Whom it is about, of those of whom gateways believe something.
fn subjects(effect: &Effects) -> impl Iterator<Item = SecuritySubject> {
    let documents = effect.documents.iter();
    let documents = documents.filter_map(|change| SecuritySubject::of_document(&change.key));
    let rows = effect.rows.iter();
    documents.chain(rows.filter_map(|row| SecuritySubject::of_row(&row.key)))
}

/// Does it change anything that gateways believe of callers?
pub(super) fn concerns_callers(effect: &Effects) -> bool {
    subjects(effect).next().is_some()
}

/// Each once, with the last decision on it.
fn changed_subjects(effects: &[Effects]) -> BTreeMap<SecuritySubject, Version> {
    let mut changed = BTreeMap::new();
    for effect in effects {
        for subject in subjects(effect) {
            let version: &mut Version = changed.entry(subject).or_default();
            *version = (*version).max(effect.version);
        }
    }
    changed
}

impl Applier<'_> {
    /// Tells gateways where to look again; all of it stands when this returns. A void is told as a
    /// decision is: it puts back what was before.
    pub(super) async fn publish_security(&self, effects: &[Effects]) -> Result<(), TenureEnd> {
        let changed = changed_subjects(effects);
        if changed.is_empty() {
            return Ok(());
        }
        self.prove_ownership().await?;
        let mut sent = Vec::with_capacity(changed.len());
        for (subject, version) in changed {
            let record = SecurityRecord::Changed(subject, SecurityChange { version });
            let topic = &self.worker.topics.security;
            sent.push(enqueue_record(&self.worker, topic, 0, encode_security(&record)).await?);
        }
        for delivery in sent {
            delivered_offset(delivery).await?;
        }
        Ok(())
    }
}
