use super::{Dynamic, DynamicFields, Found, Kind, Mapping};
use crate::contract::{fixture::raw_text, mappable};
use serde_json::{Value, json};

/// A collection whose fields are all new, or all there.
struct There(bool);

impl DynamicFields for There {
    fn has(&self, _: &str) -> bool {
        self.0
    }
}

fn mapping(mappings: &Value) -> Mapping {
    Mapping::read(Some(mappings), None).expect("a mapping")
}

#[test]
fn what_is_refused_and_where() {
    for (mappings, id, body, pointer) in mappable::refused() {
        let found = mapping(&mappings)
            .check(&id, &raw_text(&body), &There(true))
            .map(drop)
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
            mapping(&mappings)
                .check(&id, &raw_text(&body), &There(false))
                .map(drop),
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
        assert_eq!(
            mapping.check("id", &body, &There(false)).is_ok(),
            fits,
            "{settings}"
        );
    }
}

#[test]
fn fields_are_found_by_their_dotted_path() {
    let mapping = mapping(&json!({"dynamic": false, "properties": {
        "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
        "who": {"dynamic": "strict", "properties": {"name": {"type": "keyword", "normalizer": "lowercase"}}},
        "a.b": {"type": "long"},
    }}));
    assert!(
        matches!(mapping.find("title"), Found::Field(field) if field.kind == Kind::Text && field.special.is_none())
    );
    assert!(matches!(mapping.find("title.raw"), Found::Sub { parent, .. } if parent == "title"));
    assert!(matches!(mapping.find("who.name"), Found::Field(field) if field.lowercase));
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
        (json!({"properties": [1]}), "/properties"),
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

#[test]
fn a_new_field_is_of_one_kind_and_a_known_one_may_hold_more() {
    for (text, pointer) in [
        (r#"{"m":["2021-01-01","n/a"]}"#, "/m/1"),
        (r#"{"m":["n/a","2021-01-01"]}"#, "/m/1"),
        (r#"{"m":[1,"2"]}"#, "/m/1"),
        (r#"{"m":[1.5,2]}"#, "/m/1"),
        (r#"{"m":[true,"false"]}"#, "/m/1"),
        (r#"{"m":["2021/01/01","2021-01-01"]}"#, "/m/1"),
        (r#"{"m":[{"a":1},{"a":"x"}]}"#, "/m/1/a"),
        (r#"{"m":9223372036854775808}"#, "/m"),
        (r#"{"m":1e39}"#, "/m"),
    ] {
        let check = |known| mapping(&json!({})).check("id", &raw_text(text), &There(known));
        assert_eq!(
            check(false).map_err(|unmappable| unmappable.pointer),
            Err(pointer.to_owned()),
            "{text}"
        );
        assert!(check(true).is_ok(), "{text}");
    }
}

#[test]
fn what_no_index_takes_as_a_mapping() {
    for (field, pointer) in [
        (json!({"type": "strnig"}), "/type"),
        (json!({"type": 5}), "/type"),
        (json!("keyword"), ""),
        (json!({}), ""),
        (
            json!({"type": "keyword", "ignore_abvoe": 3}),
            "/ignore_abvoe",
        ),
        (
            json!({"type": "keyword", "ignore_above": -1}),
            "/ignore_above",
        ),
        (json!({"type": "keyword", "properties": {}}), "/properties"),
        (json!({"type": "keyword", "coerce": true}), "/coerce"),
        (json!({"type": "keyword", "index": "yes"}), "/index"),
        (
            json!({"type": "date", "format": "no such format"}),
            "/format",
        ),
        (json!({"type": "text", "analyzer": "nope"}), "/analyzer"),
        (json!({"type": "text", "fields": "x"}), "/fields"),
        (
            json!({"type": "text", "fields": {"r": "keyword"}}),
            "/fields/r",
        ),
        (
            json!({"type": "text", "fields": {"r": {"type": 5}}}),
            "/fields/r/type",
        ),
        (json!({"type": "object", "dynamic": "maybe"}), "/dynamic"),
        (json!({"type": "long", "null_value": "x"}), "/null_value"),
        (json!({"type": "alias", "path": "nowhere"}), "/path"),
    ] {
        let mappings = json!({"properties": {"q": field}});
        assert_eq!(
            Mapping::read(Some(&mappings), None).map_err(|bad| bad.pointer),
            Err(format!("/properties/q{pointer}")),
            "{mappings}"
        );
    }
}

#[test]
fn copies_are_known_from_wherever_they_come() {
    let copying = json!({"type": "keyword", "copy_to": "all"});
    let mappings = json!({"properties": {
        "all": {"type": "text"},
        "a": copying,
        "o": {"properties": {"b": copying}},
        "n": {"type": "nested", "properties": {"c": copying}},
        "s": {"type": "object", "subobjects": false, "properties": {"d.e": copying}},
    }});
    let mapping = Mapping::read(Some(&mappings), None).expect("a mapping");
    assert_eq!(mapping.copied_to("all"), ["a", "n.c", "o.b", "s.d.e"]);
    let mappings = json!({"properties": {
        "f": {"type": "flattened"},
        "a": {"type": "keyword", "copy_to": ["f.k", "f.k.l", "fk"]},
    }});
    let mapping = Mapping::read(Some(&mappings), None).expect("a mapping");
    let below = [("k", "a"), ("k.l", "a")].map(|(key, from)| (key.to_owned(), from.to_owned()));
    assert_eq!(mapping.copied_below("f"), below);
}

#[test]
fn copies_and_aliases_stay_within_their_nested_object() {
    let copying = |target: &str| json!({"type": "keyword", "copy_to": target});
    let alias = |target: &str| json!({"type": "alias", "path": target});
    for (field, inner, is_taken) in [
        (copying("root"), copying("n.all"), true),
        (copying("root"), copying("root"), true),
        (copying("root"), copying("n.new"), true),
        (copying("n.all"), copying("root"), false),
        (copying("root"), copying("m.all"), false),
        (alias("root"), alias("n.all"), true),
        (alias("n.all"), alias("n.all"), false),
        (alias("root"), alias("root"), false),
    ] {
        let all = json!({"type": "keyword"});
        let mappings = json!({"properties": {
            "root": {"type": "keyword"},
            "field": field,
            "n": {"type": "nested", "properties": {"all": all, "inner": inner}},
            "m": {"type": "nested", "properties": {"all": all}},
        }});
        let read = Mapping::read(Some(&mappings), None);
        assert_eq!(read.is_ok(), is_taken, "{mappings}");
    }
}

#[test]
fn no_copy_goes_to_an_object() {
    let copying = json!({"type": "keyword", "copy_to": "target"});
    for target in [
        json!({"properties": {}}),
        json!({"type": "nested"}),
        json!({"type": "object", "subobjects": false}),
    ] {
        for around in [
            json!({"properties": {"a": copying}}),
            json!({"type": "object", "subobjects": false, "properties": {"a": copying}}),
        ] {
            let mappings = json!({"properties": {"target": target, "o": around}});
            let refused = Mapping::read(Some(&mappings), None).map_err(|bad| bad.pointer);
            let pointer = "/properties/o/properties/a/copy_to".to_owned();
            assert_eq!(refused.err(), Some(pointer), "{mappings}");
        }
    }
}

#[test]
fn a_metric_has_doc_values() {
    for (kind, metric) in [("long", "gauge"), ("geo_point", "position")] {
        let field = json!({"type": kind, "time_series_metric": metric, "doc_values": false});
        let mappings = json!({"properties": {"f": field}});
        let refused = Mapping::read(Some(&mappings), None).map_err(|bad| bad.pointer);
        assert_eq!(
            refused.err().as_deref(),
            Some("/properties/f/time_series_metric")
        );
    }
}

#[test]
fn a_nested_object_has_no_time_series_dimension() {
    let dimension = json!({"properties": {"p": {"type": "ip", "time_series_dimension": true}}});
    let mut nested = dimension.clone();
    nested["type"] = "nested".into();
    let read = |field: &Value| Mapping::read(Some(&json!({"properties": {"f": field}})), None);
    assert!(read(&dimension).is_ok());
    let refused = read(&nested).map_err(|bad| bad.pointer);
    assert_eq!(refused, Err("/properties/f".to_owned()));
}

#[test]
fn a_dimension_has_no_normalizer() {
    let field = |dimension: Value| json!({"type": "keyword", "normalizer": "lowercase", "time_series_dimension": dimension});
    let read = |field: Value| Mapping::read(Some(&json!({"properties": {"f": field}})), None);
    assert!(read(field(json!("false"))).is_ok());
    for dimension in [json!(true), json!("true")] {
        let refused = read(field(dimension)).map_err(|bad| bad.pointer);
        assert_eq!(refused, Err("/properties/f/normalizer".to_owned()));
    }
}

#[test]
fn an_alias_leads_to_no_place_within_a_value() {
    let read = |path: &str| {
        let range = json!({"type": "long_range", "fields": {"raw": {"type": "keyword"}}});
        let alias = json!({"type": "alias", "path": path});
        let mappings = json!({"properties": {"range": range, "other": alias}});
        Mapping::read(Some(&mappings), None).map_err(|bad| bad.pointer)
    };
    assert!(read("range").is_ok());
    assert!(read("range.raw").is_ok());
    for path in ["range.gte", "range.raw.x"] {
        assert_eq!(
            read(path).map(drop),
            Err("/properties/other/path".to_owned()),
            "{path}"
        );
    }
}
