mod counted;

use super::*;
use counted::held_by_this_thread;
use event_schema::to_raw;
use serde_json::json;

fn key(id: u64) -> DocumentKey {
    DocumentKey {
        index: "i".into(),
        collection: "c".into(),
        incarnation: "x".into(),
        id: id.to_string(),
    }
}

fn document(revision: u64) -> CurrentDocument {
    CurrentDocument {
        revision,
        body: None,
    }
}

#[test]
fn keys_that_are_written_for_ever_do_not_fill_the_memory() {
    let mut state = State::new(
        1 << 20,
        event_schema::signing::Keyring::new(1, *b"0123456789abcdef"),
    );
    for batch in 1..=10_000 {
        (0..10).for_each(|id| state.set_document(&key(id), document(batch), batch));
        state.evict(batch);
    }
    assert!(
        state.age.len() <= 100 && state.age.capacity() <= 1_000,
        "{} names of 10 keys",
        state.age.len()
    );
    assert!((0..10).all(|id| state.document(&key(id)).revision == 10_000));
}

#[test]
fn the_oldest_go_first_and_nothing_that_a_store_may_not_hold() {
    let mut state = State::new(
        1_000,
        event_schema::signing::Keyring::new(1, *b"0123456789abcdef"),
    );
    for batch in 1..=100 {
        state.set_document(&key(batch), document(batch), batch);
    }
    state.evict(0);
    assert!(
        (1..=100).all(|id| state.has_document(&key(id))),
        "none of them is applied"
    );
    state.evict(50);
    assert!(
        (1..=50).all(|id| !state.has_document(&key(id)))
            && (51..=100).all(|id| state.has_document(&key(id)))
    );
    state.evict(100);
    assert!(state.has_document(&key(100)) && state.bytes <= 1_000);
}

/// Fills a state, twice over with the same keys; what it says that it takes, and what it takes.
fn filled(mut fill: impl FnMut(&mut State, u64)) -> (f64, f64) {
    let secret = Keyring::new(1, *b"0123456789abcdef");
    let before = held_by_this_thread();
    let mut state = State::new(usize::MAX, secret);
    for n in (0..20_000).chain(0..20_000) {
        fill(&mut state, n);
    }
    state.evict(1);
    let held = held_by_this_thread() - before;
    (state.bytes as f64, held as f64)
}

#[test]
fn what_is_counted_is_what_is_held() {
    let row = |n: u64| {
        let key = json!({"table": "locations", "key": {"id": format!("{n:036}")}});
        let key: RowKey = serde_json::from_value(key).unwrap();
        let cells = json!({"id": n.to_string(), "code": format!("c{n}"), "name": "A place", "n": n, "kind": "state"});
        (key, cells.as_object().unwrap().clone())
    };
    let (counted, held) = filled(|state, n| {
        let (key, cells) = row(n);
        state.set_row(&key, Some(cells), None, 1);
    });
    assert!(
        (0.8..1.6).contains(&(counted / held)),
        "rows: {counted} of {held}"
    );
    assert!(held < 20_000.0 * 600.0, "{held} for rows of 70 bytes");
    let (counted, held) = filled(|state, n| {
        let body = json!({"id": n.to_string(), "name": "A place", "n": n, "kind": "state"});
        let value = CurrentDocument {
            revision: n,
            body: Some(to_raw(&body)),
        };
        state.set_document(&key(n), value, 1);
    });
    assert!(
        (0.8..1.6).contains(&(counted / held)),
        "documents: {counted} of {held}"
    );
}

#[test]
fn a_row_is_what_was_written() {
    let secret = Keyring::new(1, *b"0123456789abcdef");
    let mut state = State::new(1_000, secret);
    let key = json!({"table": "t", "key": {"id": "1"}});
    let key: RowKey = serde_json::from_value(key).unwrap();
    let cells = json!({
        "z": 0.1 + 0.2, "least": i64::MIN, "most": u64::MAX, "whole": 1.0, "tiny": 5e-324,
        "text": "\"\u{0}\u{2028}é", "none": null, "a": {"y": [1, {"x": []}], "b": true},
    });
    let cells = cells.as_object().unwrap();
    state.set_row(&key, Some(cells.clone()), Some(5), 1);
    let known = state.row(&key).unwrap();
    assert_eq!(&known, cells);
    let orders = [cells, &known].map(|row| row.keys().cloned().collect::<Vec<_>>());
    assert_eq!(orders[0], orders[1]);
    assert_eq!(state.row_expires(&key), Some(5));
    state.begin_batch(0, 5);
    assert_eq!(state.row(&key), None, "it has gone by itself");
    state.set_row(&key, None, None, 2);
    assert!(state.has_row(&key) && state.row(&key).is_none());
}
