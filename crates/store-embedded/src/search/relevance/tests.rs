//! Lengths as they are kept.

use super::kept_length;

#[test]
fn lengths_are_kept_with_four_bits() {
    let lengths = [0, 1, 23, 24, 39, 40, 41, 42, 55, 56, 59, 60, 1_000];
    let found = lengths.map(kept_length);
    assert_eq!(found, [0, 1, 23, 24, 39, 40, 40, 42, 54, 56, 56, 60, 984]);
}
