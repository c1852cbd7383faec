//! Definitions that mean nothing stop the start, with a sentence that names the place.

use crate::Catalog;
use serde_json::{Value, json};

/// One sound operation with one change to it.
fn told(change: impl Fn(&mut Value)) -> String {
    let mut definitions = json!({
        "tables": [{"name": "t", "owner": "thing", "partition_key": ["id"], "columns": {"id": "text", "name": "text"}}],
        "collections": [{"index": "a", "collection": "b", "owner": "thing"}],
        "operations": [{
            "name": "thing.create",
            "summary": "Makes a thing.",
            "request": {"type": "object", "properties": {"name": {"type": "string"}, "list": {"type": "array"}}},
            "generate": {"id": "uuid"},
            "let": {"name": {"lower": "$request/name"}},
            "key": {"of": "thing", "id": "$generated/id"},
            "write": [
                {"document": {"index": "a", "collection": "b", "id": "$generated/id"}, "put": {"name": "$let/name"}},
                {"row": {"table": "t", "key": {"id": "$generated/id"}}, "put": {"name": "$let/name"}},
            ],
            "result": {"id": "$generated/id"},
            "examples": [{"title": "One", "request": {"name": "x"}}],
        }],
    });
    change(&mut definitions);
    Catalog::from_definitions(&definitions).map_or_else(|e| e.to_string(), |_| "sound".into())
}

fn with(pointer: &'static str, value: Value) -> impl Fn(&mut Value) {
    move |definitions| {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match definitions.pointer_mut(parent).unwrap() {
            Value::Array(items) if name == "-" => items.push(value.clone()),
            parent => parent[name] = value.clone(),
        }
    }
}

#[test]
fn names_that_lead_nowhere() {
    assert_eq!(told(|_| ()), "sound");
    let expected = "definitions: operation `thing.create`: write[0]: put: name: `$let/nam`: there is no let `nam`: did you mean `name`?";
    assert_eq!(
        told(with("/operations/0/write/0/put/name", json!("$let/nam"))),
        expected
    );
    let cases = [
        (
            told(with("/operations/0/write/1/row/table", json!("tt"))),
            "write[1]: row: no table `tt` is declared under `tables`: did you mean `t`?",
        ),
        (
            told(with("/operations/0/write/1/put", json!({"nam": 1}))),
            "write[1]: table `t` has no column `nam`: did you mean `name`?",
        ),
        (
            told(with("/operations/0/write/1/row/key", json!({}))),
            "write[1]: row: key: the key column `id` is missing",
        ),
        (
            told(with("/operations/0/write/1/row/key/x", json!("1"))),
            "write[1]: row: key: `x` is no key column of `t`",
        ),
        (
            told(with(
                "/operations/0/write/0/document/collection",
                json!("c"),
            )),
            "write[0]: document: no collection `a/c` is declared under `collections`",
        ),
        (
            told(with("/operations/0/raw", json!(["body"]))),
            "raw: the request's schema has no member `body`",
        ),
        (
            told(with("/operations/0/let/name", json!({"lowr": 1}))),
            "let.name: there is no function `lowr`: did you mean `lower`?",
        ),
        (
            told(with("/operations/0/generate/id", json!("uid"))),
            "generate.id: unknown variant `uid`, expected one of `uuid`, `decimal`, `time`",
        ),
        (
            told(with("/operations/0/request/type", json!("sting"))),
            "request: ",
        ),
        (
            told(with("/operations/0/name", json!("Thing"))),
            "name: `Thing` should be words with dots between them",
        ),
    ];
    for (found, expected) in cases {
        assert!(
            found.contains(expected),
            "{found}\n  should have: {expected}"
        );
    }
}

#[test]
fn values_are_used_only_where_they_are_known() {
    let cases = [
        (
            told(with("/operations/0/key/id", json!("$current/document/x"))),
            "key.id: $current cannot be used here",
        ),
        (
            told(with(
                "/operations/0/let/name",
                json!({"lower": {"count": "$request/list"}}),
            )),
            "let.name: lower: argument 1 must be a text, not a number",
        ),
        (
            told(with("/operations/0/let/name", json!("$before/name"))),
            "let.name: $before is known within a write only",
        ),
        (
            told(with(
                "/operations/0/parts",
                json!([{"operation": "thing.creat", "request": {}}]),
            )),
            "parts[0]: there is no operation `thing.creat` without parts of its own",
        ),
        (
            told(with(
                "/operations/0/claims",
                json!([{"take": {"space": "name", "value": "$let/name"}}]),
            )),
            "claims[0]: `rule` and `say` are needed",
        ),
        (
            told(with(
                "/operations/0/look_up",
                json!({"a": {"owner_of": {"space": "name", "value": "$principa"}}}),
            )),
            "look_up.a: value: `$principa` starts from nowhere known: did you mean `principal`?",
        ),
        (
            told(with(
                "/operations/0/write/0/document/id",
                json!("$current/document/x"),
            )),
            "write[0]: which document or row it is about hangs on `$current/document`, which is itself only known late",
        ),
        (
            told(with("/operations/0/write/0/put/name", json!("$item/x"))),
            "write[0]: put: $item cannot be used here",
        ),
        (
            told(with(
                "/operations/0/write/0/put/name",
                json!("$written/document/id"),
            )),
            "write[0]: put: $written cannot be used here",
        ),
        (
            told(with("/operations/0/result/id", json!("$item"))),
            "result: $item cannot be used here",
        ),
        (
            told(with(
                "/operations/0/rules",
                json!([{"that": {"present": "$current/document/a"}, "rule": "r", "say": "s"}]),
            )),
            "rules[0].that: $current cannot",
        ),
        (
            told(with(
                "/operations/0/guards",
                json!([{"that": true, "rule": "r", "code": "version", "say": "s"}]),
            )),
            "guards[0].code: a guard refuses as",
        ),
    ];
    for (found, expected) in cases {
        assert!(
            found.contains(expected),
            "{found}\n  should have: {expected}"
        );
    }
}

