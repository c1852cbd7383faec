//! The clauses of queries.

use super::{page, query_text, refuse_ours, unsupported_clause};
use serde_json::Value;
use store::{StoreError, cell::join_pointer};

/// Clauses about the values of fields, without others inside.
const OF_FIELDS: [&str; 26] = [
    "combined_fields",
    "distance_feature",
    "exists",
    "fuzzy",
    "geo_bounding_box",
    "geo_distance",
    "geo_grid",
    "geo_polygon",
    "ids",
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
    "span_gap",
    "span_term",
    "term",
    "wildcard",
];

/// Those that name their fields in a parameter; elsewhere the member's own name is the field.
const NAMING: [&str; 8] = [
    "combined_fields",
    "distance_feature",
    "exists",
    "more_like_this",
    "multi_match",
    "query_string",
    "rank_feature",
    "simple_query_string",
];

/// A clause made of clauses: its name, the members that hold them, and its other parameters. What an
/// index knows by further names would hold clauses that nothing looks at.
type OfClauses = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const OF_CLAUSES: [OfClauses; 15] = [
    (
        "bool",
        &["must", "filter", "should", "must_not"],
        &["minimum_should_match", "adjust_pure_negative"],
    ),
    ("boosting", &["positive", "negative"], &["negative_boost"]),
    ("constant_score", &["filter"], &[]),
    ("dis_max", &["queries"], &["tie_breaker"]),
    ("field_masking_span", &["query"], &["field"]),
    (
        "function_score",
        &["query"],
        &[
            "boost_mode",
            "max_boost",
            "min_score",
            "score_mode",
            "weight",
        ],
    ),
    (
        "has_child",
        &["query"],
        &[
            "ignore_unmapped",
            "max_children",
            "min_children",
            "score_mode",
            "type",
        ],
    ),
    (
        "nested",
        &["query"],
        &["ignore_unmapped", "path", "score_mode"],
    ),
    ("span_containing", &["big", "little"], &[]),
    ("span_first", &["match"], &["end"]),
    ("span_multi", &["match"], &[]),
    ("span_near", &["clauses"], &["in_order", "slop"]),
    (
        "span_not",
        &["include", "exclude"],
        &["dist", "pre", "post"],
    ),
    ("span_or", &["clauses"], &[]),
    ("span_within", &["big", "little"], &[]),
];

pub(in super::super) fn allow_query(value: &Value, at: &str) -> Result<(), StoreError> {
    let Value::Object(members) = value else {
        return Ok(());
    };
    for (name, body) in members {
        allow_clause(name, body, &join_pointer(at, name))?;
    }
    Ok(())
}

/// A query, or an array of them.
pub(super) fn allow_queries(value: &Value, at: &str) -> Result<(), StoreError> {
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(n, item)| allow_query(item, &join_pointer(at, &n.to_string()))),
        one => allow_query(one, at),
    }
}

/// What tells that a value reads a document of any index, or a script, and what that is called.
type ForeignReach = (fn(&Value) -> bool, &'static str);

fn allow_clause(name: &str, body: &Value, at: &str) -> Result<(), StoreError> {
    let members = body.as_object().into_iter().flatten();
    if let Some(known) = OF_CLAUSES.iter().find(|(known, ..)| *known == name) {
        for (member, value) in members {
            allow_member(known, member, value, &join_pointer(at, member))?;
        }
        return Ok(());
    }
    let reaches: Option<ForeignReach> = match name {
        "terms" => Some((Value::is_object, "terms look-up")),
        "geo_shape" | "shape" => Some((
            |value| value.get("indexed_shape").is_some(),
            "an indexed shape",
        )),
        "terms_set" => Some((
            |value| value.get("minimum_should_match_script").is_some(),
            "terms_set.minimum_should_match_script",
        )),
        "more_like_this" => Some((has_object, "more_like_this of documents")),
        _ if OF_FIELDS.contains(&name) => None,
        _ => return Err(unsupported_clause(name, at)),
    };
    for (member, value) in members {
        let here = join_pointer(at, member);
        if let Some((_, what)) = reaches.filter(|(is_so, _)| is_so(value)) {
            return Err(unsupported_clause(what, &here));
        }
        refuse_ours(member, &here)?;
        if name == "query_string" && member == "query" {
            query_text::check(value.as_str().unwrap_or_default(), &here)?;
        }
        let is_name = matches!(member.as_str(), "field" | "fields" | "default_field");
        if is_name && NAMING.contains(&name) {
            page::allow_fields(value, &here)?;
        }
    }
    Ok(())
}

/// A member of a clause that is made of clauses.
fn allow_member(
    clause: &OfClauses,
    member: &str,
    value: &Value,
    at: &str,
) -> Result<(), StoreError> {
    let (name, inner, parameters) = clause;
    match member {
        _ if inner.contains(&member) => allow_queries(value, at),
        "inner_hits" => page::allow_hits(value, at),
        "functions" if *name == "function_score" => allow_functions(value, at),
        _ if *name == "function_score" && FUNCTIONS.contains(&member) => {
            function(member, value, at)
        }
        "boost" | "_name" => Ok(()),
        "field" if parameters.contains(&"field") => page::allow_fields(value, at),
        _ if parameters.contains(&member) => Ok(()),
        _ => Err(StoreError::BadSearch {
            message: format!("`{name}` has no member `{member}`"),
            pointer: at.to_owned(),
        }),
    }
}

fn has_object(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_object),
        other => other.is_object(),
    }
}

/// The functions of a `function_score`.
const FUNCTIONS: [&str; 6] = [
    "exp",
    "field_value_factor",
    "gauss",
    "linear",
    "random_score",
    "script_score",
];

fn allow_functions(value: &Value, at: &str) -> Result<(), StoreError> {
    for (n, members) in value.as_array().into_iter().flatten().enumerate() {
        let here = join_pointer(at, &n.to_string());
        for (name, value) in members.as_object().into_iter().flatten() {
            let here = join_pointer(&here, name);
            match name.as_str() {
                "filter" => allow_query(value, &here)?,
                name => function(name, value, &here)?,
            }
        }
    }
    Ok(())
}

/// A script is none, and what is reckoned with is a document's own, but for the numbers that an
/// index draws chances from.
fn function(name: &str, value: &Value, at: &str) -> Result<(), StoreError> {
    match name {
        "script_score" => Err(unsupported_clause(name, at)),
        "random_score" if value.get("field").is_some_and(|field| field == "_seq_no") => Ok(()),
        "field_value_factor" | "random_score" => match value.get("field") {
            Some(field) => page::allow_fields(field, &join_pointer(at, "field")),
            None => Ok(()),
        },
        "exp" | "gauss" | "linear" => page::names(value, at),
        _ => Ok(()),
    }
}
