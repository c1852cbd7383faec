//! A catalog of hundreds of operations loads in a time that grows with their number, and no faster:
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

/// What it takes to load so many operations beside those that are built in.
fn load(count: usize) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("many.yaml"), definitions(count)).expect("a file");
    let began = Instant::now();
    let catalog = Catalog::load(&[folder.path().to_owned()]).expect("they are sound");
    assert!(catalog.operations().count() > count);
    began.elapsed()
}

/// Four times as many are at most four times the work, and sixteen times where each is compared with
/// all; in turns, since the machine is busy now and then.
#[test]
fn loading_grows_with_the_number_of_operations_and_no_faster() {
    let turns = (0..3).map(|_| [load(150), load(600)]);
    let [few, many] = turns
        .reduce(|best, turn| [best[0].min(turn[0]), best[1].min(turn[1])])
        .expect("three turns");
    eprintln!("150 more {few:?}, 600 more {many:?}");
    assert!(many < few * 8, "150 take {few:?}, 600 take {many:?}");
}
