//! The committed schemas are those of the types, and golden records keep to them.

use crate::golden;
use event_schema::{codec, schemas};
use std::{collections::BTreeMap, fs, path::PathBuf};

/// Run with `WRITE_SCHEMAS=1` after a change that is meant.
#[test]
fn committed_schemas_are_those_of_the_types() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut committed: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    for (name, text) in schemas::schema_files() {
        if std::env::var_os("WRITE_SCHEMAS").is_some() {
            fs::write(folder.join(&name), &text).unwrap();
        }
        assert_eq!(
            fs::read_to_string(folder.join(&name)).unwrap_or_default(),
            text,
            "schemas/{name} is not what the type says"
        );
        committed.retain(|file| *file != name);
    }
    assert!(
        committed.is_empty() || std::env::var_os("WRITE_SCHEMAS").is_some(),
        "no event has these schemas: {committed:?}"
    );
}

#[test]
fn golden_records_keep_to_their_schema_and_to_its_headers() {
    let schemas: BTreeMap<&str, _> = event_schema::event_schemas().into_iter().collect();
    let mut seen = BTreeMap::new();
    for (name, golden) in golden::all() {
        let parts = golden.parts();
        let kind = codec::header_text(&parts, "ce_type").unwrap().to_owned();
        let schema = schemas[kind.as_str()].as_value();
        let validator = jsonschema::draft202012::new(schema).unwrap();
        let value = serde_json::from_str(&golden.value).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|e| format!("{}: {e}", e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let told: Vec<&str> = schema["x-headers"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|header| header.as_str())
            .collect();
        for (header, _) in &golden.headers {
            assert!(
                told.contains(&header.as_str()),
                "{name}: {header} is not told in its schema"
            );
        }
        *seen.entry(kind).or_insert(0) += 1;
    }
    assert_eq!(
        seen.len(),
        schemas.len(),
        "every kind of event has a golden record"
    );
}
