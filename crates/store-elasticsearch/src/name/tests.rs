//! Names there and back, and what Elasticsearch forbids.

use super::{alias_name, decode_alias, decode_index, first_index, index_pattern, is_prefix};

#[test]
fn names_come_back_and_never_meet() {
    let names = [
        "sunbird", "User", "user", "a.b", "a", "b", "é😀", "x/y", "~41", "A", "_all", "-x", "",
        "a b", "*",
    ];
    let mut seen = std::collections::HashSet::new();
    for index in names {
        for collection in names {
            let alias =
                alias_name("consign.", index, collection, "a1b2c3d4").expect("short enough");
            assert_eq!(
                decode_alias("consign.", &alias),
                Some([index, collection, "a1b2c3d4"].map(str::to_owned)),
                "{alias}"
            );
            assert!(
                alias
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.~".contains(&b)),
                "{alias}"
            );
            assert!(seen.insert(first_index(&alias)));
        }
    }
}

#[test]
fn names_that_are_too_long_are_refused() {
    assert!(alias_name("consign.", &"x".repeat(110), &"y".repeat(110), "a1b2c3d4").is_ok());
    assert!(alias_name("consign.", &"x".repeat(126), &"y".repeat(126), "a1b2c3d4").is_err());
    assert!(alias_name("consign.", &"É".repeat(50), "y", "a1b2c3d4").is_err());
}

#[test]
fn prefixes() {
    for good in ["consign.", "a", "team-1_"] {
        assert!(is_prefix(good), "{good}");
    }
    for bad in ["", "-a", "_a", ".a", "A", "a*", "a b", "a~"] {
        assert!(!is_prefix(bad), "{bad}");
    }
}

#[test]
fn an_index_says_whose_it_is_and_others_say_nothing() {
    let index = first_index(&alias_name("consign.", "I.x", "c", "a1b2c3d4").expect("short"));
    assert_eq!(
        decode_index("consign.", &index),
        Some(["I.x", "c", "a1b2c3d4"].map(str::to_owned))
    );
    for other in [
        "consign.i.c.a1b2c3d4",
        "consign.i.c.a1b2c3d4-1",
        "consign.i.c.d.a1b2c3d4-000001",
        "consign.i.c.A1b2c3d4-000001",
        "consign.i.c.short-000001",
        "other.i.c.a1b2c3d4-000001",
        "consign.i.~zz.a1b2c3d4-000001",
    ] {
        assert_eq!(decode_index("consign.", other), None, "{other}");
    }
    assert_eq!(
        index_pattern("consign.", Some(("I.x", "c"))),
        "consign.~49~2ex.c.*"
    );
    assert_eq!(index_pattern("consign.", None), "consign.*");
}
