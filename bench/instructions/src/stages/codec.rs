//! An event on its way into the log and out of it.

use catalog::{AcceptedRequest, Catalog, Seed};
use event_schema::{codec, envelope::Transaction};
use instruction_counts::CountedStage;
use std::hint::black_box;

pub const ENCODE: CountedStage = CountedStage {
    name: "encode",
    about: "an event of 1 KiB to the key, value and headers of a record",
    events: 2_000,
    run: encode,
};

pub const DECODE: CountedStage = CountedStage {
    name: "decode",
    about: "the same record back to its event",
    events: 2_000,
    run: decode,
};

/// An event whose request is one of the workload's.
fn event() -> Transaction {
    let catalog = Catalog::builtin().expect("the built-in catalog compiles");
    let operation = catalog
        .operation("document.createOrReplace")
        .expect("the operation exists");
    let example = operation.examples().first().expect("it has an example");
    let (events, _) = catalog
        .example_events(operation, example)
        .expect("the example is valid");
    let mut event = events.into_iter().next().expect("it makes an event");
    let seed = Seed {
        unique: [7; 16],
        now: 1_700_000_000_000,
    };
    let accepted = operation.accept(&instruction_counts::workload::scanned(0), &seed);
    if let Ok(AcceptedRequest::One(accepted)) = accepted {
        event.data.request = accepted.request;
    }
    event
}

fn encode(events: u64) {
    let event = event();
    for _ in 0..events {
        drop(black_box(codec::encode_transaction(black_box(&event))));
    }
}

fn decode(events: u64) {
    let parts = codec::encode_transaction(&event());
    for _ in 0..events {
        let decoded = codec::decode_transaction(black_box(&parts));
        drop(black_box(decoded.expect("what was encoded can be decoded")));
    }
}