#[test]
fn every_row_and_document_has_one_owning_key() {
    let other = told(with("/operations/0/key", json!({"of": "other", "id": "1"})));
    assert!(
        other.contains("`a/b` belongs to keys of `thing`, but the operation's key is other"),
        "{other}"
    );
    let path = told(with("/operations/0/key", json!({"path": ["x"]})));
    assert!(path.contains("the operation's key is a path"), "{path}");
    assert!(told(with("/operations/0/key", json!({"of": "thing"}))).contains("key: is either"));
    assert!(told(with("/operations/0/key", Value::Null)).contains("key: missing"));
}

#[test]
fn writes_do_one_thing() {
    let cases = [
        (
            told(with("/operations/0/write/0/remove", json!(true))),
            "write[0]: does exactly one of",
        ),
        (
            told(with(
                "/operations/0/write/0/row",
                json!({"table": "t", "key": {}}),
            )),
            "write[0]: is about either a document or a row",
        ),
        (
            told(with("/operations/0/write/1/remove_fields", json!(["a"]))),
            "write[1]: does exactly one of",
        ),
        (
            told(with("/operations/0/write/0/expires", json!(1))),
            "expires: only rows expire",
        ),
        (
            told(with(
                "/operations/0/write/-",
                json!({"row": {"table": "t", "key": {"id": "1"}}, "remove": true, "expect": "absent"}),
            )),
            "what is absent can only be put",
        ),
        (
            told(with("/operations/0/write/1/as", json!("document"))),
            "two writes have the same name",
        ),
        (
            told(with("/operations/0/write", json!([]))),
            "an operation that writes nothing is `kind: informative`",
        ),
        (
            told(with("/operations/0/kind", json!("informative"))),
            "an informative operation writes nothing",
        ),
        (
            told(with("/operations/0/examples", json!([]))),
            "they are the operation's documentation",
        ),
        (
            told(with(
                "/operations/0/http",
                json!({"method": "get", "path": "/x"}),
            )),
            "http: method is",
        ),
        (
            told(with(
                "/operations/0/many",
                json!({"of": "x.y", "items": "list"}),
            )),
            "many.of: there is no operation `x.y`",
        ),
    ];
    for (found, expected) in cases {
        assert!(
            found.contains(expected),
            "{found}\n  should have: {expected}"
        );
    }
}

#[test]
fn a_path_that_no_router_holds_is_refused_by_its_segment() {
    let told_of = |path: &str| {
        told(|definitions: &mut Value| {
            definitions["operations"][0]["http"] = json!({"method": "POST", "path": path});
        })
    };
    for segment in ["{id", "id}", "{}", "{a{b}", "x{id}", "{*rest}", "{{id}}"] {
        let found = told_of(&format!("/x/{segment}/y"));
        assert!(
            found.contains(&format!("`{segment}` in the path")),
            "{found}"
        );
    }
}

#[test]
fn all_routes_of_an_operation_ask_for_the_same() {
    let http = |also: Value| {
        let http = json!({"method": "POST", "path": "/v1/x/{id}", "also": [also]});
        told(with("/operations/0/http", http))
    };
    let also = |method: &str, path: &str| http(json!({"method": method, "path": path}));
    assert_eq!(also("PATCH", "/v1/y/:id/z"), "sound");
    for (told, expected) in [
        (
            also("POST", "/v1/y/{name}"),
            "http: also: each route of an operation has the same parameters: `/v1/y/{name}` has `name`, and `/v1/x/{id}` has `id`",
        ),
        (also("POST", "/v1/y"), "`/v1/y` has none"),
        (
            also("POST", "/v1/x/:id"),
            "operation `thing.create` has the route POST /v1/x/:id twice",
        ),
        (also("GET", "/v1/y/{id}"), "http: method is POST"),
        (
            also("POST", "/v1/y/a{id}"),
            "http: `a{id}` in the path should be a plain word or a parameter",
        ),
        (
            http(json!({"path": "/v1/y/{id}"})),
            "missing field `method`",
        ),
    ] {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn names_and_routes_are_taken_once() {
    let twice = |definitions: &mut Value| {
        let copy = definitions["operations"][0].clone();
        definitions["operations"].as_array_mut().unwrap().push(copy);
    };
    assert!(told(twice).contains("is declared twice"));
    let same_route = |definitions: &mut Value| {
        definitions["operations"][0]["http"] = json!({"method": "POST", "path": "/x"});
        twice(definitions);
        definitions["operations"][1]["name"] = json!("thing.other");
    };
    assert!(told(same_route).contains("have the same route POST /x"));
    // Names of parameters do not tell routes apart.
    let same_shape = |definitions: &mut Value| {
        same_route(definitions);
        let http = |path: &str, also: &str| json!({"method": "POST", "path": path, "also": [{"method": "POST", "path": also}]});
        definitions["operations"][0]["http"] = http("/a/{id}", "/b/:id");
        definitions["operations"][1]["http"] = http("/c/{other}", "/b/{other}");
    };
    assert!(told(same_shape).contains(
        "operations `thing.create` and `thing.other` have the same route POST /b/{other}"
    ));
    assert!(
        told(with(
            "/tables/-",
            json!({"name": "T", "owner": "o", "partition_key": ["a"], "columns": {"a": "text"}})
        ))
        .contains("declared twice")
    );
}
