//! What is taken, what it becomes, and what is said of what is not.

use crate::{Accepted, AcceptedRequest, Catalog, Invalid, Seed};
use event_schema::id::RequestId;
use json_text::ScannedJson;
use serde_json::{Value, json};

const SEED: Seed = Seed {
    unique: [7; 16],
    now: 1_773_481_267_512,
};

fn accept(operation: &str, request: &str) -> Result<AcceptedRequest, Invalid> {
    Catalog::builtin()
        .unwrap()
        .operation(operation)
        .unwrap()
        .accept(&scanned(request), &SEED)
}

fn scanned(request: &str) -> ScannedJson {
    ScannedJson::scan(request.to_owned().into(), 500).unwrap()
}

fn one(operation: &str, request: &str) -> Accepted {
    match accept(operation, request).unwrap() {
        AcceptedRequest::One(accepted) => *accepted,
        AcceptedRequest::Many(_) => panic!("one was expected"),
    }
}

fn many(operation: &str, request: &str) -> Vec<Result<Accepted, Invalid>> {
    match accept(operation, request).unwrap() {
        AcceptedRequest::Many(items) => items,
        AcceptedRequest::One(_) => panic!("many were expected"),
    }
}

/// (pointer, rule) of each violation.
fn broken(operation: &str, request: &str) -> Vec<(String, String)> {
    accept(operation, request)
        .unwrap_err()
        .0
        .into_iter()
        .map(|v| (v.pointer, v.rule))
        .collect()
}

fn first(operation: &str, request: &str) -> (String, String) {
    broken(operation, request).swap_remove(0)
}

fn pair(pointer: &str, rule: &str) -> (String, String) {
    (pointer.to_owned(), rule.to_owned())
}

#[test]
fn a_request_passes_through_to_the_byte() {
    let text = r#"{"index":"geo", "collection":"cities","_id":"a/b","body":{ "n" : 1.10,"big":18446744073709551615 }}"#;
    let accepted = one("document.create", text);
    assert_eq!(accepted.request.get(), text);
    assert_eq!(accepted.key.0, "geo/cities/a/b");
    assert_eq!(
        accepted.collections,
        [("geo".to_owned(), "cities".to_owned())]
    );
    assert_eq!(
        (
            accepted.unique,
            accepted.generated.len(),
            accepted.if_version
        ),
        (SEED.unique, 0, None)
    );
}

