//! The testbed itself: names, ports, the proxy, and one set of private servers that is killed,
//! frozen and started again.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

mod proxy;
mod servers;

use std::collections::HashSet;

use testbed::{ports, unique};

#[test]
fn names_are_unique_and_fit_a_keyspace() {
    let names: HashSet<String> = (0..100)
        .map(|_| unique("9-A.very long Purpose-with-everything-in-it"))
        .collect();
    assert_eq!(names.len(), 100);
    for name in names {
        assert!(
            name.len() <= 48 && name.starts_with("a_very_long_purpose_"),
            "{name}"
        );
        assert!(
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
            "{name}"
        );
    }
    assert!(unique("").starts_with("t_"));
}

#[test]
fn reserved_ports_do_not_overlap_while_they_are_kept() {
    let blocks: Vec<_> = (0..20).map(|_| ports::reserve().expect("ports")).collect();
    let firsts: HashSet<u16> = blocks.iter().map(|b| b.port(0)).collect();
    assert_eq!(firsts.len(), 20);
}
