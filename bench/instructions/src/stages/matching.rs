//! What a notifier asks for each change: which of ten thousand filters match the document.

use instruction_counts::{CountedStage, workload};
use matching::{Document, Engine, Filter, Options, Scratch};
use serde_json::{Value, json};
use std::hint::black_box;

pub const MATCH: CountedStage = CountedStage {
    name: "match",
    about: "a document of 1 KiB against 10,000 filters: equals, ranges, distances, conjunctions",
    events: 2_000,
    run: find,
};

const FILTERS: u64 = 10_000;

fn filter(n: u64) -> Value {
    let country = ["FR", "IR", "BR", "JP"][(n / 4 % 4) as usize];
    match n % 4 {
        0 => json!({"equals": {"name": format!("Place {n:06}")}}),
        1 => json!({"range": {"population": {"gte": 1_000_000 + n, "lt": 1_000_010 + n}}}),
        2 => json!({"geoDistance": {
            "location": {"lat": (n % 80) as f64, "lon": (n % 170) as f64}, "distance": "10km"}}),
        _ => json!({"and": [
            {"equals": {"country": country}},
            {"range": {"population": {"gte": 1_000_000 + n * 50, "lt": 1_000_050 + n * 50}}},
        ]}),
    }
}

fn find(events: u64) {
    let mut engine = Engine::new();
    for n in 0..FILTERS {
        let filter = Filter::parse(&filter(n), &Options::default()).expect("the filter is valid");
        engine.register(n, &filter.normalise());
    }
    let documents: Vec<Value> = (0..64).map(workload::document).collect();
    let mut scratch = Scratch::default();
    for document in documents.iter().cycle().take(events as usize) {
        black_box(engine.matches(&Document::new(black_box(document)), &mut scratch));
    }
}
