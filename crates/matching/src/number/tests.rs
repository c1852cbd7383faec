use std::cmp::Ordering;

use super::Number;

fn number(text: &str) -> Number {
    Number::from_json(&serde_json::from_str(text).unwrap()).unwrap()
}

#[test]
fn each_value_has_one_representation() {
    for same in [
        ["1", "1.0"],
        ["1", "1e0"],
        ["0", "-0"],
        ["0", "-0.0"],
        ["100", "1e2"],
        ["9223372036854775808", "9.223372036854775808e18"],
    ] {
        assert_eq!(number(same[0]), number(same[1]), "{same:?}");
    }
}

#[test]
fn order_is_exact_across_representations() {
    let ascending = [
        "-1e300",
        "-9223372036854775809e1",
        "-9223372036854775808",
        "-9223372036854775807",
        "-1.5",
        "-1",
        "-0.5",
        "0",
        "1e-300",
        "0.5",
        "1",
        "1.0000000001",
        "2",
        "1048576",
        "1048576.0000001",
        "9007199254740992",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551614",
        "18446744073709551615",
        "18446744073709551616",
        "1e300",
    ];
    for (at, low) in ascending.iter().enumerate() {
        for (above, high) in ascending.iter().enumerate() {
            assert_eq!(
                number(low).cmp(&number(high)),
                at.cmp(&above),
                "{low} {high}"
            );
        }
    }
}

#[test]
fn epoch_milliseconds_are_not_rounded() {
    assert_eq!(
        number("1700000000001").cmp(&number("1700000000000.5")),
        Ordering::Greater
    );
    assert_eq!(
        number("1700000000001").cmp(&number("1700000000001.5")),
        Ordering::Less
    );
}

#[test]
fn text_and_json_read_back_as_the_same() {
    for text in [
        "0",
        "-3",
        "18446744073709551615",
        "0.1",
        "1e300",
        "5e-324",
        "-2.5",
    ] {
        assert_eq!(number(&number(text).to_string()), number(text));
        assert_eq!(number(&number(text).to_json().to_string()), number(text));
    }
}
