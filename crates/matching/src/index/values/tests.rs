use std::collections::BTreeMap;

use proptest::prelude::*;

use super::ValueTable;

/// Hashes that often begin alike, the last places of the table among them.
fn hash() -> impl Strategy<Value = u64> {
    (
        prop::sample::select(vec![0_u64, 1, 0x7f, 0x80, 0xfe, 0xff]),
        0_u64..3,
    )
        .prop_map(|(first, rest)| first << 56 | rest << 32)
}

proptest! {
    #[test]
    fn holds_what_a_map_holds(steps in prop::collection::vec((any::<bool>(), 0_u32..40, hash()), 1..200)) {
        let (mut table, mut wanted) = (ValueTable::default(), BTreeMap::new());
        for (add, leaf, hash) in steps {
            if let Some(old) = wanted.remove(&leaf) {
                table.remove(old, leaf);
            }
            if add {
                table.insert(hash, leaf);
                wanted.insert(leaf, hash);
            }
            prop_assert_eq!(table.len(), wanted.len());
            for leaf in 0..40 {
                let known = wanted.get(&leaf).copied();
                let found = known.and_then(|hash| table.find(hash, |other| other == leaf));
                prop_assert_eq!(found.is_some(), known.is_some(), "leaf {}", leaf);
            }
            let missing = table.find(5 << 32, |_| true);
            prop_assert_eq!(missing, None);
        }
    }
}

#[test]
fn churn_does_not_make_it_grow() {
    let mut table = ValueTable::default();
    let hash = |leaf: u32| u64::from(leaf).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (0..100).for_each(|leaf| table.insert(hash(leaf), leaf));
    let places = table.places.len();
    for leaf in 100..100_000 {
        table.insert(hash(leaf), leaf);
        table.remove(hash(leaf - 100), leaf - 100);
    }
    assert_eq!(table.places.len(), places);
    (99_900..100_000).for_each(|leaf| table.remove(hash(leaf), leaf));
    assert_eq!(table.places.len(), 0);
}
