//! Koncorde filters as queries of the view. Clauses of the view's own language may stand wherever a
//! filter may, if Koncorde has none of that name; they are handed on as they are.

use super::super::{Fault, fault::Id};
use serde_json::{Map, Value, json};

/// Clauses that Koncorde does not have. Names that both have are Koncorde's.
const HANDED_ON: [&str; 23] = [
    "boosting",
    "combined_fields",
    "constant_score",
    "dis_max",
    "fuzzy",
    "geo_bounding_box",
    "geo_distance",
    "geo_polygon",
    "geo_shape",
    "has_child",
    "has_parent",
    "match_all",
    "match_bool_prefix",
    "match_none",
    "match_phrase",
    "match_phrase_prefix",
    "multi_match",
    "nested",
    "prefix",
    "query_string",
    "term",
    "terms",
    "wildcard",
];

/// The field of the conditions that stand in the places of clauses while filters are read.
const PLACE: &str = "_consign.clause";

pub(super) fn query(filter: &Value) -> Result<Value, Fault> {
    let options = matching::Options {
        max_conditions: 1_000,
        ..matching::Options::default()
    };
    let mut filter = filter.clone();
    let mut clauses = Vec::new();
    if !names_place(&filter) {
        take(&mut filter, &mut clauses);
    }
    let filter = matching::Filter::parse(&filter, &options)
        .map_err(|error| Fault::new(Id::Koncorde, error.to_string()))?;
    let mut query = matching::to_elasticsearch(&filter).map_err(|error| {
        Fault::new(Id::KoncordeUnsupported, error.to_string()).props([&error.keyword])
    })?;
    put(&mut query, &mut clauses);
    Ok(query)
}

/// Takes the view's own clauses out of a filter.
fn take(filter: &mut Value, clauses: &mut Vec<Value>) {
    let Value::Object(members) = &mut *filter else {
        return;
    };
    let own = |members: &Map<String, Value>| {
        let name = members.keys().next().filter(|_| members.len() == 1);
        name.is_some_and(|name| HANDED_ON.contains(&name.as_str()))
    };
    if own(members) {
        let place = json!({"equals": {PLACE: clauses.len().to_string()}});
        clauses.push(std::mem::replace(filter, place));
        return;
    }
    for (name, inner) in members {
        match name.as_str() {
            "and" | "or" | "not" => take_all(inner, clauses),
            "bool" => {
                let parts = inner.as_object_mut().into_iter().flatten();
                parts.for_each(|(_, part)| take_all(part, clauses));
            }
            _ => {}
        }
    }
}

fn take_all(filters: &mut Value, clauses: &mut Vec<Value>) {
    match filters {
        Value::Array(items) => items.iter_mut().for_each(|item| take(item, clauses)),
        one => take(one, clauses),
    }
}

/// Puts them back into the query.
fn put(query: &mut Value, clauses: &mut [Value]) {
    let place = query.pointer("/term").and_then(|term| term.get(PLACE));
    let place = place.and_then(|place| place["value"].as_str()?.parse::<usize>().ok());
    if let Some(clause) = place.and_then(|place| clauses.get_mut(place)) {
        *query = clause.take();
        return;
    }
    match query {
        Value::Object(members) => members
            .iter_mut()
            .for_each(|(_, value)| put(value, clauses)),
        Value::Array(items) => items.iter_mut().for_each(|item| put(item, clauses)),
        _ => {}
    }
}

fn names_place(filter: &Value) -> bool {
    match filter {
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name == PLACE || names_place(value)),
        Value::Array(items) => items.iter().any(names_place),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
