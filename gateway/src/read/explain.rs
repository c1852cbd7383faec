//! A request's way from acceptance to notification, told from the log: when each stage was reached,
//! what was decided and undone, what the stores hold of it, what its parts came to, what is next.

use crate::{
    app::App,
    error::{Code, Problem},
    read::parts,
};
use event_log::{Record, StreamError};
use event_schema::{
    codec::{self, Parts},
    decision::{Change, Decision, Void},
    envelope::Transaction,
    id::RequestId,
    mutation::DocumentKey,
    offset::{ChangesOffset, TransactionsOffset},
    outcome::{LedgerEntry, Verdict},
    position::{Position, Version},
    topics::CHANGES,
};
use serde::Serialize;
use serde_json::Value;
use std::{collections::VecDeque, time::Duration};
use tokio::time::timeout;

/// Documents whose state in the stores is told.
const DOCUMENTS: usize = 20;
/// Records of one request that are told: a decision that is undone and made anew is three.
const STEPS: usize = 20;
/// Records that are read for the mark behind a decision.
const UNTIL_MARK: u64 = 5_000;
const PATIENCE: Duration = Duration::from_secs(10);

/// The answer of `GET /v1/requests/{id}/explain`.
#[derive(Debug, Serialize)]
pub(crate) struct RequestExplanation {
    request_id: RequestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<String>,
    partition: u16,
    steps: Vec<ExplainedStep>,
    /// The verdict, as it stands in the log or the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    documents: Vec<ExplainedDocument>,
    parts: Vec<ExplainedPart>,
    /// What happens next, or that nothing does.
    next: String,
}

impl RequestExplanation {
    pub(crate) fn operation(&self) -> Option<&str> {
        self.operation.as_deref()
    }
}

/// Something that happened to it.
#[derive(Debug, Serialize)]
struct ExplainedStep {
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    /// Milliseconds since the step before that has a time; by different clocks, so it may be below 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    after_ms: Option<i64>,
    detail: String,
    #[serde(skip)]
    millis: Option<i64>,
}

