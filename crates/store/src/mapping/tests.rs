use super::{Dynamic, Found, Kind, Mapping};
use crate::contract::{fixture::raw_text, mappable};
use serde_json::{Value, json};

fn mapping(mappings: &Value) -> Mapping {
    Mapping::read(Some(mappings), None).expect("a mapping")
}

#[test]
fn what_is_refused_and_where() {
    for (mappings, id, body, pointer) in mappable::refused() {
        let found = mapping(&mappings)
            .check(&id, &raw_text(&body))
            .map_err(|unmappable| unmappable.pointer);
        assert_eq!(
            found,
            Err(pointer.to_owned()),
            "{}",
            body.chars().take(200).collect::<String>()
        );
    }
}

#[test]
fn what_is_taken() {
    for (mappings, id, body) in mappable::taken() {
        assert_eq!(
            mapping(&mappings).check(&id, &raw_text(&body)),
            Ok(()),
            "{}",
            body.chars().take(200).collect::<String>()
        );
    }
}

#[test]
fn limits_come_from_the_settings_in_any_spelling() {
    let body = raw_text(r#"{"a":{"b":1},"c":2}"#);
    for (settings, fits) in [
        (
            json!({"index": {"mapping": {"total_fields": {"limit": 2}}}}),
            false,
        ),
        (json!({"index.mapping.total_fields.limit": "3"}), true),
        (json!({"mapping.depth.limit": 1}), false),
        (json!({"index": {"mapping.depth": {"limit": 2}}}), true),
    ] {
        let mapping = Mapping::read(None, Some(&settings)).expect("a mapping");
        assert_eq!(mapping.check("id", &body).is_ok(), fits, "{settings}");
    }
}

#[test]
fn fields_are_found_by_their_dotted_path() {
    let mapping = mapping(&json!({"dynamic": false, "properties": {
        "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
        "who": {"dynamic": "strict", "properties": {"name": {"type": "keyword", "normalizer": "n"}}},
        "a.b": {"type": "long"},
    }}));
    assert!(
        matches!(mapping.find("title"), Found::Field(field) if field.kind == Kind::Text && field.special.is_none())
    );
    assert!(matches!(mapping.find("title.raw"), Found::Sub { parent, .. } if parent == "title"));
    assert!(
        matches!(mapping.find("who.name"), Found::Field(field) if field.special.as_deref() == Some("normalizer"))
    );
    assert!(
        matches!(mapping.find("a.b"), Found::Field(field) if matches!(field.kind, Kind::Whole { .. }))
    );
    assert_eq!(mapping.find("who.other"), Found::Unmapped(Dynamic::Strict));
    assert_eq!(mapping.find("other.thing"), Found::Unmapped(Dynamic::False));
}

#[test]
fn a_malformed_mapping_says_where() {
    for (mappings, pointer) in [
        (json!([]), ""),
        (json!({"properties": []}), "/properties"),
        (json!({"properties": {"a": 1}}), "/properties/a"),
        (
            json!({"properties": {"a": {"properties": {"": {}}}}}),
            "/properties/a/properties/",
        ),
        (json!({"dynamic": "sometimes"}), "/dynamic"),
        (
            json!({"properties": {"a": {"type": 1}}}),
            "/properties/a/type",
        ),
    ] {
        assert_eq!(
            Mapping::read(Some(&mappings), None).map_err(|bad| bad.pointer),
            Err(pointer.to_owned()),
            "{mappings}"
        );
    }
}
