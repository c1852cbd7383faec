//! Whatever is done to a log without the secret shows.

use super::*;
use crate::{
    chain::ChainEnd,
    event::{HOLES, SecurityEvent},
};
use bytes::Bytes;

fn keys() -> Keyring {
    Keyring::new(1, *b"0123456789abcdef")
}

fn chain(process: &str, keys: Keyring, events: usize, is_closed: bool) -> Vec<Record> {
    let mut end = ChainEnd::new(process.to_owned(), keys);
    let mut kinds = vec![EventKind::LOGIN_SUCCEEDED; events];
    if is_closed {
        kinds.push(EventKind::LOG_CLOSED);
    }
    let record = |kind| {
        let event = SecurityEvent::new(kind).by("meera");
        let value = event.encode(("gateway", process), end.next(), 1_000);
        let link = end.add(&value);
        Record {
            partition: 0,
            offset: 0,
            timestamp: 1_000,
            key: None,
            value: Some(value.into()),
            headers: vec![(CHAIN_HEADER.into(), link.to_header().into())],
        }
    };
    kinds.into_iter().map(record).collect()
}

fn check(records: Vec<Record>, kept_from: u64) -> ChainReport {
    let mut check = ChainCheck::new(keys(), kept_from);
    for (offset, mut record) in (kept_from..).zip(records) {
        record.offset = offset;
        check.read_record(&record);
    }
    check.into_report()
}

/// What is said of the one problem.
fn problem(records: Vec<Record>) -> String {
    let report = check(records, 0);
    assert_eq!(report.problem_count, 1, "{report:#?}");
    report.problems[0].what.clone()
}

#[test]
fn chains_that_nobody_touched_are_whole() {
    let (a, b) = (chain("a", keys(), 5, true), chain("b", keys(), 3, false));
    let mut mixed = a;
    mixed.splice(2..2, b);
    let report = check(mixed, 0);
    assert!(report.whole, "{report:#?}");
    assert_eq!((report.records, report.processes), (9, 2));
    let open = &report.without_end[..];
    assert_eq!(
        (open[0].process.as_str(), open[0].last_sequence, open.len()),
        ("b", 2, 1)
    );
}

#[test]
fn what_is_sent_again_is_no_problem() {
    let mut records = chain("a", keys(), 4, false);
    records.insert(2, records[1].clone());
    assert!(check(records, 0).whole);
}

#[test]
fn one_that_is_missing_shows() {
    for at in 0..4 {
        let mut records = chain("a", keys(), 5, false);
        records.remove(at);
        let said = problem(records);
        let expected = format!("the events {at} to {at} before it are missing");
        assert_eq!(said, expected);
    }
}

/// A chain in which the log gave some up, and what the process says of that.
fn with_holes(missing: &[usize], said: serde_json::Value) -> Vec<Record> {
    let mut end = ChainEnd::new("a".to_owned(), keys());
    let record = |event: SecurityEvent| {
        let value = event.encode(("gateway", "a"), end.next(), 1_000);
        let link = end.add(&value);
        Record {
            partition: 0,
            offset: 0,
            timestamp: 1_000,
            key: None,
            value: Some(value.into()),
            headers: vec![(CHAIN_HEADER.into(), link.to_header().into())],
        }
    };
    let mut events = vec![SecurityEvent::new(EventKind::LOGIN_SUCCEEDED); 8];
    events.push(SecurityEvent::new(EventKind::LOG_LOST).with(HOLES, said));
    events.push(SecurityEvent::new(EventKind::LOG_CLOSED));
    let all: Vec<Record> = events.into_iter().map(record).collect();
    let kept = all.into_iter().enumerate();
    let kept = kept.filter(|(place, _)| !missing.contains(place));
    kept.map(|(_, record)| record).collect()
}

