//! The clauses of queries.

use super::{is_ours, page, refused};
use serde_json::{Map, Value};
use store::{StoreError, cell::pointer};

/// Clauses about a field's values, without others inside.
const OF_FIELDS: [&str; 27] = [
    "combined_fields",
    "distance_feature",
    "exists",
    "fuzzy",
    "geo_bounding_box",
    "geo_distance",
    "geo_grid",
    "geo_polygon",
    "match",
    "match_all",
    "match_bool_prefix",
    "match_none",
    "match_phrase",
    "match_phrase_prefix",
    "multi_match",
    "prefix",
    "query_string",
    "range",
    "rank_feature",
    "regexp",
    "simple_query_string",
    "span_first",
    "span_near",
    "span_or",
    "span_term",
    "term",
    "wildcard",
];

/// Clauses made of clauses, and the members that hold them.
const OF_CLAUSES: [(&str, &[&str]); 7] = [
    ("bool", &["must", "filter", "should", "must_not"]),
    ("boosting", &["positive", "negative"]),
    ("constant_score", &["filter"]),
    ("dis_max", &["queries"]),
    ("function_score", &["query"]),
    ("nested", &["query"]),
    ("has_child", &["query"]),
];

pub(in super::super) fn query(value: &Value, at: &str) -> Result<(), StoreError> {
    let Value::Object(members) = value else {
        return Ok(());
    };
    for (name, body) in members {
        clause(name, body, &pointer(at, name))?;
    }
    Ok(())
}

/// A query, or an array of them.
pub(super) fn queries(value: &Value, at: &str) -> Result<(), StoreError> {
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(n, item)| query(item, &pointer(at, &n.to_string()))),
        one => query(one, at),
    }
}

fn clause(name: &str, body: &Value, at: &str) -> Result<(), StoreError> {
    let members = body.as_object();
    if let Some((_, inner)) = OF_CLAUSES.iter().find(|(known, _)| *known == name) {
        for (member, value) in members.into_iter().flatten() {
            let here = pointer(at, member);
            match member.as_str() {
                _ if inner.contains(&member.as_str()) => queries(value, &here)?,
                "inner_hits" => page::hits(value, &here)?,
                "functions" | "script_score" => functions(member, value, &here)?,
                _ => {}
            }
        }
        return Ok(());
    }
    let members = members.into_iter().flatten();
    match name {
        // Values from a document of any index.
        "terms" => each(members, at, |value, _| value.is_object(), "terms look-up"),
        "geo_shape" | "shape" => each(
            members,
            at,
            |value, _| value.get("indexed_shape").is_some(),
            "an indexed shape",
        ),
        "terms_set" => each(
            members,
            at,
            |value, _| value.get("minimum_should_match_script").is_some(),
            "terms_set.minimum_should_match_script",
        ),
        "ids" => Ok(()),
        "more_like_this" => each(
            members,
            at,
            |value, name| name.ends_with("like") && has_object(value),
            "more_like_this of documents",
        ),
        _ if !OF_FIELDS.contains(&name) => Err(refused(name, at)),
        _ => each(
            members,
            at,
            |_, field| is_ours(field),
            "a field of the index itself",
        ),
    }
}

/// Refuses a clause of which any member is so.
fn each<'v>(
    members: impl Iterator<Item = (&'v String, &'v Value)>,
    at: &str,
    is_so: impl Fn(&Value, &str) -> bool,
    what: &str,
) -> Result<(), StoreError> {
    for (name, value) in members {
        if is_so(value, name) {
            return Err(refused(what, &pointer(at, name)));
        }
        if is_ours(name) {
            return Err(refused("a field of the index itself", &pointer(at, name)));
        }
    }
    Ok(())
}

fn has_object(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_object),
        other => other.is_object(),
    }
}

/// The functions of a `function_score`, of which a script is none.
fn functions(member: &str, value: &Value, at: &str) -> Result<(), StoreError> {
    if member == "script_score" {
        return Err(refused("script_score", at));
    }
    for (n, function) in value.as_array().into_iter().flatten().enumerate() {
        let here = pointer(at, &n.to_string());
        let members: Option<&Map<String, Value>> = function.as_object();
        for (name, value) in members.into_iter().flatten() {
            match name.as_str() {
                "filter" => query(value, &pointer(&here, name))?,
                "script_score" => return Err(refused("script_score", &pointer(&here, name))),
                _ => {}
            }
        }
    }
    Ok(())
}
