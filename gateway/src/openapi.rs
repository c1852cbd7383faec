//! The OpenAPI 3.1 document, made once from the table of routes, the catalog and the table of
//! errors. Nothing in it is written by hand twice.

mod schemas;

use crate::{
    error::code,
    request::path::path_template,
    route_doc::{self as doc, Doc, DocContent},
    router::{self, RoutedEndpoint},
};
use catalog::{Catalog, Envelope, Kind, Operation};
use serde_json::{Map, Value, json};

/// The whole document.
pub(crate) fn openapi_document(catalog: &Catalog) -> Value {
    let mut paths = Map::new();
    for endpoint in router::routed_endpoints() {
        insert_operation(
            &mut paths,
            &openapi_path(&endpoint),
            endpoint.method.as_str(),
            described_endpoint(&endpoint),
        );
    }
    for operation in catalog.operations().filter(|known| !known.internal()) {
        let write = named_operation(operation);
        insert_operation(
            &mut paths,
            &format!("/v1/operations/{}", operation.name()),
            "POST",
            write,
        );
        for (n, (method, path)) in operation.routes().enumerate() {
            let mut routed = routed_operation(operation, path);
            if n > 0 {
                routed["operationId"] = format!("{}.route{}", operation.name(), n + 1).into();
            }
            insert_operation(&mut paths, &path_template(path), method, routed);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Consign",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Hand a write over, know that it arrives. A 2xx means that the write is safe in the log; tokens let reads see it.",
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "writes", "description": "Asking for operations"},
            {"name": "reads", "description": "Documents, rows and requests"},
            {"name": "operations", "description": "Each operation of the catalog, by name"},
            {"name": "sunbird", "description": "Operations with routes of their own, in Sunbird's envelope"},
            {"name": "service", "description": "This service itself"},
        ],
        "paths": paths,
        "components": {"schemas": schemas::all_schemas(), "responses": {"Problem": problem_response()}},
    })
}

/// As OpenAPI writes it.
fn openapi_path(endpoint: &RoutedEndpoint) -> String {
    endpoint.path.replace("{*", "{")
}

fn insert_operation(paths: &mut Map<String, Value>, path: &str, method: &str, operation: Value) {
    let item = paths.entry(path).or_insert_with(|| json!({}));
    if let Some(item) = item.as_object_mut() {
        item.insert(method.to_ascii_lowercase(), operation);
    }
}

fn described_endpoint(endpoint: &RoutedEndpoint) -> Value {
    let doc: &Doc = endpoint.doc;
    let mut operation = json!({
        "operationId": doc.id,
        "summary": doc.summary,
        "tags": [doc.tag],
        "parameters": doc_parameters(&openapi_path(endpoint), doc.parameters),
        "responses": doc_responses(doc),
    });
    match doc.body {
        DocContent::None => {}
        DocContent::Json(schema) => {
            operation["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": schema_reference(schema)}}})
        }
        DocContent::Optional(schema) => {
            operation["requestBody"] =
                json!({"content": {"application/json": {"schema": schema_reference(schema)}}})
        }
        DocContent::Lines => {
            operation["requestBody"] = json!({"required": true, "content": {"application/x-ndjson": {"schema": {"type": "string", "description": "one bare request a line; gzip allowed"}}}});
        }
        DocContent::Text(kind) => operation["requestBody"] = json!({"content": {kind: {}}}),
    }
    operation
}

fn doc_responses(doc: &Doc) -> Value {
    let mut responses = Map::new();
    for (status, what, content) in doc.answers {
        let content = match content {
            DocContent::None => json!({}),
            DocContent::Json(schema) | DocContent::Optional(schema) => {
                json!({"application/json": {"schema": schema_reference(schema)}})
            }
            DocContent::Lines => {
                json!({"application/x-ndjson": {"schema": schema_reference("BulkLine")}})
            }
            DocContent::Text(kind) => json!({*kind: {"schema": {"type": "string"}}}),
        };
        responses.insert(
            status.to_string(),
            json!({"description": what, "content": content}),
        );
    }
    responses.insert(
        "default".into(),
        json!({"$ref": "#/components/responses/Problem"}),
    );
    Value::Object(responses)
}

fn doc_parameters(path: &str, names: &[&str]) -> Vec<Value> {
    let in_path = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
    );
    in_path
        .chain(names.iter().map(|name| doc::described_parameter(name)))
        .collect()
}

/// `/v1/operations/<name>` with the operation's own schema and examples.
fn named_operation(operation: &Operation) -> Value {
    let answer = if operation.many() { "Items" } else { "Taken" };
    json!({
        "operationId": operation.name(),
        "summary": operation.summary(),
        "tags": ["operations"],
        "parameters": doc_parameters("", doc::WRITE.parameters),
        "requestBody": {"required": true, "content": {"application/json": {"schema": operation.schema(), "examples": operation_examples(operation, false)}}},
        "responses": {
            "200": {"description": "Applied (with `Prefer: wait`)", "content": {"application/json": {"schema": schema_reference(answer)}}},
            "202": {"description": "Accepted: safe in the log", "content": {"application/json": {"schema": schema_reference(answer)}}},
            "default": {"$ref": "#/components/responses/Problem"},
        },
        "x-kind": match operation.kind() { Kind::Transaction => "transaction", Kind::Informative => "informative" },
    })
}

/// The operation's own route, in its own envelope.
fn routed_operation(operation: &Operation, path: &str) -> Value {
    let (schema, answer, sunbird) = match operation.envelope() {
        Envelope::Bare => (operation.schema().clone(), schema_reference("Taken"), false),
        Envelope::Sunbird => {
            let params = json!({"type": "object", "properties": {"msgid": {"type": "string"}}});
            let properties = json!({"id": {"type": "string"}, "ver": {"type": "string"}, "ts": {"type": "string"}, "params": params, "request": operation.schema()});
            (
                json!({"type": "object", "required": ["request"], "properties": properties}),
                schema_reference("SunbirdAnswer"),
                true,
            )
        }
    };
    let mut routed = json!({
        "operationId": format!("{}.route", operation.name()),
        "summary": operation.summary(),
        "tags": ["sunbird"],
        "parameters": doc_parameters(&path_template(path), &["prefer", "idempotency-key"]),
        "requestBody": {"required": true, "content": {"application/json": {"schema": schema, "examples": operation_examples(operation, sunbird)}}},
        "responses": {
            "200": {"description": "Applied", "content": {"application/json": {"schema": answer}}},
            "202": {"description": "Accepted, not applied in time", "content": {"application/json": {"schema": answer}}},
        },
    });
    routed["responses"]["default"] = if sunbird {
        json!({"description": "Refused, in the envelope", "content": {"application/json": {"schema": schema_reference("SunbirdAnswer")}}})
    } else {
        json!({"$ref": "#/components/responses/Problem"})
    };
    routed
}

fn operation_examples(operation: &Operation, sunbird: bool) -> Value {
    let value = |request: &Value| {
        if sunbird {
            json!({ "request": request })
        } else {
            request.clone()
        }
    };
    let examples = operation.examples().iter().map(|example| {
        (
            example.title.clone(),
            json!({"value": value(&example.request)}),
        )
    });
    Value::Object(examples.collect())
}

fn schema_reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn problem_response() -> Value {
    let codes: Vec<_> = code::TABLE
        .iter()
        .map(|row| format!("- {} `{}`: {}", row.status, row.name, row.title))
        .collect();
    json!({
        "description": format!("A problem (RFC 9457) with a stable code:\n\n{}", codes.join("\n")),
        "content": {"application/problem+json": {"schema": schema_reference("Problem")}},
    })
}