#[test]
fn what_the_process_says_that_the_log_gave_up_is_a_loss_and_no_forgery() {
    let said = serde_json::json!([[0, 0], [3, 4], [7, 7]]);
    let report = check(with_holes(&[0, 3, 4, 7], said.clone()), 0);
    assert!(report.whole, "{report:#?}");
    assert_eq!((report.lost, report.problem_count), (4, 0));
    // What it says is lost and is there is there.
    assert_eq!(check(with_holes(&[3], said.clone()), 0).lost, 1);
    // More than it says is missing.
    for (missing, what) in [
        (&[2, 3, 4][..], "the events 2 to 2 before it are missing"),
        (&[3, 4, 5], "the events 5 to 5 before it are missing"),
        (&[1], "the events 1 to 1 before it are missing"),
    ] {
        assert_eq!(problem(with_holes(missing, said.clone())), what);
    }
    // Nor does it explain another chain.
    let mut mixed = with_holes(&[0], serde_json::json!([[0, 9]]));
    let mut other = chain("b", keys(), 5, true);
    other.remove(2);
    mixed.extend(other);
    assert_eq!(problem(mixed), "the events 2 to 2 before it are missing");
    for unreadable in [
        serde_json::json!("all"),
        serde_json::json!([[1]]),
        serde_json::json!([[4, 3]]),
    ] {
        assert!(!check(with_holes(&[3], unreadable), 0).whole);
    }
}

#[test]
fn what_retention_took_is_no_problem() {
    let mut records = chain("a", keys(), 5, false);
    records.drain(..2);
    let report = check(records, 17);
    assert!(report.whole, "{report:#?}");
    assert_eq!(report.kept_from, Some(17));
}

#[test]
fn every_byte_that_is_changed_shows() {
    let whole = chain("a", keys(), 3, false);
    for at in 0..whole[1].value.as_ref().unwrap().len() {
        let mut records = whole.clone();
        let mut value = records[1].value.take().unwrap().to_vec();
        value[at] ^= 1;
        records[1].value = Some(value.into());
        let report = check(records, 0);
        assert!(!report.whole, "byte {at}");
    }
}

#[test]
fn events_that_change_places_show() {
    let mut records = chain("a", keys(), 4, false);
    records.swap(1, 2);
    let report = check(records, 0);
    let said: Vec<&str> = report
        .problems
        .iter()
        .map(|found| found.what.as_str())
        .collect();
    assert_eq!(said[0], "the events 1 to 1 before it are missing");
    assert_eq!(said[1], "it stands behind the event 2 of its chain");
}

#[test]
fn nobody_without_the_secret_adds_one() {
    let mut records = chain("a", keys(), 2, false);
    let forged = chain("a", Keyring::new(1, *b"another secret!!"), 3, false);
    records.push(forged[2].clone());
    assert!(problem(records).contains("changed or forged"));
    let mut bare = chain("a", keys(), 1, false);
    bare[0].headers.clear();
    assert!(problem(bare).contains("no chain"));
    let mut another = chain("a", keys(), 1, false);
    another.extend(chain("b", Keyring::new(2, *b"0123456789abcdef"), 1, false));
    assert!(problem(another).contains("not at hand"));
}

/// Whoever has an older copy puts nothing in its place.
#[test]
fn a_chain_that_went_another_way_shows() {
    let mut end = ChainEnd::new("a".to_owned(), keys());
    let first = end.add(b"{}");
    let mut other = ChainEnd::new("a".to_owned(), keys());
    other.add(b"{\"x\":1}");
    let second = other.add(b"{}");
    let record = |link: ChainLink| Record {
        partition: 0,
        offset: 0,
        timestamp: 0,
        key: None,
        value: Some(Bytes::from_static(b"{}")),
        headers: vec![(CHAIN_HEADER.into(), link.to_header().into())],
    };
    let said = problem(vec![record(first), record(second)]);
    assert_eq!(said, "another event stood before it");
}

#[test]
fn nothing_comes_behind_an_end() {
    let mut end = ChainEnd::new("a".to_owned(), keys());
    let mut records = chain("a", keys(), 1, true);
    for _ in 0..2 {
        end.add(b"");
    }
    let longer = chain("a", keys(), 3, false);
    records.push(longer[2].clone());
    assert_eq!(problem(records), "the chain had ended");
}
