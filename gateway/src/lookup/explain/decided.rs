//! From acceptance to the mark: what the log and the ledger tell of each stage.

use super::{
    explanation::RequestExplanation,
    log_records::{KeptEvent, ToldRecord, log_unreadable, told_record},
};
use crate::{app::App, error::Problem, lookup::key_queue::KeyQueue};
use event_schema::{
    decision::{Change, Decision, Void},
    id::EntityKey,
    offset::ChangesOffset,
    outcome::{LedgerEntry, Verdict},
    topics::CHANGES,
};
use serde_json::Value;

/// Records that are read for the mark behind a decision.
const UNTIL_MARK: u64 = 5_000;

impl RequestExplanation {
    pub(super) fn tell_event(&mut self, event: Option<&KeptEvent>) {
        let Some(event) = event else {
            let detail = "its event is no longer kept in `transactions`";
            return self.step("accepted", None, detail.to_owned());
        };
        if let Some(transaction) = &event.transaction {
            let attributes = &transaction.attributes;
            self.operation = Some(attributes.operation.clone());
            self.key = Some(attributes.key.0.clone());
            let detail = "a gateway took the request and made its event".to_owned();
            self.step("received", Some(attributes.time), detail);
        }
        let detail = format!(
            "the log has it at {} of partition {} of `transactions`, {} bytes",
            event.position, self.partition, event.bytes
        );
        self.step("accepted", Some(event.time), detail);
    }

    pub(super) fn tell_record(&mut self, told: &ToldRecord) {
        match &told.change {
            Change::Decision(decision) => self.tell_decision(told, decision),
            Change::Void(void) => self.tell_void(told, void),
            Change::Open(_) | Change::Mark(_) => {}
        }
    }

    pub(super) fn tell_decision(&mut self, told: &ToldRecord, decision: &Decision) {
        self.operation = Some(decision.operation.clone());
        self.key = Some(decision.key.0.clone());
        self.catalog = Some(decision.catalog.clone());
        self.verdict = Some(decision.verdict.clone());
        let again = if decision.replaces.is_some() {
            " again"
        } else {
            ""
        };
        let detail = format!(
            "{}{again} at {} of `changes`, in the tenure that began at {}: {} documents, {} rows, {} parts",
            verdict_name(&decision.verdict),
            told.offset,
            decision.epoch,
            decision.documents.len(),
            decision.rows.len(),
            decision.parts.len()
        );
        self.step("decided", Some(told.time), detail);
    }

    pub(super) fn tell_void(&mut self, told: &ToldRecord, void: &Void) {
        self.operation = Some(void.operation.clone());
        self.key = Some(void.key.0.clone());
        let ends = serde_json::to_value(&void.ends).unwrap_or(Value::Null);
        let detail = format!(
            "the decision at {} was undone by the record at {} of `changes`: {ends}",
            void.decision, told.offset
        );
        self.step("undone", Some(told.time), detail);
    }

    pub(super) fn tell_ledger(&mut self, app: &App, entry: Option<&LedgerEntry>) {
        let Some(entry) = entry else {
            return;
        };
        self.operation
            .get_or_insert_with(|| entry.operation.clone());
        self.key.get_or_insert_with(|| entry.key.0.clone());
        self.verdict = Some(entry.verdict.clone());
        let view = app.ports.view.as_ref().filter(|view| !view.is_record());
        let stores = match view {
            Some(view) => format!("{} and {}", app.ports.record.name(), view.name()),
            None => app.ports.record.name().to_owned(),
        };
        let (step, what) = match &entry.verdict {
            Verdict::Applied => ("applied", format!("{stores} took it")),
            Verdict::Parked(_) | Verdict::DeadLettered(_) => {
                ("held", "the queue of its key has it".to_owned())
            }
            Verdict::Refused(_) => ("refused", "no store was changed".to_owned()),
        };
        let detail = format!(
            "{what}, and the ledger remembers {} at version {}",
            verdict_name(&entry.verdict),
            entry.version
        );
        self.step(step, Some(entry.times.applied), detail);
    }

    /// What a parked request waits for now.
    pub(super) async fn tell_queue(&mut self, app: &App) -> Result<(), Problem> {
        if let (Some(Verdict::Parked(_)), Some(key)) = (&self.verdict, &self.key) {
            let queue = KeyQueue::read(app, &EntityKey(key.clone())).await?;
            self.behind = queue.behind;
        }
        Ok(())
    }

    /// The first mark that covers it: with how many others it was resolved, and when.
    pub(super) async fn tell_resolution(
        &mut self,
        app: &App,
        last: Option<ChangesOffset>,
    ) -> Result<bool, Problem> {
        let Some(last) = last else {
            return Ok(false);
        };
        let topic = app.ports.layout.name(&CHANGES);
        let range = last.get()..last.get() + UNTIL_MARK;
        let log = &app.ports.log;
        let kept = log.scan_kept(&topic, self.partition, range.start).await;
        let mut scan = kept.map_err(|error| log_unreadable(&error))?;
        while let Some(records) = scan.next().await.map_err(|error| log_unreadable(&error))? {
            for record in records {
                if record.offset >= range.end {
                    return Ok(false);
                }
                let Some(told) = told_record(record) else {
                    continue;
                };
                let Change::Mark(mark) = &told.change else {
                    continue;
                };
                if mark.at == told.offset && mark.through >= last {
                    let detail = format!(
                        "the mark at {} of `changes`: everything up to {} of it, and below {} of `transactions`, is resolved",
                        told.offset, mark.through, mark.next
                    );
                    self.step("resolved", Some(told.time), detail);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

fn verdict_name(verdict: &Verdict) -> String {
    match serde_json::to_value(verdict) {
        Ok(Value::String(name)) => name,
        Ok(Value::Object(members)) => {
            let member = members.iter().next();
            member.map_or_else(String::new, |(name, why)| {
                let code = why["code"].as_str().unwrap_or_default();
                format!("{name} {code}").trim_end().to_owned()
            })
        }
        _ => String::new(),
    }
}
