//! Lines of JSON: filters, then after an empty line documents. The engine must answer as plain
//! evaluation does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use matching::{Document, Engine, Filter, Options, Scratch};
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Some((filters, documents)) = text.split_once("\n\n") else { return };
    let parse = |line: &str| Filter::parse(&serde_json::from_str::<Value>(line).ok()?, &Options::default()).ok();
    let filters: Vec<Filter> = filters.lines().filter_map(parse).take(32).collect();
    let (mut engine, mut scratch) = (Engine::new(), Scratch::new());
    for (id, filter) in (0..).zip(&filters) {
        engine.register(id, &filter.normalise());
    }
    let documents: Vec<Value> = documents.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for value in &documents {
        let document = Document::new(value);
        let found = engine.matches(&document, &mut scratch);
        for (id, filter) in (0..).zip(&filters) {
            assert_eq!(found.contains(&id), filter.matches(&document), "{} {value}", filter.to_json());
        }
    }
    (0..filters.len() as u64).for_each(|id| assert!(engine.remove(id)));
    assert!(engine.is_vacant());
});
