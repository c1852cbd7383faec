//! Intents to mend what a store holds: the item as the log says it is, written anew at a version of
//! its own. Refused if anything changed the item since the log was read for it. They pass the lock
//! of their key, since they change nothing.
//!
//! See ADR 20.

use super::{Decider, decision::refusing_plan, inputs::Event};
use crate::{decode, tenure_end::TenureEnd};
use catalog::Plan;
use change_feed::{document_name, row_name};
use event_log::StreamError;
use event_schema::{
    codec,
    decision::{Change, Decision},
    mutation::{DocumentAction, DocumentChange, RowAction, RowMutation},
    offset::ChangesOffset,
    outcome::{RefusalCode, Verdict},
    repair::{REPAIR, RepairIntent, RepairedItem},
};

/// Records of `changes` that are looked through for a newer change; beyond, the intent is too old.
const MOST: u64 = 100_000;

/// Does this event ask for an item to be mended?
pub(super) fn is_repair(event: &Event) -> bool {
    event.transaction.attributes.operation == REPAIR
}

impl Decider {
    /// `before`: what was decided before it in its batch.
    pub(super) async fn judge_repair(
        &mut self,
        event: Event,
        before: &[Decision],
    ) -> Result<Decision, TenureEnd> {
        let asked: RepairIntent = match serde_json::from_str(event.transaction.data.request.get()) {
            Ok(asked) => asked,
            Err(error) => {
                let why = format!("the intent cannot be read: {error}");
                return Ok(self.silent_decision(event, refusing_plan(RefusalCode::Rule, why)));
            }
        };
        let name = match &asked.item {
            RepairedItem::Document { document, .. } => document_name(document),
            RepairedItem::Row { row, .. } => row_name(row),
        };
        let in_batch = before.iter().any(|decision| touches_name(decision, &name));
        if in_batch || self.was_changed_since(&name, asked.read_to).await? {
            let why = "it was changed since the log was read for it: audit again";
            let plan = refusing_plan(RefusalCode::Superseded, why.to_owned());
            return Ok(self.silent_decision(event, plan));
        }
        let mut plan = Plan::of(Verdict::Applied);
        match asked.item {
            RepairedItem::Document {
                document,
                revision,
                body,
            } => plan.documents.push(DocumentChange {
                key: document,
                action: DocumentAction::Put,
                revision_before: revision,
                revision,
                before: body.clone(),
                after: body,
                purged: false,
            }),
            RepairedItem::Row {
                row,
                cells,
                expires,
            } => plan.rows.push(RowMutation {
                key: row,
                action: match cells {
                    Some(_) => RowAction::Put,
                    None => RowAction::Remove,
                },
                before: cells.clone(),
                cells: cells.unwrap_or_default(),
                expires_before: expires,
                expires,
            }),
        }
        Ok(self.silent_decision(event, plan))
    }

    pub(super) fn silent_decision(&self, event: Event, plan: Plan) -> Decision {
        let mut decision = self.fit_decision(self.make_decision(event, plan), 0);
        (decision.silent, decision.relaxed) = (true, true);
        decision
    }

    /// Is there a record of this item from that offset on? Whether it counts does not matter: who
    /// audits again finds out.
    async fn was_changed_since(&self, name: &str, from: ChangesOffset) -> Result<bool, TenureEnd> {
        let end = self.appender.expected();
        if end.since(from) > MOST {
            return Ok(true);
        }
        let (log, topic) = (&self.worker.ports.log, &self.worker.topics.changes);
        let mut scan = log.scan(topic, self.partition, from.get()..end.get());
        loop {
            let records = match scan.next().await {
                // That far back the log is not kept: the intent is too old.
                Err(StreamError::OutOfRange { .. }) => return Ok(true),
                other => other?,
            };
            let Some(records) = records else {
                return Ok(false);
            };
            for record in records {
                let parts = decode::record_parts(&record);
                let changed = match codec::decode_change(&parts) {
                    Ok(Change::Decision(decision)) => touches_name(&decision, name),
                    Ok(Change::Void(void)) => {
                        let documents = void.documents.iter();
                        let rows = void.rows.iter().map(|row| row_name(&row.key));
                        let mut names = documents.map(|one| document_name(&one.key)).chain(rows);
                        names.any(|other| other == name)
                    }
                    Ok(Change::Open(_) | Change::Mark(_)) => false,
                    Err(_) => true,
                };
                if changed {
                    return Ok(true);
                }
            }
        }
    }
}

fn touches_name(decision: &Decision, name: &str) -> bool {
    let documents = decision.documents.iter();
    let rows = decision.rows.iter().map(|row| row_name(&row.key));
    let mut names = documents.map(|one| document_name(&one.key)).chain(rows);
    names.any(|other| other == name)
}
