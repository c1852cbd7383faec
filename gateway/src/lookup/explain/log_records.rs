//! What the log holds of a request: its event, and the records of `changes` about it. It only reads.

use crate::{
    app::App,
    error::{Code, Problem},
};
use event_log::{Record, StreamError};
use event_schema::{
    codec::{self, Parts},
    decision::Change,
    envelope::Transaction,
    id::RequestId,
    offset::{ChangesOffset, TransactionsOffset},
    outcome::LedgerEntry,
    position::{Position, Version},
    topics::CHANGES,
};
use std::collections::VecDeque;

/// Records of one request that are told: a decision that is undone and made anew is three.
const STEPS: usize = 20;

/// A record of `changes` about the request.
pub(super) struct ToldRecord {
    pub(super) offset: ChangesOffset,
    pub(super) time: i64,
    pub(super) change: Change,
}

pub(super) fn log_unreadable(error: &StreamError) -> Problem {
    let detail = format!("the log cannot be read now: {error}");
    Problem::new(Code::LookupIncomplete, detail).retry_after(2)
}

/// The record that the ledger names, and those that it replaced.
pub(super) async fn record_chain(
    app: &App,
    id: RequestId,
    version: Version,
) -> Result<Vec<ToldRecord>, Problem> {
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

pub(super) async fn record_at(
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
        other => other.map_err(|error| log_unreadable(&error))?,
    };
    Ok(records.into_iter().next().and_then(told_record))
}

/// The records of a request that the ledger does not know: behind the last mark.
pub(super) async fn unresolved_records(
    app: &App,
    id: RequestId,
) -> Result<Vec<ToldRecord>, Problem> {
    let layout = &app.ports.layout;
    let mark = app.ports.record.mark(layout.generation, id.partition());
    let from = mark.await?.map_or(0, |mark| mark.through.get());
    let topic = layout.name(&CHANGES);
    let scan = app.ports.log.scan_kept(&topic, id.partition(), from).await;
    let mut scan = scan.map_err(|error| log_unreadable(&error))?;
    let mut found = Vec::new();
    let is_ours = |told: &ToldRecord| match &told.change {
        Change::Decision(decision) => decision.request == id,
        Change::Void(void) => void.request == id,
        Change::Open(_) | Change::Mark(_) => false,
    };
    while let Some(records) = scan.next().await.map_err(|error| log_unreadable(&error))? {
        found.extend(records.into_iter().filter_map(told_record).filter(is_ours));
    }
    Ok(found)
}

pub(super) fn told_record(record: Record) -> Option<ToldRecord> {
    let (offset, time) = (ChangesOffset::new(record.offset), record.timestamp);
    let change = codec::decode_change(&parts_of(record)).ok()?;
    Some(ToldRecord {
        offset,
        time,
        change,
    })
}

pub(super) fn parts_of(record: Record) -> Parts {
    Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    }
}

pub(super) fn event_position(
    records: &[ToldRecord],
    entry: Option<&LedgerEntry>,
) -> Option<Position> {
    let of_record = records.iter().find_map(|told| match &told.change {
        Change::Decision(decision) => Some(decision.position),
        Change::Void(void) => Some(void.position),
        Change::Open(_) | Change::Mark(_) => None,
    });
    of_record.or(entry.map(|entry| entry.position))
}

/// The event itself, where it is still kept: when the log took it, its size, and what it says.
pub(super) struct KeptEvent {
    pub(super) position: TransactionsOffset,
    pub(super) time: i64,
    pub(super) bytes: usize,
    pub(super) transaction: Option<Transaction>,
}

pub(super) async fn event_at(
    app: &App,
    offset: TransactionsOffset,
    id: RequestId,
) -> Result<Option<KeptEvent>, Problem> {
    let range = offset.get()..offset.get() + 1;
    let scan = app.ports.log.scan(&app.transactions, id.partition(), range);
    match scan.collect().await {
        Err(StreamError::OutOfRange { .. }) => Ok(None),
        Err(error) => Err(log_unreadable(&error)),
        Ok(records) => Ok(records.into_iter().next().map(kept_event)),
    }
}

/// The event of a request that is not decided yet.
pub(super) async fn waiting_event(app: &App, id: RequestId) -> Result<Option<KeptEvent>, Problem> {
    let layout = &app.ports.layout;
    let mark = app.ports.record.mark(layout.generation, id.partition());
    let from = mark.await?.map_or(0, |mark| mark.next.get());
    let log = &app.ports.log;
    let scan = log.scan_kept(&app.transactions, id.partition(), from).await;
    let mut scan = scan.map_err(|error| log_unreadable(&error))?;
    let wanted = id.to_string();
    while let Some(records) = scan.next().await.map_err(|error| log_unreadable(&error))? {
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

pub(super) fn kept_event(record: Record) -> KeptEvent {
    KeptEvent {
        position: TransactionsOffset::new(record.offset),
        time: record.timestamp,
        bytes: record.size(),
        transaction: codec::decode_transaction(&parts_of(record)).ok(),
    }
}