#[test]
fn what_stands_beside_the_event_is_taken_out() {
    let accepted = one(
        "document.update",
        r#"{"index":"i","volatile":{"a": 1},"collection":"c","_id":"1","body":{},"if_version":3.0}"#,
    );
    assert_eq!(accepted.volatile.unwrap().get(), r#"{"a": 1}"#);
    assert_eq!(
        accepted.request.get(),
        r#"{"index":"i","collection":"c","_id":"1","body":{},"if_version":3.0}"#
    );
    assert_eq!(accepted.if_version, Some(3));
    assert!(
        one(
            "document.delete",
            r#"{"index":"i","collection":"c","_id":"1","volatile":null}"#
        )
        .volatile
        .is_none()
    );
}

#[test]
fn ids_derive_from_the_request_alone() {
    let text = r#"{"index":"i","collection":"c","body":{}}"#;
    let accepted = one("document.create", text);
    let id = accepted.generated["_id"].as_str().unwrap();
    assert_eq!(accepted.key.0, format!("i/c/{id}"));
    assert_eq!((id.len(), &id[14..15]), (36, "4"));
    let later = Seed {
        now: SEED.now + 1,
        ..SEED
    };
    let AcceptedRequest::One(again) = Catalog::builtin()
        .unwrap()
        .operation("document.create")
        .unwrap()
        .accept(&scanned(text), &later)
        .unwrap()
    else {
        panic!("one was expected")
    };
    assert_eq!(again.generated, accepted.generated);
}

#[test]
fn what_is_not_a_request_is_said_so() {
    for text in ["[]", "1", "\"a\"", "null"] {
        assert_eq!(first("document.create", text), pair("", "type"), "{text:?}");
    }
}

#[test]
fn violations_have_pointer_and_rule() {
    let id_of =
        |id: &str| json!({"index": "i", "collection": "c", "_id": id, "body": {}}).to_string();
    assert_eq!(broken("document.create", "{}").len(), 3);
    assert_eq!(first("document.create", "{}"), pair("", "required"));
    assert_eq!(
        first(
            "document.create",
            r#"{"index":"i","collection":"c","body":[]}"#
        ),
        pair("/body", "type")
    );
    assert_eq!(
        first(
            "document.create",
            r#"{"index":"i","collection":"c","body":{},"bdy/":1}"#
        ),
        pair("/bdy~1", "additionalProperties")
    );
    for index in ["", "I", "a b", "é", "a/b", &"a".repeat(101)] {
        let text = json!({"index": index, "collection": "c", "body": {}}).to_string();
        assert_eq!(
            first("document.create", &text),
            pair("/index", "format"),
            "{index:?}"
        );
    }
    for id in ["", "a\nb", "a\u{7f}", &"é".repeat(257)] {
        assert_eq!(
            first("document.create", &id_of(id)),
            pair("/_id", "format"),
            "{id:?}"
        );
    }
    for id in [" ", "a/b", &"é".repeat(256)] {
        assert!(accept("document.create", &id_of(id)).is_ok(), "{id:?}");
    }
    assert_eq!(
        first(
            "document.create",
            r#"{"index":"i","collection":"c","_id":5,"body":{}}"#
        ),
        pair("/_id", "type")
    );
    for version in ["0", "-1", "1.5", "\"1\"", "null"] {
        let text = format!(r#"{{"index":"i","collection":"c","_id":"1","if_version":{version}}}"#);
        assert_eq!(
            first("document.delete", &text).0,
            "/if_version",
            "{version}"
        );
    }
}

#[test]
fn a_misspelt_field_is_told_the_near_name() {
    let invalid = accept(
        "document.create",
        r#"{"index":"i","colection":"c","body":{}}"#,
    )
    .unwrap_err();
    let messages: Vec<_> = invalid.0.iter().map(|v| v.message.as_str()).collect();
    assert!(
        messages.contains(&"there is no field `colection` here: did you mean `collection`?"),
        "{messages:?}"
    );
    assert!(
        messages.contains(&"the field `collection` is missing"),
        "{messages:?}"
    );
}

#[test]
fn at_most_twenty_violations_are_told() {
    let extra: serde_json::Map<String, Value> =
        (0..100).map(|n| (format!("x{n}"), Value::Null)).collect();
    assert_eq!(
        broken("document.create", &Value::Object(extra).to_string()).len(),
        20
    );
}

#[test]
fn bodies_that_a_store_would_refuse_are_refused_here() {
    let body = |body: Value| json!({"index": "i", "collection": "c", "body": body}).to_string();
    assert_eq!(
        first("document.create", &body(json!({"_id": 1}))),
        pair("/body/_id", "reserved")
    );
    assert_eq!(
        first("document.create", &body(json!({"_consign": {}}))),
        pair("/body/_consign", "reserved")
    );
    assert_eq!(
        first("document.create", &body(json!({"a": [{}, {"b..c": 1}]}))),
        pair("/body/a/1/b..c", "fieldName")
    );
    assert!(
        accept(
            "document.create",
            &body(json!({"a": {"_id": 1}, "_kuzzle_info": {}, "a.b": 1}))
        )
        .is_ok()
    );
    assert_eq!(
        first(
            "document.upsert",
            r#"{"index":"i","collection":"c","_id":"1","changes":{},"default":{"":1}}"#
        ),
        pair("/default/", "fieldName")
    );
}

#[test]
fn documents_that_operations_own_are_closed() {
    let request = r#"{"index":"sunbird","collection":"location","_id":"1","body":{}}"#;
    assert_eq!(
        first("document.create", request),
        pair("/collection", "owned")
    );
    assert!(
        accept(
            "realtime.publish",
            r#"{"index":"sunbird","collection":"location","body":{}}"#
        )
        .is_ok()
    );
}

#[test]
fn many_documents_are_many_events() {
    let text = r#"{"index":"i","collection":"c","volatile":{"v":1},"documents":[{"_id":"1","body":{"a": 1.0}},{"body":{}},{"_id":"","body":{}},7,{"index":"j","body":{}},{"_id":"2"}]}"#;
    let items = many("document.mCreate", text);
    let first = items[0].as_ref().unwrap();
    assert_eq!(first.operation, "document.create");
    assert_eq!(
        first.request.get(),
        r#"{"index":"i","collection":"c","_id":"1","body":{"a": 1.0}}"#
    );
    assert_eq!(
        (first.key.0.as_str(), first.unique),
        ("i/c/1", RequestId::child(&SEED.unique, 0))
    );
    assert_eq!(first.volatile.as_ref().unwrap().get(), r#"{"v":1}"#);
    let second = items[1].as_ref().unwrap();
    assert_eq!(second.unique, RequestId::child(&SEED.unique, 1));
    assert!(second.generated.contains_key("_id"));
    let told = |n: usize| {
        let violation = items[n].as_ref().unwrap_err().0[0].clone();
        (violation.pointer, violation.rule)
    };
    assert_eq!(told(2), pair("/documents/2/_id", "format"));
    assert_eq!(told(3), pair("/documents/3", "type"));
    assert_eq!(told(4), pair("/documents/4/index", "additionalProperties"));
    assert_eq!(told(5), pair("/documents/5", "required"));
}

#[test]
fn many_ids_are_many_deletes() {
    let items = many(
        "document.mDelete",
        r#"{"index":"i","collection":"c","ids":["1","a\"b",3]}"#,
    );
    assert_eq!(
        items[1].as_ref().unwrap().request.get(),
        r#"{"index":"i","collection":"c","_id":"a\"b"}"#
    );
    assert_eq!(items[2].as_ref().unwrap_err().0[0].pointer, "/ids/2");
}

#[test]
fn the_list_itself_has_rules() {
    assert_eq!(
        first(
            "document.mCreate",
            r#"{"index":"i","collection":"c","documents":[]}"#
        ),
        pair("/documents", "minItems")
    );
    assert_eq!(
        first(
            "document.mCreate",
            r#"{"index":"i","collection":"c","documents":{}}"#
        ),
        pair("/documents", "type")
    );
    assert_eq!(
        first("document.mCreate", r#"{"index":"i","collection":"c"}"#),
        pair("", "required")
    );
    let too_many = json!({"index": "i", "collection": "c", "ids": vec!["1"; 10_001]}).to_string();
    assert_eq!(
        first("document.mDelete", &too_many),
        pair("/ids", "maxItems")
    );
    assert_eq!(
        many("document.mDelete", &too_many.replacen("\"1\",", "", 1)).len(),
        10_000
    );
}
