//! What became of a request: the ledger, else the events that wait in its partition, else, while a
//! spool of the deployment holds something, queued at an unknown place; else nothing. From any
//! gateway, after any restart.

use crate::{
    access::Caller,
    app::App,
    error::{Code, Problem},
    lookup::key_queue::KeyQueue,
    read::parts,
    spool_watch,
};
use event_log::{Limits, Record};
use event_schema::{
    codec::{self, Parts},
    id::RequestId,
    outcome::{LedgerEntry, Verdict},
};
use rights::ActionPlace;
use serde::Serialize;
use serde_json::value::RawValue;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use store::spools;
use tokio::time::Instant;

/// The answer of `GET /v1/requests/{id}`.
#[derive(Debug, Serialize)]
pub(crate) struct RequestStatus {
    request_id: RequestId,
    /// Not known while only a spool may have the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<PositionShown>,
    /// Events of its partition that are resolved before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<u64>,
    /// While a spool may have it: since when spools have held something, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    spooled_seconds: Option<i64>,
    /// Of one that is parked: the dead letter at the head of its key's queue, if one stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<RequestId>,
    /// How many are parked in the queue of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<u64>,
    stores: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Arc<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
    /// What it does to other keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<RequestTimes>,
}

#[derive(Debug, Serialize)]
struct PartStatus {
    request_id: RequestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

#[derive(Debug, Serialize)]
struct PositionShown {
    partition: u16,
    offset: u64,
}

#[derive(Debug, Serialize)]
struct RequestTimes {
    accepted: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<String>,
}

/// Looks a request up for whoever made it, and for those who may have any request explained. For
/// others it is not there. While only a spool may have it, whose it is cannot be known, and nothing
/// is told of it but that.
pub(crate) async fn request_status(
    app: &App,
    caller: &Caller,
    id: RequestId,
) -> Result<RequestStatus, Problem> {
    // While a spool may have it, the log is not asked: it is away, or far behind.
    let spooled = spooled_status(app, id);
    // The worker's position first: what is resolved after it was read is in the ledger when that is
    // read.
    let from = if spooled.is_none() && id.generation() == app.ports.layout.generation {
        Some(resolved_below(app, id.partition()).await?)
    } else {
        None
    };
    if let Some(entry) = app
        .ports
        .record
        .ledger(&[id])
        .await?
        .into_iter()
        .flatten()
        .next()
    {
        check_owner(caller, id, entry.principal.as_deref())?;
        let found = parts::part_entries(app.ports.record.as_ref(), &entry.parts).await?;
        return decided_status(app, entry, found).await;
    }
    if let Some(spooled) = spooled {
        return Ok(spooled);
    }
    // Before the log is read: what a spool held until then is in the log when that is read.
    let elsewhere = spools::holding_spools(app.ports.record.as_ref(), app.now()).await?;
    let found = match from {
        Some(from) => scan_waiting(app, id, from).await,
        None => Ok(None),
    };
    if let Ok(Some((_, principal))) = &found {
        check_owner(caller, id, principal.as_deref())?;
    }
    let found = found.map(|found| found.map(|(status, _)| status));
    let oldest = elsewhere.values().map(|spool| spool.since).min();
    match (found, oldest) {
        (Ok(Some(found)), _) => Ok(found),
        (Ok(None) | Err(_), Some(since)) => Ok(placeless_status(app, id, age_since(app, since))),
        (Err(problem), None) => Err(problem),
        (Ok(None), None) => Err(unknown_request(id)),
    }
}

fn unknown_request(id: RequestId) -> Problem {
    let detail = "no request of this id is remembered or waiting";
    Problem::new(Code::UnknownRequest, detail).about(id, None)
}

/// That there is such a request is nothing that others are told.
fn check_owner(caller: &Caller, id: RequestId, principal: Option<&str>) -> Result<(), Problem> {
    let is_own = principal == Some(&*caller.name);
    let may_all = || {
        let explain = ("request", "explain");
        caller.check(explain, ActionPlace::Everywhere).is_ok()
    };
    if is_own || may_all() {
        Ok(())
    } else {
        Err(unknown_request(id))
    }
}

fn age_since(app: &App, since: i64) -> i64 {
    app.now().saturating_sub(since).max(0) / 1_000
}

/// What can be said of a request that nobody knows while a spool may have its event: it is queued,
/// at a place that is not known.
fn spooled_status(app: &App, id: RequestId) -> Option<RequestStatus> {
    let status = app.ports.spool.as_ref()?.status();
    let age = spool_watch::age_seconds(&status, app.ports.clock.as_ref());
    (status.records > 0).then(|| placeless_status(app, id, age))
}

/// Queued, at a place that is not known.
fn placeless_status(app: &App, id: RequestId, spooled_seconds: i64) -> RequestStatus {
    RequestStatus {
        request_id: id,
        operation: None,
        status: "queued",
        position: None,
        ahead: None,
        spooled_seconds: Some(spooled_seconds),
        behind: None,
        waiting: None,
        stores: store_states(app, "pending"),
        result: None,
        problem: None,
        parts: Vec::new(),
        times: None,
    }
}

/// Where the worker is in a partition: nothing below is unresolved.
async fn resolved_below(app: &App, partition: u16) -> Result<u64, Problem> {
    let layout = &app.ports.layout;
    let mark = app
        .ports
        .record
        .mark(layout.generation, partition)
        .await?
        .map(|mark| mark.next.get());
    let committed = app
        .ports
        .log
        .groups
        .committed(&layout.worker_group(), &app.transactions, partition)
        .await;
    let committed = committed.ok().flatten().map(|committed| committed.offset);
    Ok(mark.max(committed).unwrap_or(0))
}

fn store_states(app: &App, state: &'static str) -> BTreeMap<&'static str, &'static str> {
    let view = app.ports.view.as_ref().map(|view| (view.name(), state));
    std::iter::once((app.ports.record.name(), state))
        .chain(view)
        .collect()
}

fn verdict_status(verdict: &Verdict) -> (&'static str, Option<Problem>) {
    match verdict {
        Verdict::Applied => ("applied", None),
        Verdict::Refused(refusal) => ("refused", Some(Problem::from(refusal))),
        Verdict::DeadLettered(reason) => ("dead_lettered", Some(Problem::from(reason))),
        Verdict::Parked(_) => ("parked", None),
    }
}

fn part_status(request: RequestId, entry: Option<LedgerEntry>) -> PartStatus {
    let (status, problem) = match &entry {
        Some(entry) => verdict_status(&entry.verdict),
        None => ("queued", None),
    };
    let (operation, key) = entry.map(|entry| (entry.operation, entry.key.0)).unzip();
    PartStatus {
        request_id: request,
        operation,
        key,
        status,
        problem,
    }
}

async fn decided_status(
    app: &App,
    entry: LedgerEntry,
    found: Vec<Option<LedgerEntry>>,
) -> Result<RequestStatus, Problem> {
    let (status, problem) = match parts::folded_verdict(&entry, &found) {
        Some(verdict) => verdict_status(&verdict),
        None => ("applying", None),
    };
    let stores = match status {
        "applied" | "applying" => store_states(app, "done"),
        "parked" => store_states(app, "pending"),
        _ => BTreeMap::new(),
    };
    let parts = entry.parts.iter().zip(found);
    let parts = parts
        .map(|(request, entry)| part_status(*request, entry))
        .collect();
    let (behind, waiting) = match &entry.verdict {
        Verdict::Parked(_) => {
            let queue = KeyQueue::read(app, &entry.key).await?;
            (queue.behind, Some(queue.waiting))
        }
        Verdict::DeadLettered(_) => {
            let queue = KeyQueue::read(app, &entry.key).await?;
            (None, Some(queue.waiting))
        }
        Verdict::Applied | Verdict::Refused(_) => (None, None),
    };
    let is_applied = entry.verdict == Verdict::Applied;
    Ok(RequestStatus {
        request_id: entry.request,
        operation: Some(entry.operation),
        status,
        position: Some(PositionShown {
            partition: entry.position.partition,
            offset: entry.position.offset.get(),
        }),
        ahead: Some(0),
        spooled_seconds: None,
        behind,
        waiting,
        stores,
        result: entry.result,
        problem,
        parts,
        times: Some(RequestTimes {
            accepted: codec::rfc3339(entry.times.accepted),
            decided: Some(codec::rfc3339(entry.times.decided)),
            applied: is_applied.then(|| codec::rfc3339(entry.times.applied)),
        }),
    })
}

/// Looks through what waits, from the worker's position on, within bounds; with whose it is.
async fn scan_waiting(
    app: &App,
    id: RequestId,
    resolved: u64,
) -> Result<Option<(RequestStatus, Option<String>)>, Problem> {
    let (topic, partition) = (&*app.transactions, id.partition());
    let log = &app.ports.log;
    let kept = log.scan_kept(topic, partition, resolved).await;
    let mut scan = kept.map_err(|error| log_unreadable(&error))?;
    let (waiting, mut seen) = (scan.end().saturating_sub(resolved), 0);
    let deadline = Instant::now() + Duration::from_millis(app.config.scan_millis);
    let wanted = id.to_string();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if scan.is_at_end() {
            return Ok(None);
        }
        if seen >= app.config.scan_records || left.is_zero() {
            let detail =
                format!("{waiting} events wait in its partition, and {seen} were looked through");
            return Err(Problem::new(Code::LookupIncomplete, detail)
                .retry_after(2)
                .about(id, None));
        }
        let limits = Limits {
            records: (app.config.scan_records - seen).min(1_000),
            bytes: 4 << 20,
        };
        scan = scan.in_batches_of(limits).with_patience(left);
        let Some(records) = scan.next().await.map_err(|error| log_unreadable(&error))? else {
            return Ok(None);
        };
        seen += records.len();
        let hit = records
            .into_iter()
            .find(|record| header_text(record, "ce_id") == Some(&wanted));
        if let Some(record) = hit {
            let status = queued_status(app, id, &record, resolved);
            let event = codec::decode_transaction(&Parts {
                key: record.key,
                value: record.value,
                headers: record.headers,
            });
            let principal = event.ok().map(|event| event.data.principal);
            return Ok(Some((status, principal)));
        }
    }
}

fn log_unreadable(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        Code::LookupIncomplete,
        format!("the log cannot be read now: {error}"),
    )
    .retry_after(2)
}

fn header_text<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let (_, value) = record.headers.iter().find(|(n, _)| n == name)?;
    std::str::from_utf8(value).ok()
}

fn queued_status(app: &App, id: RequestId, record: &Record, resolved: u64) -> RequestStatus {
    RequestStatus {
        request_id: id,
        operation: header_text(record, "ce_operation").map(str::to_owned),
        status: "queued",
        position: Some(PositionShown {
            partition: record.partition,
            offset: record.offset,
        }),
        ahead: Some(record.offset.saturating_sub(resolved)),
        spooled_seconds: None,
        behind: None,
        waiting: None,
        stores: store_states(app, "pending"),
        result: None,
        problem: None,
        parts: Vec::new(),
        times: Some(RequestTimes {
            accepted: codec::rfc3339(record.timestamp),
            decided: None,
            applied: None,
        }),
    }
}
