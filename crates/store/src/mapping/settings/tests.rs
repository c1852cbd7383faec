//! Which settings a collection may have, and what they change of what is taken.

use super::IndexSettings;
use crate::{
    contract::{declarable, fixture::raw_text},
    mapping::{DynamicFields, Mapping},
};
use serde_json::{Value, json};

struct New;

impl DynamicFields for New {
    fn has(&self, _: &str) -> bool {
        false
    }
}

#[test]
fn settings_are_taken_and_refused_as_the_table_says() {
    for settings in declarable::settings_taken() {
        let read = IndexSettings::read(Some(&settings));
        assert!(read.is_ok(), "{settings}: {read:?}");
    }
    for (settings, at) in declarable::settings_refused() {
        let found = IndexSettings::read(Some(&settings)).map_err(|bad| bad.pointer);
        assert_eq!(found.map(drop), Err(at.to_owned()), "{settings}");
    }
}

/// An index of these would wait, keep less or send documents elsewhere.
#[test]
fn what_could_make_an_index_wait_is_not_offered() {
    for settings in declarable::settings_of_operators() {
        let refused = IndexSettings::read(Some(&settings));
        assert!(refused.is_err(), "{settings}");
    }
}

#[test]
fn a_setting_that_refuses_documents_is_looked_at_when_they_are_planned() {
    for (settings, mappings, body, fits) in declarable::settings_that_refuse() {
        let mapping = Mapping::read(Some(&mappings), Some(&settings)).expect("a mapping");
        let checked = mapping.check("id", &raw_text(&body), &New);
        assert_eq!(checked.is_ok(), fits, "{settings}: {body}: {checked:?}");
    }
}

#[test]
fn a_mapping_keeps_to_the_limits_of_its_collection() {
    for (settings, mappings, fits) in declarable::limits_of_mappings() {
        let read = Mapping::read(Some(&mappings), Some(&settings));
        assert_eq!(read.is_ok(), fits, "{settings}: {read:?}");
    }
}

#[test]
fn names_are_told_as_an_index_has_them() {
    let settings = json!({"index": {"mapping.depth": {"limit": "3"}}, "number_of_shards": 2,
        "analysis": {"analyzer": {"a": {"filter": ["lowercase"]}}}, "codec": null});
    let read = IndexSettings::read(Some(&settings)).expect("settings");
    let mut given: Vec<(&str, &Value)> = read.given().collect();
    given.sort_unstable_by_key(|(name, _)| *name);
    let expected = [
        ("analysis.analyzer.a.filter", &json!(["lowercase"])),
        ("mapping.depth.limit", &json!("3")),
        ("number_of_shards", &json!(2)),
    ];
    assert_eq!(given, expected);
}
