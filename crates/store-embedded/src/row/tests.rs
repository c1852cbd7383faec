use super::{Change, State};
use proptest::prelude::{
    Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use serde_json::{Value, json};

type Write = (i64, Change, Option<i64>);

fn cells() -> impl Strategy<Value = Vec<(String, Option<Value>)>> {
    let value = prop_oneof![Just(None), (0..4).prop_map(|n| Some(json!(n)))];
    prop::collection::btree_map(
        prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned),
        value,
        0..4,
    )
    .prop_map(|map| map.into_iter().collect())
}

/// Writes with times of their own, as decisions have them.
fn writes() -> impl Strategy<Value = Vec<Write>> {
    let change = prop_oneof![
        Just(Change::Remove),
        cells().prop_map(Change::Put),
        cells().prop_map(Change::Merge)
    ];
    let expires = prop_oneof![3 => Just(None), 1 => (0..20_i64).prop_map(Some)];
    prop::collection::vec((change, expires), 1..8).prop_map(|writes| {
        (1..)
            .map(|n| n * 10)
            .zip(writes)
            .map(|(time, (change, expires))| (time, change, expires))
            .collect()
    })
}

fn folded<'w>(writes: impl IntoIterator<Item = &'w Write>) -> State {
    let mut state = State::default();
    for (time, change, expires) in writes {
        state.apply(change.clone(), *time, *expires);
        state = state.store().state().expect("it reads back");
    }
    state
}

proptest! {
    #[test]
    fn any_order_and_repetition_gives_the_same_row(writes in writes(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let sorted = folded(&writes);
        let mut shuffled: Vec<&Write> = picks.iter().map(|pick| pick.get(&writes)).collect();
        shuffled.extend(writes.iter().rev());
        let other = folded(shuffled);
        prop_assert_eq!(&sorted, &other);
        for now in [0, 5, 10, 30] {
            let row = sorted.read(now);
            prop_assert_eq!(&row, &other.read(now));
            // It stands until the moment that it tells, and then no more.
            match row.map(|row| row.expires) {
                Some(Some(end)) => {
                    prop_assert!(end > now && sorted.read(end - 1).is_some());
                    prop_assert_eq!(sorted.read(end), None);
                }
                Some(None) => prop_assert!(sorted.read(i64::MAX).is_some()),
                None => {}
            }
        }
    }
}

proptest! {
    #[test]
    fn a_first_write_needs_no_state(writes in writes()) {
        for (time, change, expires) in writes {
            let mut state = State::default();
            state.apply(change.clone(), time, expires);
            let first = State::first(&change, time, expires);
            prop_assert_eq!(first.state().expect("it reads back"), state);
        }
    }
}

#[test]
fn a_row_without_cells_is_a_row() {
    let mut state = State::default();
    assert_eq!(state.read(0), None);
    state.apply(Change::Put(Vec::new()), 5, None);
    assert_eq!(
        state.read(0).map(|row| row.cells),
        Some(serde_json::Map::new())
    );
    state.apply(Change::Remove, 5, None);
    assert_eq!(state.read(0), None, "a removal wins at its own time");
}
