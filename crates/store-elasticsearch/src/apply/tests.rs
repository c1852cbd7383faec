//! Bounds of requests, answers that were recorded, judgements of what stands.

use super::{
    Entry, chunk_entries,
    conflict::{Judgement, judge_conflict},
    read_outcomes,
};
use crate::{
    body::Stamp,
    classify::{Item, Whole},
};
use event_schema::position::Version;
use store::{DocumentWrite, contract::Fixture};

fn sizes(writes: &[DocumentWrite], bytes: usize, count: usize) -> Vec<usize> {
    let entries: Vec<Entry<'_>> = writes
        .iter()
        .enumerate()
        .map(|(item, write)| Entry {
            item,
            write,
            alias: "a",
            version: 1,
        })
        .collect();
    chunk_entries(&entries, bytes, count)
        .iter()
        .map(|chunk| chunk.len())
        .collect()
}

#[test]
fn requests_end_at_both_bounds() {
    let f = Fixture::new();
    let text = format!(r#"{{"t":"{}"}}"#, "x".repeat(1_000));
    let writes: Vec<_> = (0..10).map(|n| f.document("d", n, Some(&text))).collect();
    assert_eq!(sizes(&writes, usize::MAX, 4), [4, 4, 2]);
    assert_eq!(sizes(&writes, 4_000, 100), [3, 3, 3, 1]);
    assert_eq!(
        sizes(&writes, 10, 100),
        [1; 10],
        "one that is larger alone travels alone"
    );
    assert_eq!(sizes(&[], 10, 10), [0; 0]);
}

/// As it came from 8.19, but for `took` and ingredients that nobody reads.
const RECORDED: &[u8] = br#"{"errors":true,"items":[
    {"index":{"_index":"i","_id":"1","_version":10,"result":"created","status":201}},
    {"index":{"_index":"i","_id":"2","status":409,"error":{"type":"version_conflict_engine_exception","reason":"[2]: version conflict, current version [12] is higher or equal to the one provided [9]"}}},
    {"index":{"_index":"i","_id":"3","status":400,"error":{"type":"document_parsing_exception","reason":"[1:6] failed to parse field [n] of type [integer]","caused_by":{"type":"number_format_exception","reason":"For input string: \"x\""}}}},
    {"index":{"_index":"i","_id":"4","status":429,"error":{"type":"es_rejected_execution_exception","reason":"rejected execution of TimedRunnable"}}}]}"#;

#[test]
fn a_recorded_answer_is_told_apart() {
    let items = read_outcomes(200, RECORDED, 4).expect("items");
    assert_eq!(items[..2], [Item::Done, Item::Conflict]);
    let message =
        "[1:6] failed to parse field [n] of type [integer]: For input string: \"x\"".to_owned();
    assert_eq!(
        items[2],
        Item::Permanent {
            code: "document_parsing_exception".to_owned(),
            message
        }
    );
    assert!(matches!(items[3], Item::Transient(_)));
}

/// As they came from 8.19, but for what nobody reads: a marker, something newer, nothing.
const DELETED: &[u8] = br#"{"items":[
    {"delete":{"result":"deleted","status":200}},
    {"delete":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[2]: version conflict, current version [30] is higher or equal to the one provided [20]"}}},
    {"delete":{"result":"not_found","status":404}},
    {"index":{"status":404}}]}"#;

#[test]
fn a_deletion_of_what_is_gone_is_done() {
    let items = read_outcomes(200, DELETED, 4).expect("items");
    assert_eq!(items[..3], [Item::Done, Item::Conflict, Item::Done]);
    assert!(
        matches!(items[3], Item::Transient(_)),
        "of a write it is no answer"
    );
}

#[test]
fn an_answer_that_does_not_fit_is_of_unknown_outcome() {
    for (body, count) in [
        (RECORDED, 3),
        (&RECORDED[..200], 4),
        (b"".as_slice(), 1),
        (b"{}".as_slice(), 1),
    ] {
        assert!(matches!(
            read_outcomes(200, body, count),
            Err(Whole::Transient(_))
        ));
    }
}

#[test]
fn what_stands_is_judged_by_its_stamp() {
    let f = Fixture::new();
    let ours = f.document("d", 10, None).meta;
    let at = |n| f.version(n).0 as i64;
    let stamp = |version: Version, request: u64| {
        Some(Stamp {
            version,
            request: f.request(request).to_string(),
            revision: Some(1),
            diverged: false,
            deleted: false,
        })
    };
    for (standing, expected) in [
        (Some((at(11), stamp(f.version(11), 11))), Judgement::Done),
        (Some((at(10), stamp(f.version(10), 10))), Judgement::Done),
        (Some((at(12), stamp(f.version(10), 10))), Judgement::Done),
        (
            Some((at(10), stamp(f.version(9), 9))),
            Judgement::Above(f.version(11).0),
        ),
        (Some((at(10), None)), Judgement::Above(f.version(11).0)),
        (Some((5, None)), Judgement::Above(f.version(10).0)),
    ] {
        assert_eq!(judge_conflict(&ours, standing), expected);
    }
    assert!(matches!(
        judge_conflict(&ours, Some((at(10), stamp(f.version(10), 11)))),
        Judgement::Alarm(_)
    ));
    assert!(matches!(judge_conflict(&ours, None), Judgement::Wait(_)));
    for worn_out in [i64::MAX, i64::MIN, -1] {
        assert!(
            matches!(
                judge_conflict(&ours, Some((worn_out, None))),
                Judgement::Wait(_)
            ),
            "{worn_out}"
        );
    }
}
