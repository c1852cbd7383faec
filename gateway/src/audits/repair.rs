//! What an audit named, as intents to mend it: each goes into the log under the key that owns the
//! item, and the worker decides it like any other event. Nothing is written to a store here.

use super::AuditJob;
use crate::{
    Ports,
    access::Caller,
    error::{Code, Problem},
    intents::{NewIntent, publish_intent},
};
use audit::{AuditFinding, Basis, ItemName};
use event_schema::{
    codec::{self, Parts},
    decision::{Change, Decision, Void},
    id::{EntityKey, RequestId},
    mutation::{DocumentChange, DocumentKey},
    offset::ChangesOffset,
    purge::PURGE,
    repair::{REPAIR, RepairIntent, RepairedItem},
    topics::CHANGES,
};
use serde::Serialize;

/// What became of an audit's findings.
#[derive(Debug, Default, Serialize)]
pub(crate) struct RepairAnswer {
    /// Those that are being mended.
    requests: Vec<RepairRequest>,
    /// Those that cannot be.
    left: Vec<LeftFinding>,
}

#[derive(Debug, Serialize)]
struct RepairRequest {
    key: String,
    request_id: RequestId,
}

#[derive(Debug, Serialize)]
struct LeftFinding {
    key: String,
    store: String,
    why: &'static str,
}

/// An item to be mended, under the key that owns it.
struct Mending {
    key: EntityKey,
    item: RepairedItem,
}

impl AuditJob {
    /// Asks the workers to mend what this audit found.
    pub(crate) async fn repair(
        &self,
        ports: &Ports,
        caller: &Caller,
        reason: Option<&str>,
    ) -> Result<RepairAnswer, Problem> {
        let mut answer = RepairAnswer::default();
        let mut done = std::collections::HashSet::new();
        for finding in &self.report.findings {
            let mending = match plan_mending(ports, finding).await? {
                // One decision mends the item in every store.
                Ok(_) if !done.insert(finding.key.clone()) => continue,
                Ok(mending) => mending,
                Err(why) => {
                    answer.left.push(LeftFinding {
                        key: finding.key.clone(),
                        store: finding.store.clone(),
                        why,
                    });
                    continue;
                }
            };
            let request = self.publish(ports, caller, mending, reason).await?;
            answer.requests.push(RepairRequest {
                key: finding.key.clone(),
                request_id: request,
            });
        }
        Ok(answer)
    }

    async fn publish(
        &self,
        ports: &Ports,
        caller: &Caller,
        Mending { key, item }: Mending,
        reason: Option<&str>,
    ) -> Result<RequestId, Problem> {
        let layout = &ports.layout;
        let partition = key.partition(layout.partitions);
        let audited = self.report.partitions.iter();
        let read_to = audited
            .filter(|audited| audited.partition == partition)
            .map(|audited| audited.read_to)
            .next();
        let intent = RepairIntent {
            item,
            read_to: ChangesOffset::new(read_to.unwrap_or(0)),
            reason: reason.map(str::to_owned),
        };
        let intent = NewIntent {
            operation: REPAIR,
            key,
            asked: &intent,
        };
        publish_intent(ports, caller, intent).await
    }
}

/// Does an operation write the document's collection, under keys of its own?
fn is_owned(ports: &Ports, document: &DocumentKey) -> bool {
    let catalog = ports.catalog.current();
    catalog.owns_collection(&document.index, &document.collection)
}

fn is_purge(change: &Change) -> bool {
    match change {
        Change::Decision(decision) => decision.operation == PURGE,
        Change::Void(void) => void.operation == PURGE,
        Change::Open(_) | Change::Mark(_) => false,
    }
}

/// How a finding is mended; or why it is not.
async fn plan_mending(
    ports: &Ports,
    finding: &AuditFinding,
) -> Result<Result<Mending, &'static str>, Problem> {
    let told = match (&finding.partition, finding.expected.as_ref()) {
        (Some(partition), Some(expected)) => match expected.offset {
            Some(offset) => record_at(ports, *partition, offset).await?,
            None => None,
        },
        (_, _) => None,
    };
    let owner = told.as_ref().and_then(Change::key).cloned();
    match &finding.item {
        ItemName::Document { document } => {
            let key = match &told {
                // It stands under the key of one of many.
                Some(change) if is_purge(change) => {
                    (!is_owned(ports, document)).then(|| EntityKey(document.to_string()))
                }
                Some(_) | None => owner,
            };
            match (told, key) {
                (Some(change), Some(key)) => Ok(of_change(&change, document)
                    .map(|item| Mending { key, item })
                    .ok_or("the log no longer holds its record")),
                (_, _) => without_record(ports, finding, document).await,
            }
        }
        ItemName::Row { row } => {
            let folded = finding.row.clone();
            let Some((folded, key)) = folded.zip(owner) else {
                return Ok(Err(
                    "its cells go at different times, or its record is gone",
                ));
            };
            let item = RepairedItem::Row {
                row: row.clone(),
                cells: folded.cells,
                expires: folded.expires,
            };
            Ok(Ok(Mending { key, item }))
        }
        ItemName::Request { .. } => Ok(Err("verdicts are not written again")),
        ItemName::Event { .. } => Ok(Err("what was never decided cannot be mended")),
        ItemName::Mark { .. } => Ok(Err("record and log do not belong together")),
    }
}

fn of_change(change: &Change, document: &DocumentKey) -> Option<RepairedItem> {
    let documents: &[DocumentChange] = match change {
        Change::Decision(Decision { documents, .. }) | Change::Void(Void { documents, .. }) => {
            documents
        }
        Change::Open(_) | Change::Mark(_) => return None,
    };
    let change = documents.iter().find(|change| change.key == *document)?;
    Some(RepairedItem::Document {
        document: document.clone(),
        revision: change.revision,
        body: change.after.clone(),
    })
}

/// A document that the log does not tell of: the record's state, or none at all. Whose it is can
/// only be known where documents are their own keys.
async fn without_record(
    ports: &Ports,
    finding: &AuditFinding,
    document: &DocumentKey,
) -> Result<Result<Mending, &'static str>, Problem> {
    if is_owned(ports, document) {
        return Ok(Err(
            "an operation owns its collection, and no record says under which key",
        ));
    }
    let (revision, body) = match finding.basis {
        Basis::Record => {
            let keys = std::slice::from_ref(document);
            let stored = ports.record.documents(keys).await?;
            match stored.into_iter().next().flatten() {
                Some(stored) => (stored.meta.revision, stored.body),
                None => return Ok(Err("it is gone from the record")),
            }
        }
        Basis::Log => {
            let found = finding.found.as_ref().and_then(|found| found.revision);
            (found.unwrap_or(1), None)
        }
    };
    Ok(Ok(Mending {
        key: EntityKey(document.to_string()),
        item: RepairedItem::Document {
            document: document.clone(),
            revision,
            body,
        },
    }))
}

async fn record_at(ports: &Ports, partition: u16, offset: u64) -> Result<Option<Change>, Problem> {
    let topic = ports.layout.name(&CHANGES);
    let scan = ports.log.scan(&topic, partition, offset..offset + 1);
    let records = scan
        .collect()
        .await
        .map_err(|error| Problem::new(Code::LookupIncomplete, error.to_string()).retry_after(2))?;
    let parts = records.into_iter().next().map(|record| Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    });
    Ok(parts.and_then(|parts| codec::decode_change(&parts).ok()))
}