/// What the stores hold of a document that it changed.
#[derive(Debug, Serialize)]
struct ExplainedDocument {
    document: String,
    #[serde(rename = "_version")]
    version: u64,
    record: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct ExplainedPart {
    request_id: RequestId,
    partition: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// None: it has no verdict yet.
    verdict: Option<Verdict>,
}

/// A record of `changes` about the request.
struct ToldRecord {
    offset: ChangesOffset,
    time: i64,
    change: Change,
}

/// Looks for everything that the log tells of a request.
pub(crate) async fn explain(app: &App, id: RequestId) -> Result<RequestExplanation, Problem> {
    let Ok(_permit) = app.log_scans.try_acquire() else {
        let detail = "as many readers of the log are at work as may be";
        return Err(Problem::new(Code::Overloaded, detail).retry_after(1));
    };
    let found = timeout(PATIENCE, find(app, id)).await;
    found.map_err(|_| {
        let detail = "the partition of the log is too long to be read for one answer";
        Problem::new(Code::LookupIncomplete, detail).retry_after(10)
    })?
}

fn away(error: &StreamError) -> Problem {
    let detail = format!("the log cannot be read now: {error}");
    Problem::new(Code::LookupIncomplete, detail).retry_after(2)
}

async fn find(app: &App, id: RequestId) -> Result<RequestExplanation, Problem> {
    let layout = &app.ports.layout;
    if id.generation() != layout.generation || id.partition() >= layout.partitions {
        let detail = "the request is of another generation of the log: only its status is known";
        return Err(Problem::new(Code::UnknownRequest, detail).about(id, None));
    }
    let entry = app.ports.record.ledger(&[id]).await?;
    let entry = entry.into_iter().next().flatten();
    let records = match &entry {
        Some(entry) => chain(app, id, entry.version).await?,
        None => unresolved(app, id).await?,
    };
    let position = position(&records, entry.as_ref());
    let event = match position {
        Some(position) => event_at(app, position.offset, id).await?,
        None => waiting_event(app, id).await?,
    };
    if entry.is_none() && records.is_empty() && event.is_none() {
        let detail = "no request of this id is remembered or waiting";
        return Err(Problem::new(Code::UnknownRequest, detail).about(id, None));
    }
    let mut explanation = RequestExplanation {
        request_id: id,
        operation: None,
        key: None,
        catalog: None,
        partition: id.partition(),
        steps: Vec::new(),
        verdict: None,
        documents: Vec::new(),
        parts: Vec::new(),
        next: String::new(),
    };
    explanation.tell_event(event.as_ref());
    for told in &records {
        explanation.tell_record(told);
    }
    explanation.tell_ledger(app, entry.as_ref());
    let last = records.last().map(|told| told.offset);
    let resolved = explanation.tell_resolution(app, last).await?;
    explanation.tell_notification(app, &records).await;
    explanation.tell_stores(app, records.last()).await?;
    explanation
        .tell_parts(app, &records, entry.as_ref())
        .await?;
    explanation.next = explanation.next_step(entry.is_some(), resolved);
    explanation.measure();
    Ok(explanation)
}

/// The record that the ledger names, and those that it replaced.
async fn chain(app: &App, id: RequestId, version: Version) -> Result<Vec<ToldRecord>, Problem> {
    let mut chain = VecDeque::new();
    let mut next = Some(version.offset());
    while let Some(offset) = next.filter(|_| chain.len() < STEPS) {
        let Some(told) = record_at(app, id.partition(), offset).await? else {
            break;
        };
        next = match &told.change {
            Change::Decision(decision) => decision.replaces,
            Change::Void(void) => Some(void.decision),
            Change::Open(_) | Change::Mark(_) => None,
        };
        chain.push_front(told);
    }
    Ok(chain.into())
}

async fn record_at(
    app: &App,
    partition: u16,
    offset: ChangesOffset,
) -> Result<Option<ToldRecord>, Problem> {
    let topic = app.ports.layout.name(&CHANGES);
    let scan = app
        .ports
        .log
        .scan(&topic, partition, offset.get()..offset.get() + 1);
    let records = match scan.collect().await {
        // It is no longer kept.
        Err(StreamError::OutOfRange { .. }) => return Ok(None),
        other => other.map_err(|error| away(&error))?,
    };
    Ok(records.into_iter().next().and_then(told))
}

/// The records of a request that the ledger does not know: behind the last mark.
async fn unresolved(app: &App, id: RequestId) -> Result<Vec<ToldRecord>, Problem> {
    let layout = &app.ports.layout;
    let mark = app.ports.record.mark(layout.generation, id.partition());
    let from = mark.await?.map_or(0, |mark| mark.through.get());
    let topic = layout.name(&CHANGES);
    let scan = app.ports.log.scan_kept(&topic, id.partition(), from).await;
    let mut scan = scan.map_err(|error| away(&error))?;
    let mut found = Vec::new();
    let is_ours = |told: &ToldRecord| match &told.change {
        Change::Decision(decision) => decision.request == id,
        Change::Void(void) => void.request == id,
        Change::Open(_) | Change::Mark(_) => false,
    };
    while let Some(records) = scan.next().await.map_err(|error| away(&error))? {
        found.extend(records.into_iter().filter_map(told).filter(is_ours));
    }
    Ok(found)
}

fn told(record: Record) -> Option<ToldRecord> {
    let (offset, time) = (ChangesOffset::new(record.offset), record.timestamp);
    let change = codec::decode_change(&parts_of(record)).ok()?;
    Some(ToldRecord {
        offset,
        time,
        change,
    })
}

fn parts_of(record: Record) -> Parts {
    Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}

fn position(records: &[ToldRecord], entry: Option<&LedgerEntry>) -> Option<Position> {
    let of_record = records.iter().find_map(|told| match &told.change {
        Change::Decision(decision) => Some(decision.position),
        Change::Void(void) => Some(void.position),
        Change::Open(_) | Change::Mark(_) => None,
    });
    of_record.or(entry.map(|entry| entry.position))
}

/// The event itself, where it is still kept: when the log took it, its size, and what it says.
struct KeptEvent {
    position: TransactionsOffset,
    time: i64,
    bytes: usize,
    transaction: Option<Transaction>,
}

async fn event_at(
    app: &App,
    offset: TransactionsOffset,
    id: RequestId,
) -> Result<Option<KeptEvent>, Problem> {
    let range = offset.get()..offset.get() + 1;
    let scan = app.ports.log.scan(&app.transactions, id.partition(), range);
    match scan.collect().await {
        Err(StreamError::OutOfRange { .. }) => Ok(None),
        Err(error) => Err(away(&error)),
        Ok(records) => Ok(records.into_iter().next().map(kept_event)),
    }
}

/// The event of a request that is not decided yet.
async fn waiting_event(app: &App, id: RequestId) -> Result<Option<KeptEvent>, Problem> {
    let layout = &app.ports.layout;
    let mark = app.ports.record.mark(layout.generation, id.partition());
    let from = mark.await?.map_or(0, |mark| mark.next.get());
    let log = &app.ports.log;
    let scan = log.scan_kept(&app.transactions, id.partition(), from).await;
    let mut scan = scan.map_err(|error| away(&error))?;
    let wanted = id.to_string();
    while let Some(records) = scan.next().await.map_err(|error| away(&error))? {
        let is_it = |record: &Record| {
            let mut headers = record.headers.iter();
            headers.any(|(name, value)| name == "ce_id" && value == wanted.as_bytes())
        };
        if let Some(record) = records.into_iter().find(is_it) {
            return Ok(Some(kept_event(record)));
        }
    }
    Ok(None)
}

fn kept_event(record: Record) -> KeptEvent {
    KeptEvent {
        position: TransactionsOffset::new(record.offset),
        time: record.timestamp,
        bytes: record.size(),
        transaction: codec::decode_transaction(&parts_of(record)).ok(),
    }
}

impl RequestExplanation {
    fn step(&mut self, step: &'static str, millis: Option<i64>, detail: String) {
        self.steps.push(ExplainedStep {
            step,
            time: millis.map(codec::rfc3339),
            after_ms: None,
            detail,
            millis,
        });
    }

