//! Schemas and the sentences that tell what breaks them.

use super::*;
use serde_json::json;

fn told(schema: Value, instance: Value) -> Vec<(String, String, String)> {
    let violations = Schema::compile(&schema)
        .unwrap()
        .check(&instance)
        .unwrap_err();
    violations
        .into_iter()
        .map(|v| (v.pointer, v.rule, v.message))
        .collect()
}

fn one(property: Value, value: Value) -> (String, String, String) {
    told(
        json!({"type": "object", "properties": {"a/b": property}}),
        json!({"a/b": value}),
    )
    .swap_remove(0)
}

#[test]
fn each_keyword_has_a_sentence() {
    let cases = [
        (
            json!({"type": "string"}),
            json!(1),
            "type",
            "must be a text, not 1",
        ),
        (
            json!({"type": ["object", "null"]}),
            json!([]),
            "type",
            "must be null or an object, not a list",
        ),
        (
            json!({"enum": ["x", 1]}),
            json!("y"),
            "enum",
            "must be one of \"x\", 1, not \"y\"",
        ),
        (
            json!({"const": true}),
            json!(false),
            "const",
            "must be true, not false",
        ),
        (
            json!({"minLength": 1}),
            json!(""),
            "minLength",
            "must not be empty",
        ),
        (
            json!({"maxLength": 2}),
            json!("abc"),
            "maxLength",
            "must have at most 2 characters",
        ),
        (
            json!({"minItems": 1}),
            json!([]),
            "minItems",
            "must list at least one",
        ),
        (
            json!({"maxItems": 1}),
            json!([1, 2]),
            "maxItems",
            "must list at most 1",
        ),
        (
            json!({"minimum": 1}),
            json!(0),
            "minimum",
            "must be at least 1, not 0",
        ),
        (
            json!({"maximum": 1}),
            json!(2.5),
            "maximum",
            "must be at most 1, not 2.5",
        ),
        (
            json!({"pattern": "^a$"}),
            json!("b"),
            "pattern",
            "must match `^a$`, not \"b\"",
        ),
        (
            json!({"uniqueItems": true}),
            json!([1, 1]),
            "uniqueItems",
            "must not list anything twice",
        ),
        (json!(false), json!(1), "false", "must not be sent"),
        (
            json!({"readOnly": true}),
            json!(null),
            "readOnly",
            "must not be sent: it is read-only",
        ),
        (
            json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
            json!(1),
            "anyOf",
            "1 is none of the forms allowed here",
        ),
        (
            json!({"format": "date"}),
            json!("1988-02-30"),
            "format",
            "must be a valid date, not \"1988-02-30\"",
        ),
        (
            json!({"format": "mail"}),
            json!("a"),
            "format",
            "must be an e-mail address, not \"a\"",
        ),
        (
            json!({"minProperties": 1}),
            json!({}),
            "minProperties",
            "must have at least 1 fields",
        ),
        (
            json!({"multipleOf": 2}),
            json!(3),
            "multipleOf",
            "breaks the rule `multipleOf`",
        ),
    ];
    for (schema, value, rule, sentence) in cases {
        let (pointer, found, message) = one(schema.clone(), value);
        assert_eq!(
            (pointer.as_str(), found.as_str(), message.as_str()),
            ("/a~1b", rule, sentence),
            "{schema}"
        );
    }
    assert_eq!(
        one(json!({"readOnly": false, "type": "null"}), json!(1)).1,
        "type"
    );
}

#[test]
fn long_values_are_not_repeated() {
    assert_eq!(
        one(json!({"format": "mail"}), json!("x".repeat(5000))).2,
        "must be an e-mail address, not a text of another kind"
    );
    let extra = told(
        json!({"type": "object", "additionalProperties": false}),
        json!({"é".repeat(5000): 1}),
    );
    assert!(extra[0].2.len() < 300, "{}", extra[0].2.len());
}

#[test]
fn extra_fields_are_told_each_with_the_near_name_of_its_own_object() {
    let schema = json!({"type": "object", "properties": {"name": {}, "at": {"type": "object", "properties": {"city": {}}, "additionalProperties": false}}, "additionalProperties": false});
    let found = told(schema, json!({"nam": 1, "zzz": 2, "at": {"citty": 1}}));
    let told: Vec<(&str, &str)> = found
        .iter()
        .map(|(pointer, _, message)| (pointer.as_str(), message.as_str()))
        .collect();
    assert!(
        told.contains(&("/nam", "there is no field `nam` here: did you mean `name`?")),
        "{told:?}"
    );
    assert!(
        told.contains(&("/zzz", "there is no field `zzz` here")),
        "{told:?}"
    );
    assert!(
        told.contains(&(
            "/at/citty",
            "there is no field `citty` here: did you mean `city`?"
        )),
        "{told:?}"
    );
}

#[test]
fn wrong_schemas_do_not_compile() {
    for schema in [
        json!({"type": "sting"}),
        json!({"properties": []}),
        json!({"format": "no-such"}),
        json!({"pattern": "("}),
        json!({"$ref": "#/nowhere"}),
    ] {
        assert!(Schema::compile(&schema).is_err(), "{schema}");
    }
}

#[test]
fn formats_know_their_own() {
    let check = |name: &str, text: &str| {
        (format::ALL
            .iter()
            .find(|format| format.name == name)
            .unwrap()
            .check)(text)
    };
    for good in ["a@b.co", "meera.nair+x@mail.example.org", "a_b-c@x-y.info"] {
        assert!(check("mail", good), "{good}");
    }
    for bad in [
        "",
        "a",
        "a@b",
        "a@b.c",
        "a@@b.co",
        ".a@b.co",
        "a..b@c.de",
        "a b@c.de",
        "a@b.c1",
        "a@.co",
        "é@b.co",
    ] {
        assert!(!check("mail", bad), "{bad}");
    }
    for (name, good, bad) in [
        ("phone", ["9845012367", "0123"], ["+919845012367", "12a4"]),
        ("country-code", ["+91", "1"], ["+", "+1234"]),
        (
            "web-address",
            ["https://x.org", "http://localhost:1/a?b"],
            ["ftp://x.org", "https://a b"],
        ),
        ("not-blank", ["a", " a "], ["", " \t"]),
        ("collection-name", ["a", "0-_"], ["", "A"]),
        ("document-id", ["a", " "], ["", "\u{0}"]),
    ] {
        assert!(good.iter().all(|text| check(name, text)), "{name}");
        assert!(!bad.iter().any(|text| check(name, text)), "{name}");
    }
}
