//! Which records count.

use super::*;
use crate::samples::{at, decision, mark, open, placed};

fn counted(rule: &mut TenureRule, first: u64, records: &[Change]) -> Vec<bool> {
    (first..)
        .zip(records)
        .map(|(offset, record)| rule.counts(at(offset), record))
        .collect()
}

fn decided(open: u64, must_stand_at: u64) -> Change {
    placed(Change::Decision(decision(open, 0, "a", 0)), must_stand_at)
}

#[test]
fn nothing_counts_before_the_first_open() {
    let mut rule = TenureRule::in_force(None);
    let records = [decided(0, 0), open(), decided(1, 2)];
    assert_eq!(counted(&mut rule, 0, &records), [false, true, true]);
}

#[test]
fn a_record_under_an_older_open_counts_for_no_reader() {
    let mut rule = TenureRule::in_force(None);
    let records = [open(), open(), decided(0, 2), placed(mark(0, 0, 9), 3)];
    assert_eq!(counted(&mut rule, 0, &records), [true, true, false, false]);
    assert_eq!(rule.epoch(), None, "the new owner has to open again");
}

/// The writer's batch was to stand at 1, 2, 3; the log lost the first and took the others.
#[test]
fn behind_a_hole_no_record_of_the_tenure_counts() {
    let mut rule = TenureRule::in_force(None);
    let records = [
        open(),
        decided(0, 2),
        decided(0, 3),
        placed(mark(0, 0, 9), 3),
        open(),
        decided(4, 5),
    ];
    assert_eq!(
        counted(&mut rule, 0, &records),
        [true, false, false, false, true, true],
        "not even one that stands where it must, until the partition is opened again"
    );
}

#[test]
fn a_zombie_between_two_records_ends_the_tenure_that_it_disturbs() {
    let mut rule = TenureRule::in_force(None);
    let records = [open(), open(), decided(1, 2), decided(0, 3), decided(1, 3)];
    assert_eq!(
        counted(&mut rule, 0, &records),
        [true, true, true, false, false]
    );
}

#[test]
fn a_reader_that_begins_where_a_tenure_has_ended_counts_nothing_of_it() {
    let mut whole = TenureRule::in_force(None);
    let records = [open(), decided(0, 7), decided(0, 2), decided(0, 3)];
    counted(&mut whole, 0, &records[..2]);
    let mut late = TenureRule::in_force(whole.epoch());
    assert_eq!(counted(&mut late, 2, &records[2..]), [false, false]);
}

/// The record that was to stand at 2 was lost, and a zombie's took its place.
#[test]
fn a_zombie_that_fills_a_hole_hides_nothing() {
    let mut rule = TenureRule::in_force(None);
    let records = [open(), open(), decided(0, 7), decided(1, 3)];
    assert_eq!(
        counted(&mut rule, 0, &records),
        [true, true, false, false],
        "what stands behind the hole stands where it must, and does not count"
    );
}
