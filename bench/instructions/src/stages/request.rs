//! What a gateway does with a body before anything is asked of others: scan and validate it.

use catalog::{Catalog, Seed};
use instruction_counts::{CountedStage, workload};
use json_text::ScannedJson;
use std::hint::black_box;

pub const SCAN: CountedStage = CountedStage {
    name: "scan",
    about: "a request of 1 KiB: UTF-8, depth, duplicate keys, numbers, members",
    events: 2_000,
    run: scan,
};

pub const VALIDATE: CountedStage = CountedStage {
    name: "validate",
    about: "a scanned request against document.createOrReplace: schema, rules, key, what is generated",
    events: 2_000,
    run: validate,
};

fn scan(events: u64) {
    let bodies: Vec<bytes::Bytes> = (0..16).map(|n| workload::request(n).into()).collect();
    for body in bodies.iter().cycle().take(events as usize) {
        drop(black_box(ScannedJson::scan(body.clone(), 64)));
    }
}

fn validate(events: u64) {
    let catalog = Catalog::builtin().expect("the built-in catalog compiles");
    let operation = catalog
        .operation("document.createOrReplace")
        .expect("the operation exists");
    let requests: Vec<ScannedJson> = (0..16).map(workload::scanned).collect();
    let seed = Seed {
        unique: [7; 16],
        now: 1_700_000_000_000,
    };
    for request in requests.iter().cycle().take(events as usize) {
        let accepted = operation.accept(black_box(request), &seed);
        drop(black_box(accepted.expect("the request is valid")));
    }
}