    fn tell_event(&mut self, event: Option<&KeptEvent>) {
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

    fn tell_record(&mut self, told: &ToldRecord) {
        match &told.change {
            Change::Decision(decision) => self.tell_decision(told, decision),
            Change::Void(void) => self.tell_void(told, void),
            Change::Open(_) | Change::Mark(_) => {}
        }
    }

    fn tell_decision(&mut self, told: &ToldRecord, decision: &Decision) {
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

    fn tell_void(&mut self, told: &ToldRecord, void: &Void) {
        self.operation = Some(void.operation.clone());
        self.key = Some(void.key.0.clone());
        let ends = serde_json::to_value(&void.ends).unwrap_or(Value::Null);
        let detail = format!(
            "the decision at {} was undone by the record at {} of `changes`: {ends}",
            void.decision, told.offset
        );
        self.step("undone", Some(told.time), detail);
    }

    fn tell_ledger(&mut self, app: &App, entry: Option<&LedgerEntry>) {
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
        let detail = format!(
            "{stores} took it, and the ledger remembers {} at version {}",
            verdict_name(&entry.verdict),
            entry.version
        );
        self.step("applied", Some(entry.times.applied), detail);
    }

    /// The first mark that covers it: with how many others it was resolved, and when.
    async fn tell_resolution(
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
        let mut scan = kept.map_err(|error| away(&error))?;
        while let Some(records) = scan.next().await.map_err(|error| away(&error))? {
            for record in records {
                if record.offset >= range.end {
                    return Ok(false);
                }
                let Some(told) = told(record) else { continue };
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

    async fn tell_notification(&mut self, app: &App, records: &[ToldRecord]) {
        let Some(told) = records.last() else { return };
        let documents = match &told.change {
            Change::Decision(decision) if !decision.silent => decision.documents.len(),
            Change::Void(void) if !void.silent => void.documents.len(),
            _ => 0,
        };
        if documents == 0 {
            let detail = "it changed no document that subscribers could be told of".to_owned();
            return self.step("notified", None, detail);
        }
        let layout = &app.ports.layout;
        let (group, topic) = (layout.notifier_group(), layout.name(&CHANGES));
        let groups = &app.ports.log.groups;
        let committed = groups.committed(&group, &topic, self.partition).await;
        let detail = match committed {
            Ok(Some(committed)) if committed.offset > told.offset.get() => {
                format!("{documents} changes were offered to every subscriber that they match")
            }
            Ok(Some(committed)) => format!(
                "not yet: the notifiers have sent what stands before {} of `changes`",
                committed.offset
            ),
            Ok(None) => "no notifier has read this partition yet".to_owned(),
            Err(error) => format!("the notifiers cannot be asked: {error}"),
        };
        self.step("notified", None, detail);
    }

    async fn tell_stores(&mut self, app: &App, last: Option<&ToldRecord>) -> Result<(), Problem> {
        let Some(told) = last else { return Ok(()) };
        let changes = match &told.change {
            Change::Decision(decision) => &decision.documents,
            Change::Void(void) => &void.documents,
            Change::Open(_) | Change::Mark(_) => return Ok(()),
        };
        let changes: Vec<_> = changes.iter().take(DOCUMENTS).collect();
        let keys: Vec<DocumentKey> = changes.iter().map(|change| change.key.clone()).collect();
        let version = Version::new(app.ports.layout.generation, told.offset);
        let stored = app.ports.record.documents(&keys).await?;
        let view = app.ports.view.as_ref().filter(|view| !view.is_record());
        let viewed = match view {
            Some(view) => Some(view.held(&keys).await?),
            None => None,
        };
        for (n, change) in changes.into_iter().enumerate() {
            let of_record = stored[n].as_ref().map(|stored| stored.meta.version);
            let of_view = viewed.as_ref().map(|viewed| {
                let viewed = viewed[n].as_ref();
                standing(viewed.and_then(|viewed| viewed.version), version)
            });
            self.documents.push(ExplainedDocument {
                document: change.key.to_string(),
                version: change.revision,
                record: standing(of_record, version),
                view: of_view,
            });
        }
        Ok(())
    }

    async fn tell_parts(
        &mut self,
        app: &App,
        records: &[ToldRecord],
        entry: Option<&LedgerEntry>,
    ) -> Result<(), Problem> {
        let decided = records.iter().rev().find_map(|told| match &told.change {
            Change::Decision(decision) => Some(&decision.parts),
            _ => None,
        });
        let requests: Vec<RequestId> = match (decided, entry) {
            (Some(parts), _) => parts.iter().map(|part| part.request).collect(),
            (None, Some(entry)) => entry.parts.clone(),
            (None, None) => Vec::new(),
        };
        let entries = parts::entries(app.ports.record.as_ref(), &requests).await?;
        for (request, entry) in requests.into_iter().zip(entries) {
            let verdict = entry.as_ref().map(|entry| entry.verdict.clone());
            let (operation, key) = entry.map(|entry| (entry.operation, entry.key.0)).unzip();
            self.parts.push(ExplainedPart {
                request_id: request,
                partition: request.partition(),
                operation,
                key,
                verdict,
            });
        }
        Ok(())
    }

    fn next_step(&self, is_remembered: bool, is_resolved: bool) -> String {
        let waiting = self.parts.iter().filter(|part| part.verdict.is_none());
        let waiting = waiting.count();
        let text = match &self.verdict {
            None => "a worker decides it when it has decided what stands before it",
            Some(_) if !is_remembered => "a worker brings it into the stores, then into the ledger",
            Some(_) if waiting > 0 => {
                return format!(
                    "{waiting} parts are still to be decided by the owners of their keys"
                );
            }
            Some(Verdict::DeadLettered(_)) => {
                "nothing by itself: a person looks at it (`consign dlq show`)"
            }
            Some(_) if !is_resolved => "a mark covers it; nothing else is left to do",
            Some(_) => "nothing is left to do",
        };
        text.to_owned()
    }

    /// How long each step took.
    fn measure(&mut self) {
        let mut before: Option<i64> = None;
        for step in &mut self.steps {
            step.after_ms = step.millis.zip(before).map(|(now, before)| now - before);
            before = step.millis.or(before);
        }
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

fn standing(stands: Option<Version>, ours: Version) -> &'static str {
    match stands {
        None => "nothing stands",
        Some(stands) if stands == ours => "stands",
        Some(stands) if stands > ours => "a newer version stands",
        Some(_) => "an older version stands",
    }
}
