//! Bytes of filters and documents, changed at random: whatever comes in, nothing may panic, and
//! engine and evaluation agree.

use seeded_dice::SeededDice;
use std::path::Path;

use matching::{Document, Engine, Filter, Options, Scratch, explain_filter};
use serde_json::Value;

/// Recorded filters and documents as text.
fn recorded() -> (Vec<String>, Vec<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/filters.jsonl");
    let (mut filters, mut documents) = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        filters.push(case["filter"].to_string());
        documents.extend(
            case["documents"]
                .as_array()
                .into_iter()
                .flatten()
                .map(Value::to_string),
        );
    }
    (filters, documents)
}

/// Some bytes overwritten, left out, doubled, or put in from another text.
fn mutate(text: &str, other: &str, random: &mut SeededDice) -> Vec<u8> {
    const TOKENS: [&str; 16] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "1e999",
        "-0",
        "18446744073709551615",
        "\\u0000",
        "\"not\"",
        "[[[[",
        "\u{1F600}",
        "\"a.b\"",
    ];
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 if !bytes.is_empty() => bytes[at] = random.below(256) as u8,
            1 if !bytes.is_empty() => drop(bytes.remove(at)),
            2 => bytes.insert(at, b"0123456789{}[]\",:.-+eE\\"[random.below(23)]),
            3 => drop(bytes.splice(at..at, TOKENS[random.below(TOKENS.len())].bytes())),
            4 => {
                let end = (at + random.below(12)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            _ => {
                let from = random.below(other.len());
                let piece = &other.as_bytes()[from..(from + random.below(20)).min(other.len())];
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
        }
    }
    bytes
}

#[test]
fn mutated_filters_and_documents() {
    let (filters, documents) = recorded();
    let documents: Vec<Value> = documents
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    let mut random = SeededDice::new(0xB17E5);
    let (mut engine, mut scratch) = (Engine::new(), Scratch::new());
    let (mut read, mut accepted, mut compared) = (0, 0, 0);
    for round in 0..100_000_u64 {
        let other = &filters[random.below(filters.len())];
        let Ok(value) = serde_json::from_slice::<Value>(&mutate(
            &filters[random.below(filters.len())],
            other,
            &mut random,
        )) else {
            continue;
        };
        read += 1;
        let Ok(filter) = Filter::parse(&value, &Options::default()) else {
            continue;
        };
        accepted += 1;
        let id = round % 64;
        engine.register(id, &filter.normalise());
        let mutated = serde_json::from_slice::<Value>(&mutate(
            &texts[random.below(texts.len())],
            other,
            &mut random,
        ));
        let candidates = [
            mutated.unwrap_or(Value::Null),
            documents[random.below(documents.len())].clone(),
        ];
        for value in &candidates {
            let document = Document::new(value);
            let found = engine.matches(&document, &mut scratch).contains(&id);
            assert_eq!(
                found,
                filter.matches(&document),
                "filter {} document {value}",
                filter.to_json()
            );
            assert_eq!(
                explain_filter(&filter, &document).matches,
                found,
                "filter {} document {value}",
                filter.to_json()
            );
            compared += 1;
        }
    }
    println!("{read} read, {accepted} accepted, {compared} answers compared");
    assert!(accepted > 1_000);
}

/// The value inside so many objects under the key, or arrays. Built by moving: copying such a value
/// recurses in serde_json itself.
fn nested(mut value: Value, key: &str, levels: usize, arrays: bool) -> Value {
    for level in 0..levels {
        let array = arrays && level % 2 == 0;
        value = if array {
            Value::Array(vec![value])
        } else {
            Value::Object([(key.to_owned(), value)].into_iter().collect())
        };
    }
    value
}

#[test]
fn values_nested_without_end_are_survived() {
    const LEVELS: usize = 2_000;
    let leaf = || serde_json::json!({"equals": {"a": "x"}});
    let documents = [
        nested(Value::from("x"), "a", LEVELS, false),
        nested(Value::from("x"), "a", LEVELS, true),
    ];
    let filters = [
        nested(leaf(), "not", LEVELS, false),
        nested(
            nested(Value::from("x"), "a", LEVELS, true),
            "match",
            1,
            false,
        ),
        nested(
            nested(Value::from("x"), "a", LEVELS, false),
            "match",
            1,
            false,
        ),
        serde_json::json!({"exists": "a.a.a"}),
        serde_json::json!({"missing": "b"}),
    ];
    let (mut engine, mut scratch, mut accepted) = (Engine::new(), Scratch::new(), 0);
    for (id, filter) in (0_u64..).zip(&filters) {
        let Ok(filter) = Filter::parse(filter, &Options::default()) else {
            continue;
        };
        accepted += 1;
        engine.register(id, &filter.normalise());
        for document in documents.iter().map(Document::new) {
            assert_eq!(
                engine.matches(&document, &mut scratch).contains(&id),
                filter.matches(&document)
            );
        }
    }
    assert!(accepted >= 2);
    // Dropping such values recurses as well.
    std::mem::forget((documents, filters));
}
