use super::*;

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
