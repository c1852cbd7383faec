//! How scalars are spelled.

use super::scalar_text;
use serde_json::Value;

#[test]
fn numbers_are_spelled_without_a_plus() {
    let spellings = [
        ("1e19", "1e19"),
        ("1E+19", "1e19"),
        ("1e-7", "1e-7"),
        ("2.50", "2.5"),
        ("12", "12"),
    ];
    for (given, expected) in spellings {
        let value: Value = serde_json::from_str(given).expect("a number");
        assert_eq!(scalar_text(&value).as_deref(), Some(expected), "of {given}");
    }
}
