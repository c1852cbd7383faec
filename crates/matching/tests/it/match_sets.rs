//! All recorded filters in one engine answer each recorded document with the recorded set, on the
//! logical side of the quirks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use matching::{Document, Engine, Filter, Options, Scratch};
use serde_json::Value;

/// The full recording when it is given, and always the reduced copy.
fn recordings() -> Vec<PathBuf> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle");
    let directories =
        std::iter::once(fixture).chain(std::env::var_os("CONSIGN_ORACLE_DIR").map(PathBuf::from));
    directories
        .map(|directory| directory.join("match-sets.jsonl"))
        .collect()
}

fn indexes(value: &Value) -> BTreeSet<u64> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_u64)
        .collect()
}

#[test]
fn one_engine_with_all_filters_answers_as_recorded() {
    for path in recordings() {
        let text = std::fs::read_to_string(&path).unwrap();
        let (mut engine, mut scratch, mut compared) = (Engine::new(), Scratch::new(), 0);
        for line in text.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            if record["type"] == "filter" {
                let filter = Filter::parse(&record["filter"], &Options::default()).unwrap();
                engine.register(record["index"].as_u64().unwrap(), &filter.normalise());
                continue;
            }
            let found: BTreeSet<u64> = engine
                .matches(&Document::new(&record["document"]), &mut scratch)
                .iter()
                .copied()
                .collect();
            let wanted: BTreeSet<u64> = indexes(&record["matches"])
                .symmetric_difference(&indexes(&record["quirk"]))
                .copied()
                .collect();
            assert_eq!(
                found,
                wanted,
                "{}: document {}",
                path.display(),
                record["index"]
            );
            compared += 1;
        }
        println!(
            "{}: {} filters, {compared} documents",
            path.display(),
            engine.len()
        );
        assert!(engine.len() > 100 && compared > 20);
    }
}
