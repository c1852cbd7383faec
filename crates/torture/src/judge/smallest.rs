//! The smallest history that shows a finding: a run of neighbouring writes of its key, and all that
//! was seen of them, as lines for people.

use super::{Finding, judge_history, key_documents};
use crate::history::{RunHistory, StatusLook, Subscription};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Pieces that are tried: beyond, the smallest so far is good enough.
const TRIES: usize = 2_000;

/// The shortest piece of the key's history, by neighbouring writes in the order of the log, in which
/// the same kind of finding is found; as lines, in the order of time.
#[must_use]
pub fn smallest_history(history: &RunHistory, finding: &Finding) -> Vec<String> {
    let of_key = history_of_key(history, finding);
    let order = log_order(&of_key);
    let is_found = |piece: &RunHistory| {
        let found = judge_history(piece);
        found
            .iter()
            .any(|other| other.kind == finding.kind && other.key == finding.key)
    };
    let mut tries = 0;
    for length in 1..order.len() {
        for window in order.windows(length) {
            tries += 1;
            if tries > TRIES {
                return history_lines(&of_key);
            }
            let piece = cut_piece(&of_key, &order, window);
            if is_found(&piece) {
                return history_lines(&piece);
            }
        }
    }
    history_lines(&of_key)
}

/// What concerns the finding's key.
fn history_of_key(history: &RunHistory, finding: &Finding) -> RunHistory {
    let writes = history.writes.iter().enumerate();
    let numbers: Vec<usize> = writes
        .filter(|(_, write)| write.key == finding.key)
        .map(|(number, _)| number)
        .collect();
    reduced_history(history, &numbers)
}

/// The writes by their place; those without one last.
fn log_order(history: &RunHistory) -> Vec<usize> {
    let mut place = BTreeMap::new();
    for look in &history.looks {
        if let Some(found) = look.place {
            place.entry(look.write).or_insert(found);
        }
    }
    let mut order: Vec<usize> = (0..history.writes.len()).collect();
    order.sort_by_key(|number| place.get(number).map_or((1, (0, 0)), |place| (0, *place)));
    order
}

fn cut_piece(history: &RunHistory, order: &[usize], window: &[usize]) -> RunHistory {
    let mut piece = reduced_history(history, window);
    piece.begins_later |= window.first() != order.first();
    piece.ends_early |= window.last() != order.last();
    if piece.ends_early {
        piece.finals.clear();
    }
    piece
}

/// Only these writes, and what was seen of them.
fn reduced_history(history: &RunHistory, numbers: &[usize]) -> RunHistory {
    let new: BTreeMap<usize, usize> = numbers
        .iter()
        .enumerate()
        .map(|(n, old)| (*old, n))
        .collect();
    let writes: Vec<_> = numbers
        .iter()
        .map(|number| history.writes[*number].clone())
        .collect();
    let requests: BTreeSet<&str> = writes.iter().map(|write| write.request.as_str()).collect();
    let keys: BTreeSet<&str> = writes.iter().map(|write| write.key.as_str()).collect();
    let documents: Vec<String> = keys.iter().flat_map(|key| key_documents(key)).collect();
    let subscriptions = history.subscriptions.iter().filter(|subscription| {
        let collection = format!("{}/", subscription.collection);
        documents
            .iter()
            .any(|document| document.starts_with(&collection))
    });
    let subscriptions = subscriptions.map(|subscription| {
        let heard = subscription.heard.iter();
        let heard = heard.filter(|change| requests.contains(change.request.as_str()));
        Subscription {
            heard: heard.cloned().collect(),
            ..subscription.clone()
        }
    });
    let subscriptions = subscriptions.collect();
    let looks = history.looks.iter().filter_map(|look| {
        let write = *new.get(&look.write)?;
        Some(StatusLook {
            write,
            ..look.clone()
        })
    });
    let looks = looks.collect();
    let mut reads = history.reads.clone();
    reads.retain_mut(|read| {
        let found = new.get(&read.write).copied();
        read.write = found.unwrap_or(read.write);
        found.is_some()
    });
    let finals = history
        .finals
        .iter()
        .filter(|end| keys.contains(end.key.as_str()));
    let finals = finals.cloned().collect();
    RunHistory {
        looks,
        reads,
        subscriptions,
        finals,
        writes,
        uncertain: history.uncertain.clone(),
        begins_later: history.begins_later,
        ends_early: history.ends_early,
    }
}

/// Everything that happened in it, in the order of time.
fn history_lines(history: &RunHistory) -> Vec<String> {
    let mut all = write_lines(history);
    all.extend(look_lines(history));
    all.extend(reading_lines(history));
    all.sort_by_key(|(at, _)| *at);
    let line = |(at, text): (u64, String)| format!("{:>9} ms  {text}", at);
    let end = |end: &crate::history::FinalState| {
        let (record, view, row) = (json!(end.record), json!(end.view), json!(end.row));
        format!(
            "  at the end  {}: record {record}, view {view}, row {row}",
            end.key
        )
    };
    all.into_iter()
        .map(line)
        .chain(history.finals.iter().map(end))
        .collect()
}

/// What happened at a time, milliseconds from the start.
type TimedLine = (u64, String);

fn write_lines(history: &RunHistory) -> Vec<TimedLine> {
    let mut all = Vec::new();
    for (number, write) in history.writes.iter().enumerate() {
        let action = json!(write.action);
        let how = if write.spooled { ", spooled" } else { "" };
        all.push((
            write.sent,
            format!(
                "client {} sends #{number}: {} {action}",
                write.client, write.key
            ),
        ));
        all.push((
            write.acknowledged,
            format!(
                "gateway {} acknowledges #{number} as {}{how}",
                write.gateway, write.request
            ),
        ));
    }
    all
}

fn look_lines(history: &RunHistory) -> Vec<TimedLine> {
    let mut all = Vec::new();
    let mut said: BTreeMap<usize, String> = BTreeMap::new();
    for look in &history.looks {
        let revision = look
            .revision
            .map_or(String::new(), |n| format!(", revision {n}"));
        let place = look
            .place
            .map_or(String::new(), |(p, o)| format!(" at {p}/{o}"));
        let text = format!("#{} is {}{place}{revision}", look.write, json!(look.status));
        // Of equal answers the first is enough.
        if said.insert(look.write, text.clone()).as_ref() != Some(&text) {
            all.push((look.at, text));
        }
    }
    all
}

/// Of reads and subscribers.
fn reading_lines(history: &RunHistory) -> Vec<TimedLine> {
    let mut all = Vec::new();
    for read in &history.reads {
        all.push((
            read.at,
            format!(
                "a read after #{} finds {}",
                read.write,
                json!(read.documents)
            ),
        ));
    }
    for subscription in &history.subscriptions {
        for change in &subscription.heard {
            let of = history
                .writes
                .iter()
                .position(|write| write.request == change.request);
            let number = of.map_or_else(|| change.request.clone(), |number| format!("#{number}"));
            let text = format!(
                "a subscriber of {} is told of {number}",
                subscription.collection
            );
            all.push((change.at, text));
        }
    }
    all
}
