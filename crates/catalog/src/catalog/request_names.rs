//! Members of a request that definitions refer to and that no request can have: `$request/nmae` where
//! the schema is closed. Only files are looked at as they are read, never definitions that travel:
//! those of an older release stand in the log, and go on to mean what they meant.

use super::CatalogError;
use crate::{
    definition::{FileDefinition, OperationDefinition},
    expression::did_you_mean,
};
use serde_json::{Map, Value};

const REQUEST: &str = "$request/";

/// Where values are computed from a request.
const FIELDS: [&str; 11] = [
    "generate", "look_up", "let", "rules", "key", "guards", "already", "claims", "write", "parts",
    "result",
];

/// A mistake for each reference of an operation that leads nowhere.
pub(super) fn check_request_names(files: &[(String, FileDefinition)]) -> Vec<CatalogError> {
    let operations = files.iter().flat_map(|(file, definition)| {
        let declared = definition.operations.iter();
        declared.map(move |operation| (file, operation))
    });
    let mistakes = operations.flat_map(|(file, operation)| {
        let name = &operation.name;
        let told = move |why| CatalogError(format!("{file}: operation `{name}`: {why}"));
        unknown_members(operation).into_iter().map(told)
    });
    mistakes.collect()
}

/// Each once, where it is met first.
fn unknown_members(operation: &OperationDefinition) -> Vec<String> {
    let Ok(Value::Object(definition)) = serde_json::to_value(operation) else {
        return Vec::new();
    };
    let mut references = Vec::new();
    for field in FIELDS {
        if let Some(value) = definition.get(field) {
            collect_references(value, field, &mut references);
        }
    }
    let mut told: Vec<(String, String)> = Vec::new();
    for (place, reference) in references {
        let is_told = told.iter().any(|(known, _)| *known == reference);
        if let Some(why) = lead_nowhere(&reference, &operation.request)
            && !is_told
        {
            let why = format!("{place}: `{reference}`: {why}");
            told.push((reference, why));
        }
    }
    told.into_iter().map(|(_, why)| why).collect()
}

/// Every reference to the request in a value, with its place.
fn collect_references(value: &Value, place: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) if text.starts_with(REQUEST) => {
            found.push((place.to_owned(), text.clone()));
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                collect_references(item, &format!("{place}[{n}]"), found);
            }
        }
        Value::Object(members) => {
            // `{literal: …}` is a constant, whatever it looks like.
            for (name, member) in members.iter().filter(|(name, _)| *name != "literal") {
                collect_references(member, &format!("{place}.{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Why no request that the schema lets through has this member.
fn lead_nowhere(reference: &str, schema: &Value) -> Option<String> {
    let mut at = schema;
    for step in reference.strip_prefix(REQUEST)?.split('/') {
        let step = step.replace("~1", "/").replace("~0", "~");
        let mut refs = 0;
        loop {
            let node = at.as_object()?;
            if let Some(member) = member_schema(node, &step) {
                at = member;
                break;
            }
            if is_closed_to(node, &step) {
                let known = properties(node).into_iter().flat_map(Map::keys);
                let hint = did_you_mean(&step, known.map(String::as_str));
                return Some(format!("a request has no member `{step}` there{hint}"));
            }
            refs += 1;
            at = local_reference(node, schema).filter(|_| refs < 20)?;
        }
    }
    None
}

fn properties(node: &Map<String, Value>) -> Option<&Map<String, Value>> {
    node.get("properties").and_then(Value::as_object)
}

fn is_index(step: &str) -> bool {
    !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit())
}

fn member_schema<'s>(node: &'s Map<String, Value>, step: &str) -> Option<&'s Value> {
    let element = || node.get("items").filter(|_| is_index(step));
    properties(node)
        .and_then(|members| members.get(step))
        .or_else(element)
}

/// Nothing beside what is named, or a value that has no members.
fn is_closed_to(node: &Map<String, Value>, step: &str) -> bool {
    let is_alone = !node.contains_key("patternProperties");
    match node.get("type").and_then(Value::as_str) {
        Some("string" | "number" | "integer" | "boolean" | "null") => true,
        Some("array") => !is_index(step),
        _ => is_alone && node.get("additionalProperties") == Some(&Value::Bool(false)),
    }
}

/// `{$ref: "#/$defs/address"}`, followed.
fn local_reference<'s>(node: &Map<String, Value>, schema: &'s Value) -> Option<&'s Value> {
    let pointer = node.get("$ref")?.as_str()?.strip_prefix('#')?;
    schema.pointer(pointer)
}
