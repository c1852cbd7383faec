//! Koncorde filters as queries of the view. Clauses of the view's own language may stand wherever a
//! filter may, if Koncorde has none of that name; they are handed on as they are. Conditions that
//! the view has no clause for are left to the filter language itself.

mod evaluated;

use super::super::{Fault, fault::Id};
use evaluated::LeftCondition;
use serde_json::{Map, Value, json};
use store::{Collection, View};

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
/// What the text of a place begins with where the view has no clause.
const LEFT: &str = "left ";

/// What is searched for, as far as the view's language has it.
#[derive(Debug, Default)]
pub(crate) struct SearchQuery {
    query: Option<Value>,
    left: Vec<LeftCondition>,
}

impl SearchQuery {
    /// Of the view's own language.
    pub(super) fn of_view(query: Option<Value>) -> Self {
        let left = Vec::new();
        Self { query, left }
    }

    /// As the collections are searched with it, once what the view has no clause for is known from
    /// their documents.
    pub(crate) async fn settled(
        self,
        view: &dyn View,
        collections: &[&Collection],
    ) -> Result<Option<Value>, Fault> {
        match self.query {
            Some(query) if !self.left.is_empty() => {
                let [collection] = collections else {
                    return Err(self.left[0].refused("in several collections at once"));
                };
                let settled = evaluated::settle_query(query, &self.left, view, collection);
                settled.await.map(Some)
            }
            query => Ok(query),
        }
    }
}

pub(super) fn koncorde_query(filter: &Value) -> Result<SearchQuery, Fault> {
    let options = matching::Options {
        max_conditions: 1_000,
        ..matching::Options::default()
    };
    let mut filter = filter.clone();
    let (mut clauses, mut left) = (Vec::new(), Vec::new());
    let names_place = names_place(&filter);
    if !names_place {
        take_clauses(&mut filter, &mut clauses);
    }
    let filter = matching::Filter::parse(&filter, &options)
        .map_err(|error| Fault::new(Id::Koncorde, error.to_string()))?;
    let translated =
        matching::elasticsearch::translate_with(&filter, &mut |condition, negated, why| {
            if names_place {
                return Err(why);
            }
            left.push(LeftCondition::new(condition, negated, why));
            Ok(json!({"term": {PLACE: {"value": format!("{LEFT}{}", left.len() - 1)}}}))
        });
    let mut query = translated
        .map_err(|error| unsupported_filter(&error))?
        .query;
    put_clauses(&mut query, &mut |place| {
        let clause = clauses.get_mut(place.parse::<usize>().ok()?)?;
        Some(clause.take())
    });
    let query = Some(query);
    Ok(SearchQuery { query, left })
}

fn unsupported_filter(error: &matching::Untranslatable) -> Fault {
    Fault::new(Id::KoncordeUnsupported, error.to_string()).props([&error.keyword])
}

/// Takes the view's own clauses out of a filter.
fn take_clauses(filter: &mut Value, clauses: &mut Vec<Value>) {
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
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| take_clauses(item, clauses)),
        one => take_clauses(one, clauses),
    }
}

/// Puts what belongs there into the query, by the texts of the places.
fn put_clauses(query: &mut Value, clause: &mut dyn FnMut(&str) -> Option<Value>) {
    let place = query.pointer("/term").and_then(|term| term.get(PLACE));
    let place = place.and_then(|place| place["value"].as_str());
    if let Some(clause) = place.and_then(&mut *clause) {
        *query = clause;
        return;
    }
    match query {
        Value::Object(members) => members
            .iter_mut()
            .for_each(|(_, value)| put_clauses(value, clause)),
        Value::Array(items) => items.iter_mut().for_each(|item| put_clauses(item, clause)),
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
