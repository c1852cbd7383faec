//! Requests of every operation with one member of another kind, as clients would send them: each is applied
//! or refused by name and place. None is an internal error, none is left undecided, none is a dead letter.

use crate::harness::{App, Builder, app, told};
use catalog::Catalog;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

/// What is put in the place of a value: of no kind that it could be taken for.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::String(_) => vec![json!(7), json!({"a": "b"}), json!(["text"])],
        Value::Number(_) => vec![json!("text"), json!(0.5), json!([])],
        Value::Bool(_) => vec![json!("true"), json!({})],
        Value::Array(_) => vec![json!("text"), json!([{}]), json!([7])],
        Value::Object(_) => vec![json!("text"), json!([]), json!({"a": {}})],
        Value::Null => vec![json!(7)],
    }
}

/// Every request with one value of another kind.
fn bent(request: &Value) -> Vec<Value> {
    let members: Vec<(String, &Value)> = match request {
        Value::Object(members) => members.iter().map(|(n, v)| (n.clone(), v)).collect(),
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered.map(|(n, v)| (n.to_string(), v)).collect()
        }
        _ => Vec::new(),
    };
    let mut all = Vec::new();
    for (step, value) in members {
        for other in others(value).into_iter().chain(bent(value)) {
            let mut whole = request.clone();
            let place = match &mut whole {
                Value::Object(members) => members.get_mut(&step),
                Value::Array(items) => step.parse().ok().and_then(|n: usize| items.get_mut(n)),
                _ => None,
            };
            *place.expect("it has this member") = other;
            all.push(whole);
        }
    }
    all
}

async fn try_one(app: &App, name: &str, request: Value) -> (u16, Option<String>) {
    let asked = app.post(&format!("/v1/operations/{name}"), &request);
    let (status, _, answer) = told(asked.header("prefer", "wait=30")).await;
    let why = match status.as_u16() {
        200 | 201 => None,
        202 => Some("it was not decided"),
        400 if answer["errors"][0]["pointer"].is_null() && answer["pointer"].is_null() => {
            Some("no place is told")
        }
        422 if answer["code"] == "unmappable" && answer["pointer"].is_null() => {
            Some("no place is told")
        }
        400..=499 if answer["code"].is_string() => None,
        _ => Some("an internal error"),
    };
    let told = why.map(|why| format!("{name} {request}: {status}, {why}: {answer:#}"));
    (status.as_u16(), told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_of_another_kind_is_refused_by_name_and_place() {
    let app = app().await;
    let catalog = Catalog::builtin().unwrap();
    let asked = catalog.operations();
    let asked = asked.filter(|known| !known.internal() && known.upload().is_none());
    let requests: Vec<(&str, Value)> = asked
        .flat_map(|operation| {
            let first = operation.examples().first();
            let bent = first.map_or(Vec::new(), |example| bent(&example.request));
            bent.into_iter().map(|request| (operation.name(), request))
        })
        .collect();
    assert!(requests.len() > 500, "{}", requests.len());
    let tried = stream::iter(requests).map(|(name, request)| try_one(&app, name, request));
    let answers: Vec<(u16, Option<String>)> = tried.buffer_unordered(16).collect().await;
    let mut found: Vec<&str> = answers
        .iter()
        .filter_map(|(_, told)| told.as_deref())
        .collect();
    let count = found.len();
    found.truncate(20);
    assert!(found.is_empty(), "{count}:\n{}", found.join("\n"));
    let refused = answers.iter().filter(|(status, _)| *status >= 400).count();
    assert!(
        refused * 2 > answers.len(),
        "{refused} of {}",
        answers.len()
    );
    let (_, _, letters) = told(app.get("/v1/dead-letters")).await;
    assert_eq!(letters["count"], 0, "{letters:#}");
}

/// A table whose operation leaves it to the column what it takes.
const BOARD: &str = "
tables:
  - {name: board, owner: board, partition_key: [id], columns: {id: text, marks: 'list<int>'}}
operations:
  - name: board.set
    summary: Sets the marks of a board.
    request:
      type: object
      required: [id, marks]
      additionalProperties: false
      properties: {id: {type: string}, marks: {type: array}}
    key: {of: board, id: $request/id}
    write:
      - row: {table: board, key: {id: $request/id}}
        put: {marks: $request/marks}
    examples: [{title: Two marks, request: {id: a, marks: [1, 2]}}]
";

#[tokio::test]
async fn what_a_column_does_not_take_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("board.yaml"), BOARD).unwrap();
    let catalog = Catalog::load(&[folder.path().to_owned()]).unwrap();
    let builder = Builder {
        catalog,
        ..Builder::default()
    };
    let app = builder.start().await;
    let request = json!({"id": "a", "marks": [1, "two", 3]});
    let asked = app.post("/v1/operations/board.set", &request);
    let (status, _, answer) = told(asked.header("prefer", "wait=30")).await;
    let expected = (&json!("unmappable"), &json!("/marks/1"));
    assert_eq!(
        (status.as_u16(), (&answer["code"], &answer["pointer"])),
        (422, expected),
        "{answer:#}"
    );
    let id = answer["request_id"].as_str().unwrap();
    let (_, _, shown) = told(app.get(&format!("/v1/requests/{id}"))).await;
    let problem = &shown["problem"];
    assert_eq!(
        (&problem["code"], &problem["pointer"]),
        expected,
        "{shown:#}"
    );
}
