use super::{check::shown_findings, *};
use serde_json::json;

fn read(value: Value) -> Specification {
    Specification::read(&value, "i.c").unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn findings(specification: &Specification, document: &Value) -> Vec<String> {
    let document = document.as_object().unwrap();
    let found = specification.check(Some("x"), document);
    let told = found
        .into_iter()
        .map(|one| format!("{}: {}", one.path.join("."), one.message));
    told.collect()
}

#[test]
fn what_is_wrong_with_a_specification_is_named() {
    for (bad, why) in [
        (
            json!({"field": {}}),
            "unexpected properties (allowed: strict, fields, validators)",
        ),
        (json!({"strict": 1}), "i.c.strict"),
        (
            json!({"fields": {"a": {}}}),
            "Missing property \"type\" in field \"i.c.a\"",
        ),
        (
            json!({"fields": {"a": {"type": "text"}}}),
            "unknown type \"text\"",
        ),
        (
            json!({"fields": {"a": {"type": "geo_shape"}}}),
            "not supported",
        ),
        (
            json!({"fields": {"a": {"type": "string", "max": 3}}}),
            "unexpected properties",
        ),
        (
            json!({"fields": {"a": {"type": "string", "typeOptions": {"range": {}}}}}),
            "(allowed: length)",
        ),
        (
            json!({"fields": {"a": {"type": "integer", "typeOptions": {"range": {"min": 3, "max": 2}}}}}),
            "invalid range",
        ),
        (json!({"fields": {"a": {"type": "enum"}}}), "\"values\""),
        (
            json!({"fields": {"a": {"type": "enum", "typeOptions": {"values": [1]}}}}),
            "string[]",
        ),
        (
            json!({"fields": {"a": {"type": "date", "typeOptions": {"formats": ["soon"]}}}}),
            "soon",
        ),
        (
            json!({"fields": {"a": {"type": "date", "typeOptions": {"range": {"min": "NOW"}}}}}),
            "NOW",
        ),
        (
            json!({"fields": {"a/b": {"type": "string"}}}),
            "parent field of the field \"a.b\"",
        ),
        (
            json!({"fields": {"a": {"type": "string"}, "a/b": {"type": "string"}}}),
            "children",
        ),
        (
            json!({"fields": {"a": {"type": "string", "multivalued": {}}}}),
            "\"value\"",
        ),
        (
            json!({"fields": {"a": {"type": "string", "multivalued": {"value": false, "minCount": 1}}}}),
            "minCount",
        ),
        (json!({"validators": [{"equal": {"a": 1}}]}), "filters"),
    ] {
        let faults = Specification::read(&bad, "i.c").unwrap_err();
        assert!(
            faults.iter().any(|fault| fault.contains(why)),
            "{bad}: {faults:?}"
        );
    }
    let both = json!({"fields": {"a": {"type": "x"}, "b": {"type": "y"}}});
    assert_eq!(Specification::read(&both, "i.c").unwrap_err().len(), 2);
}

#[test]
fn every_type_takes_its_values_and_no_others() {
    let cases = [
        (
            json!({"type": "string", "typeOptions": {"length": {"min": 2, "max": 3}}}),
            vec![json!("ab"), json!("abc")],
            vec![json!("a"), json!("abcd"), json!(5)],
        ),
        (
            json!({"type": "integer", "typeOptions": {"range": {"min": 1}}}),
            vec![json!(1), json!(2.0)],
            vec![json!(0), json!(1.5), json!("1")],
        ),
        (
            json!({"type": "numeric", "typeOptions": {"range": {"max": 1.5}}}),
            vec![json!(-3), json!(1.5)],
            vec![json!(2), json!(true)],
        ),
        (
            json!({"type": "boolean"}),
            vec![json!(true)],
            vec![json!("true"), json!(0)],
        ),
        (
            json!({"type": "enum", "typeOptions": {"values": ["a", "b"]}}),
            vec![json!("a")],
            vec![json!("c"), json!(1)],
        ),
        (
            json!({"type": "email"}),
            vec![json!("a.b@c-d.org"), json!("")],
            vec![
                json!("a@b"),
                json!("@b.org"),
                json!("a b@c.org"),
                json!("a@b.1"),
            ],
        ),
        (
            json!({"type": "email", "typeOptions": {"notEmpty": true}}),
            vec![json!("a@b.org")],
            vec![json!("")],
        ),
        (
            json!({"type": "ip_address"}),
            vec![json!("10.0.0.1"), json!("::1")],
            vec![json!("10.0.0"), json!("x")],
        ),
        (
            json!({"type": "url"}),
            vec![
                json!("https://a.org:80/x?y#z"),
                json!("a.org"),
                json!("http://u@10.0.0.1/"),
            ],
            vec![
                json!("http://"),
                json!("file://a.org"),
                json!("a b.org"),
                json!("http://a.org:0"),
            ],
        ),
        (
            json!({"type": "geo_point"}),
            vec![json!({"lat": 1, "lon": 2})],
            vec![json!("a b"), json!({"lat": 1})],
        ),
        (
            json!({"type": "anything"}),
            vec![json!(1), json!({"x": 1})],
            vec![],
        ),
        (json!({"type": "object"}), vec![json!({})], vec![json!("x")]),
        (
            json!({"type": "date"}),
            vec![json!(1_700_000_000_000_i64)],
            vec![json!("2020-01-01"), json!("x")],
        ),
        (
            json!({"type": "date", "typeOptions": {"formats": ["strict_date", "epoch_second"], "range": {"min": "2000-01-01", "max": "2030-01-01"}}}),
            vec![json!("2020-01-01"), json!(1_600_000_000)],
            vec![json!("1999-12-31"), json!("2031-01-01"), json!("2020-1-1")],
        ),
    ];
    for (field, good, bad) in cases {
        let specification = read(json!({"fields": {"f": field.clone()}}));
        for value in good {
            assert_eq!(
                findings(&specification, &json!({"f": value})),
                [""; 0],
                "{field}"
            );
        }
        for value in bad {
            assert_eq!(
                findings(&specification, &json!({"f": value})).len(),
                1,
                "{field}: {value}"
            );
        }
    }
}

#[test]
fn documents_are_held_against_all_of_it() {
    let specification = read(json!({
        "strict": true,
        "fields": {
            "name": {"type": "string", "mandatory": true},
            "kind": {"type": "string", "mandatory": true, "defaultValue": "city"},
            "tags": {"type": "string", "multivalued": {"value": true, "minCount": 1, "maxCount": 2}},
            "o": {"type": "object", "typeOptions": {"strict": false}},
            "o/a": {"type": "integer", "mandatory": true},
            "l": {"type": "object", "multivalued": {"value": true}},
            "l/b": {"type": "boolean", "defaultValue": true},
        },
        "validators": [{"not": {"equals": {"name": "none"}}}],
    }));
    assert_eq!(
        findings(
            &specification,
            &json!({"name": "x", "_kuzzle_info": {}, "o": {"a": 1, "z": 1}, "tags": ["a"]})
        ),
        [""; 0]
    );
    for (document, wrong) in [
        (json!({}), "name: The field is mandatory."),
        (json!({"name": null}), "name: The field is mandatory."),
        (
            json!({"name": "x", "z": 1}),
            ": The document validation is strict. Cannot add unspecified sub-field \"z\"",
        ),
        (
            json!({"name": ["x"]}),
            "name: The field is not a multivalued field; Multiple values provided.",
        ),
        (
            json!({"name": "x", "tags": "a"}),
            "tags: The field must be multivalued, unary value provided.",
        ),
        (
            json!({"name": "x", "tags": []}),
            "tags: Not enough elements. Minimum count is set to 1.",
        ),
        (
            json!({"name": "x", "tags": ["a", "b", "c"]}),
            "tags: Too many elements. Maximum count is set to 2.",
        ),
        (
            json!({"name": "x", "o": {}}),
            "o.a: The field is mandatory.",
        ),
        (
            json!({"name": "x", "l": [{"b": true}, {"c": 1}]}),
            "l: The field is set to \"strict\"; cannot add unspecified sub-field \"c\".",
        ),
        (
            json!({"name": "none"}),
            ": The document does not match validation filters.",
        ),
    ] {
        assert_eq!(findings(&specification, &document), [wrong], "{document}");
    }
    let found = specification.check(None, json!({"o": {}, "z": 1}).as_object().unwrap());
    assert_eq!(
        shown_findings(&found),
        json!({
            "documentScope": ["The document validation is strict. Cannot add unspecified sub-field \"z\""],
            "fieldScope": {"children": {
                "name": {"messages": ["The field is mandatory."]},
                "o": {"children": {"a": {"messages": ["The field is mandatory."]}}},
            }},
        })
    );
    let mut document = json!({"name": "x", "l": [{}, {"b": false}]})
        .as_object()
        .unwrap()
        .clone();
    assert!(specification.complete(&mut document, false));
    assert_eq!(
        Value::Object(document),
        json!({"name": "x", "kind": "city", "l": [{"b": true}, {"b": false}]})
    );
    let mut changes = json!({"kind": null}).as_object().unwrap().clone();
    assert!(specification.complete(&mut changes, true));
    assert_eq!(Value::Object(changes), json!({"kind": "city"}));
    assert!(!specification.complete(&mut Map::new(), true));
}
