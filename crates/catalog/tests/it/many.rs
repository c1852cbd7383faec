//! A catalog of a thousand operations loads in a time that grows with their number, and no faster:
//! nothing in it looks at all of them for each.

use catalog::Catalog;
use std::time::{Duration, Instant};

const SHOP: &str = include_str!("../../../../examples/shop/shop.yaml");

/// The shop's order under so many names.
fn definitions(count: usize) -> String {
    let (head, operations) = SHOP.split_once("operations:\n").expect("it has operations");
    let (_, order) = operations
        .split_once("  - name: order.place\n")
        .expect("it has orders");
    let (order, _) = order
        .split_once("  - name: order.cancel\n")
        .expect("something follows");
    let many = (0..count).map(|n| {
        let order = order.replace("/v1/shop/order", &format!("/v1/shop/order{n}"));
        format!("  - name: order.place{n}\n{order}")
    });
    format!("{head}operations:\n{}", many.collect::<String>())
}

/// What so many operations take beside those that are built in; the best of three.
fn load(count: usize) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("many.yaml"), definitions(count)).expect("a file");
    let tries = (0..3).map(|_| {
        let began = Instant::now();
        let catalog = Catalog::load(&[folder.path().to_owned()]).expect("they are sound");
        assert!(catalog.operations().count() > count);
        began.elapsed()
    });
    tries.min().expect("three tries")
}

#[test]
fn loading_grows_with_the_number_of_operations_and_no_faster() {
    let built_in = load(0);
    let (few, many) = (load(100), load(1_000));
    let (few, many) = (few.saturating_sub(built_in), many.saturating_sub(built_in));
    eprintln!("built in {built_in:?}, 100 more {few:?}, 1,000 more {many:?}");
    assert!(many < few * 30, "100 take {few:?}, 1,000 take {many:?}");
}
