use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Found, Ranges};
use crate::filter::{Bounds, Limit};
use crate::number::Number;

/// Numbers of every size, many of them powers of two and their neighbours.
fn number() -> impl Strategy<Value = Number> {
    let powers = (-60_i32..64, -2_i64..3, any::<bool>()).prop_map(|(power, step, negative)| {
        let size = 2_f64.powi(power) + step as f64 * 2_f64.powi(power - 3);
        if negative { -size } else { size }
    });
    let numbers = prop_oneof![
        4 => (-40_i32..40).prop_map(|n| f64::from(n) / 4.0),
        2 => powers,
        1 => prop::sample::select(vec![0.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE, -5e-324]),
    ];
    prop_oneof![
        6 => numbers.prop_filter_map("finite", Number::from_f64),
        1 => (i64::MAX - 3..=i64::MAX).prop_map(Number::from),
    ]
}

fn limit() -> impl Strategy<Value = Option<Limit>> {
    prop::option::weighted(0.9, (number(), any::<bool>()))
        .prop_map(|end| end.map(|(at, inclusive)| Limit { at, inclusive }))
}

fn bounds() -> impl Strategy<Value = Bounds> {
    (limit(), limit()).prop_map(|(low, high)| match (low, high) {
        (Some(a), Some(b)) if b.at < a.at => Bounds {
            low: high,
            high: low,
        },
        _ => Bounds { low, high },
    })
}

/// What is found, each once, the uncertain checked.
fn found(ranges: &Ranges, known: &BTreeMap<u32, Bounds>, at: Number) -> Vec<u32> {
    let mut leaves = Vec::new();
    ranges.search(at, |found| match found {
        Found::Certain(leaf) => leaves.push(leaf),
        Found::Check(leaf) if known[&leaf].contains(at) => leaves.push(leaf),
        Found::Check(_) => {}
    });
    leaves.sort_unstable();
    leaves
}

proptest! {
    #[test]
    fn finds_what_the_bounds_contain(
        steps in prop::collection::vec((0_u32..90, prop::option::weighted(0.8, bounds())), 1..150),
        numbers in prop::collection::vec(number(), 1..40),
    ) {
        let (mut ranges, mut known) = (Ranges::default(), BTreeMap::new());
        for (leaf, bounds) in steps {
            if let Some(old) = known.remove(&leaf) {
                ranges.remove(&old, leaf);
            }
            if let Some(bounds) = bounds {
                ranges.insert(&bounds, leaf);
                known.insert(leaf, bounds);
            }
        }
        for at in numbers {
            let wanted: Vec<u32> =
                known.iter().filter(|(_, bounds)| bounds.contains(at)).map(|(leaf, _)| *leaf).collect();
            prop_assert_eq!(found(&ranges, &known, at), wanted);
        }
        known.iter().for_each(|(leaf, bounds)| ranges.remove(bounds, *leaf));
        prop_assert!(ranges.is_empty());
        prop_assert_eq!((ranges.cells.len(), ranges.narrow.len(), ranges.wide.used), (0, 0, 0));
    }
}

#[test]
fn ranges_that_come_and_go_leave_nothing_behind() {
    let mut ranges = Ranges::default();
    let bounds = |n: u32| Bounds {
        low: Some(Limit {
            at: Number::from(i64::from(n)),
            inclusive: true,
        }),
        high: Some(Limit {
            at: Number::from(i64::from(n + n % 7)),
            inclusive: false,
        }),
    };
    (0..100).for_each(|n| ranges.insert(&bounds(n), n));
    for n in 100..50_000 {
        ranges.insert(&bounds(n), n);
        ranges.remove(&bounds(n - 100), n - 100);
    }
    assert!(ranges.cells.len() <= 200, "{}", ranges.cells.len());
    assert!(
        ranges.cells.capacity() <= 300,
        "{}",
        ranges.cells.capacity()
    );
}
