//! The filter commands, on input and output in memory.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Limits, check, eval, explain, normalise};

fn limits() -> Limits {
    Limits { max_conditions: 50 }
}

fn evaluated(index: bool, lines: &[Value]) -> Vec<Value> {
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let arguments = eval::Arguments {
        file: PathBuf::from("-"),
        index,
        limits: limits(),
    };
    let mut out = Vec::new();
    eval::run(arguments, input.as_bytes(), &mut out).unwrap();
    String::from_utf8(out)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn eval_answers_each_line() {
    let answers = evaluated(
        false,
        &[
            json!({"id": 7, "filter": {"range": {"n": {"gt": 1}}}, "documents": [{"n": 2}, {"n": 1}, {}]}),
            json!({"id": "b", "filter": {"range": {"n": {}}}, "documents": [{"n": 2}]}),
            json!({"id": null, "filter": {}, "documents": []}),
        ],
    );
    assert_eq!(
        answers[0],
        json!({"id": 7, "matches": [true, false, false]})
    );
    assert_eq!(answers[1]["id"], "b");
    assert_eq!(answers[1]["error"]["path"], "range.n");
    assert_eq!(
        answers[1]["error"]["message"],
        "\"range.n\": must be a non-empty object"
    );
    assert_eq!(answers[2], json!({"id": null, "matches": []}));
}

#[test]
fn eval_with_an_index_holds_all_filters() {
    let answers = evaluated(
        true,
        &[
            json!({"type": "filter", "index": 3, "filter": {"equals": {"a": 1}}}),
            json!({"type": "filter", "index": 1, "filter": {"not": {"equals": {"a": 2}}}}),
            json!({"type": "filter", "index": 2, "filter": {"exists": 5}}),
            json!({"type": "document", "index": 0, "document": {"a": 1}}),
            json!({"type": "document", "index": 1, "document": {"a": 2}}),
        ],
    );
    assert_eq!(answers[0]["index"], 2);
    assert!(answers[0]["error"]["message"].is_string());
    assert_eq!(answers[1], json!({"index": 0, "matches": [1, 3]}));
    assert_eq!(answers[2], json!({"index": 1, "matches": []}));
}

#[test]
fn eval_names_the_line_that_is_no_json() {
    let arguments = eval::Arguments {
        file: PathBuf::from("-"),
        index: false,
        limits: limits(),
    };
    let error = eval::run(arguments, &b"{\"filter\":{}}\n{nonsense\n"[..], Vec::new()).unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn explain_shows_what_each_clause_saw() {
    let filter = json!({"and": [{"equals": {"a": 1}}, {"exists": "b"}]}).to_string();
    let explained = |json: bool| {
        let mut out = Vec::new();
        explain::run(
            explain::Arguments {
                filter: filter.clone(),
                limits: limits(),
            },
            json,
            &br#"{"a": 2}"#[..],
            &mut out,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        explained(false),
        "no  and: 0 of 2 match, all must\nno    equals a: the value is not 1 (found 2)\nno    exists b: the document has no field `b`\n"
    );
    let tree: Value = serde_json::from_str(&explained(true)).unwrap();
    assert_eq!(tree["parts"][0]["found"], 2);
}

#[test]
fn check_tells_cost_and_contradiction_or_fails() {
    let checked = |filter: Value| {
        let mut out = Vec::new();
        let result = check::run(
            check::Arguments {
                filter: "-".to_owned(),
                limits: limits(),
            },
            filter.to_string().as_bytes(),
            &mut out,
        );
        (
            result.is_ok(),
            serde_json::from_slice::<Value>(&out).unwrap(),
        )
    };
    let (valid, answer) = checked(json!({"and": [{"equals": {"a": 1}}, {"equals": {"a": 2}}]}));
    assert!(valid);
    assert_eq!(answer["never_matches"], true);
    assert_eq!(answer["cost"]["conditions"], 2);
    let (valid, answer) = checked(json!({"nonsense": 1}));
    assert!(!valid);
    assert_eq!(answer["error"]["path"], "nonsense");
}

#[test]
fn normalise_gives_one_room_to_every_spelling() {
    let room = |filter: Value| {
        let mut out = Vec::new();
        let arguments = normalise::Arguments {
            filter: filter.to_string(),
            index: "i".to_owned(),
            collection: "c".to_owned(),
            limits: limits(),
        };
        normalise::run(arguments, std::io::empty(), &mut out).unwrap();
        serde_json::from_slice::<Value>(&out).unwrap()["room_id"].clone()
    };
    assert_eq!(
        room(json!({"in": {"a": ["x", "y"]}})),
        room(json!({"or": [{"equals": {"a": "y"}}, {"equals": {"a": "x"}}]}))
    );
}
