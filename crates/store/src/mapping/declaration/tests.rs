use crate::contract::declarable;
use crate::mapping::{BadMapping, Mapping};
use serde_json::{Value, json};

fn check(mappings: &Value, settings: Option<&Value>) -> Result<(), BadMapping> {
    Mapping::read(Some(mappings), settings).map(drop)
}

fn one(field: &Value) -> Value {
    json!({"properties": {"f": field}})
}

#[test]
fn fields_are_taken_and_refused_as_by_an_index() {
    for field in declarable::taken() {
        assert_eq!(check(&one(&field), None), Ok(()), "{field}");
    }
    for (field, at) in declarable::refused() {
        let found = check(&one(&field), None).map_err(|bad| bad.pointer);
        assert_eq!(found, Err(format!("/properties/f{at}")), "{field}");
    }
}

#[test]
fn what_stands_beside_the_fields_is_checked_too() {
    let template = |template: Value| json!({"dynamic_templates": [{"t": template}]});
    let taken = [
        json!({}),
        json!({"dynamic": "strict", "date_detection": "true", "dynamic_date_formats": ["yyyy"]}),
        json!({"dynamic_templates": [], "_meta": {"a": 1}, "_source": {"enabled": true}}),
        template(json!({"match": "*", "mapping": {"type": "keyword"}})),
        template(json!({"match": "*", "mapping": {"type": "{dynamic_type}", "index": false}})),
        json!({"properties": {"a": {"type": "alias", "path": "t.raw"}, "t": {"type": "text", "fields": {"raw": {"type": "keyword"}}}}}),
    ];
    for mappings in taken {
        assert_eq!(check(&mappings, None), Ok(()), "{mappings}");
    }
    let refused = [
        (json!([]), ""),
        (json!({"property": {}}), "/property"),
        (json!({"dynamic": "often"}), "/dynamic"),
        (json!({"dynamic": 5}), "/dynamic"),
        (json!({"date_detection": "x"}), "/date_detection"),
        (
            json!({"dynamic_date_formats": ["nope o"]}),
            "/dynamic_date_formats/0",
        ),
        (json!({"dynamic_templates": {}}), "/dynamic_templates"),
        (json!({"dynamic_templates": ["x"]}), "/dynamic_templates/0"),
        (template(json!({"match": "*"})), "/dynamic_templates/0/t"),
        (
            template(json!({"matchx": "*", "mapping": {}})),
            "/dynamic_templates/0/t/matchx",
        ),
        (
            template(json!({"match": "*", "mapping": {"type": "nope"}})),
            "/dynamic_templates/0/t/mapping/type",
        ),
        (json!({"_meta": 5}), "/_meta"),
        (json!({"_source": {"x": 1}}), "/_source/x"),
        (json!({"_source": {"enabled": false}}), "/_source/enabled"),
        (
            json!({"_source": {"excludes": ["_c*"]}}),
            "/_source/excludes",
        ),
        (json!({"_source": {"mode": "synthetic"}}), "/_source/mode"),
        (json!({"properties": 5}), "/properties"),
        (
            json!({"properties": {"a..b": {"type": "text"}}}),
            "/properties/a..b",
        ),
        (
            json!({"properties": {"": {"type": "text"}}}),
            "/properties/",
        ),
        (
            json!({"properties": {"_id": {"type": "keyword"}}}),
            "/properties/_id",
        ),
        (
            json!({"properties": {"_consign": {"type": "keyword"}}}),
            "/properties/_consign",
        ),
    ];
    for (mappings, at) in refused {
        let found = check(&mappings, None).map_err(|bad| bad.pointer);
        assert_eq!(found, Err(at.to_owned()), "{mappings}");
    }
}

#[test]
fn settings_define_analyzers_however_they_are_spelled() {
    let field = one(&json!({"type": "text", "analyzer": "mine"}));
    let dotted = json!({"index.analysis.analyzer.mine.type": "custom"});
    let nested = json!({"analysis": {"analyzer": {"mine": {"type": "custom"}}}});
    for settings in [dotted, nested] {
        assert_eq!(check(&field, Some(&settings)), Ok(()), "{settings}");
    }
    assert!(check(&field, Some(&json!({"analysis": {"filter": {"mine": {}}}}))).is_err());
}

#[test]
fn nothing_panics_whatever_the_json() {
    let words = [
        "type",
        "fields",
        "properties",
        "keyword",
        "text",
        "format",
        "dynamic",
        "alias",
    ];
    let mut random = 2026_u64;
    for _ in 0..400 {
        let mut value = json!("date");
        for _ in 0..20 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let draw = (random >> 33) as usize;
            let word = words[draw / 8 % words.len()];
            value = match draw % 6 {
                0 => json!({word: value}),
                1 => json!([value]),
                2 => json!({"type": word, word: value}),
                3 => json!({"properties": {word: value}}),
                4 => json!({"properties": {"a.b": {"type": word, "fields": value}}}),
                _ => json!({"dynamic_templates": [{word: {"mapping": value}}]}),
            };
            let _ = check(&value, Some(&value));
            if let Value::Object(given) = &value {
                let _ = crate::mapping::change::put_mappings(Some(&value), given, None);
                let _ = crate::mapping::change::put_mappings(None, given, None);
            }
        }
    }
}
