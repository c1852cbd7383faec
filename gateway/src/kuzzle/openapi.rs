//! The OpenAPI document of Kuzzle's routes that are served, made from the table of actions. What a
//! document or a result holds is not described: it is whatever the collection holds.

use super::{
    members::BodyShape,
    table::{ACTIONS, Action},
};
use serde_json::{Map, Value, json};

pub(super) fn openapi_document(version: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for action in ACTIONS {
        for (n, (verb, path)) in action.http.iter().enumerate() {
            let template = crate::request::path::path_template(path);
            let route = paths.entry(template).or_insert_with(|| json!({}));
            route[verb.to_lowercase()] = action_operation(action, path, n);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Kuzzle's API, as it is served here", "version": version},
        "paths": paths,
        "components": {"schemas": {"Answer": answer_schema()}},
    })
}

fn action_operation(action: &Action, path: &str, n: usize) -> Value {
    let variables: Vec<&str> = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix(':'))
        .collect();
    let parameter = |name: &str, place: &str| json!({"name": name, "in": place, "required": place == "path", "schema": {"type": "string"}});
    let taken = action.takes.split_whitespace();
    let arguments = taken.filter(|name| !variables.contains(name));
    let parameters: Vec<Value> = variables
        .iter()
        .map(|name| parameter(name, "path"))
        .chain(arguments.map(|name| parameter(name, "query")))
        .collect();
    let id = format!("{}:{}", action.controller, action.name);
    let answer = json!({"schema": {"$ref": "#/components/schemas/Answer"}});
    let mut operation = json!({
        "operationId": if n == 0 { id.clone() } else { format!("{id}:{n}") },
        "summary": id,
        "tags": [action.controller],
        "parameters": parameters,
        "responses": {"default": {"description": "The envelope", "content": {"application/json": answer}}},
    });
    if let Some(schema) = body_schema(action.content) {
        operation["requestBody"] = json!({"content": {"application/json": {"schema": schema}}});
    }
    operation
}

fn body_schema(content: BodyShape) -> Option<Value> {
    match content {
        BodyShape::Nothing => None,
        BodyShape::Whole => Some(json!({"type": "object"})),
        BodyShape::Members(names) => {
            let names = names.split_whitespace();
            let members: Map<String, Value> =
                names.map(|name| (name.to_owned(), json!(true))).collect();
            Some(json!({"type": "object", "properties": members, "additionalProperties": false}))
        }
    }
}

fn answer_schema() -> Value {
    json!({
        "type": "object",
        "required": ["status", "error", "requestId", "result"],
        "properties": {
            "status": {"type": "integer"},
            "error": {"type": ["object", "null"], "properties": {
                "id": {"type": "string"}, "code": {"type": "integer"}, "message": {"type": "string"},
                "status": {"type": "integer"}, "props": {"type": "array"},
            }},
            "requestId": {"type": "string"},
            "controller": {"type": ["string", "null"]},
            "action": {"type": ["string", "null"]},
            "index": {"type": ["string", "null"]},
            "collection": {"type": ["string", "null"]},
            "volatile": {"type": ["object", "null"]},
            "result": true,
        },
    })
}
