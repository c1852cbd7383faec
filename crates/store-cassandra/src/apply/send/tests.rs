//! What is packed with what.

use super::{PARTITION_BYTES, PARTITIONS, pack_units};
use crate::apply::Unit;

fn unit(item: usize, partition: u8, size: usize) -> Unit<'static> {
    Unit {
        item,
        partition: vec![partition],
        size,
        statements: Vec::new(),
    }
}

fn items(units: Vec<Unit<'static>>, limit: usize) -> Vec<Vec<usize>> {
    pack_units(units, limit)
        .iter()
        .map(|group| group.iter().map(|unit| unit.item).collect())
        .collect()
}

#[test]
fn one_partition_goes_together_and_in_order() {
    let units = vec![
        unit(0, 1, 100),
        unit(1, 2, 100),
        unit(2, 1, 90_000),
        unit(3, 2, 100),
    ];
    assert_eq!(items(units, 0), [vec![0, 2], vec![1, 3]]);
}

#[test]
fn a_partition_is_cut_at_its_limit() {
    let units = vec![
        unit(0, 1, PARTITION_BYTES - 10),
        unit(1, 1, 20),
        unit(2, 1, 20),
    ];
    assert_eq!(items(units, 0), [vec![0], vec![1, 2]]);
}

#[test]
fn small_partitions_share_up_to_the_limits() {
    assert_eq!(
        items((0..5).map(|n| unit(n, n as u8, 400)).collect(), 1_000),
        [vec![0, 1], vec![2, 3], vec![4]]
    );
    let many = items((0..25).map(|n| unit(n, n as u8, 1)).collect(), 1_000);
    assert_eq!(
        many.iter().map(Vec::len).collect::<Vec<_>>(),
        [PARTITIONS, PARTITIONS, 5]
    );
}
