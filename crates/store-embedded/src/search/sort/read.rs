//! What a search says of its order: keys by fields, by score, by distance, and where the last page
//! ended.

use super::{
    Sort,
    after::{self, SearchAfterPosition},
    distance,
    key::{By, Key},
};
use crate::search::{
    Context, bad, clause,
    field::{Source, Type, resolve_field},
    place, unsupported,
};
use serde_json::{Map, Value};
use std::cell::Cell;
use store::{StoreError, cell::join_pointer, mapping::BadSearchAfter};

pub fn read_sort(
    context: &Context<'_>,
    sort: Option<&Value>,
    after: Option<&[Value]>,
) -> Result<Sort, StoreError> {
    let mut keys = Vec::new();
    match sort {
        None | Some(Value::Null) => {}
        Some(Value::Array(items)) => {
            for (n, item) in items.iter().enumerate() {
                read_entry(
                    context,
                    item,
                    &join_pointer("/sort", &n.to_string()),
                    &mut keys,
                )?;
            }
        }
        Some(one) => read_entry(context, one, "/sort", &mut keys)?,
    }
    // The best first is the order without a sort.
    if let [key] = keys.as_slice()
        && matches!(key.by, By::Score)
        && key.descending
    {
        keys.clear();
    }
    let nulls = after
        .unwrap_or_default()
        .iter()
        .map(Value::is_null)
        .collect();
    let after = match after {
        None => None,
        Some(_) if keys.is_empty() => return Err(BadSearchAfter::NoSort.refuse("/search_after")),
        Some(after) if after.len() != keys.len() => {
            let (values, keys) = (after.len(), keys.len());
            return Err(BadSearchAfter::Count { values, keys }.refuse("/search_after"));
        }
        Some(after) => Some(
            after
                .iter()
                .zip(&keys)
                .enumerate()
                .map(|(n, (value, key))| {
                    SearchAfterPosition::read(
                        key,
                        value,
                        &join_pointer("/search_after", &n.to_string()),
                    )
                })
                .collect::<Result<_, _>>()?,
        ),
    };
    Ok(Sort { keys, after, nulls })
}

/// What a sort says beside the field.
pub(super) struct SortOptions<'v> {
    pub descending: bool,
    pub missing_first: bool,
    pub missing: Option<(&'v Value, String)>,
    pub greatest: Option<bool>,
    pub unmapped: Option<(&'v Value, String)>,
    pub unit: f64,
    pub others: Vec<(&'v str, &'v Value)>,
}

fn read_entry(
    context: &Context<'_>,
    item: &Value,
    at: &str,
    keys: &mut Vec<Key>,
) -> Result<(), StoreError> {
    match item {
        Value::String(name) => keys.push(field_key(context, name, &Value::Object(Map::new()), at)?),
        Value::Object(members) if !members.is_empty() => {
            for (name, options) in members {
                let here = join_pointer(at, name);
                keys.push(match name.as_str() {
                    "_geo_distance" => distance::distance_key(context, options, &here)?,
                    _ => field_key(context, name, options, &here)?,
                });
            }
        }
        _ => return Err(bad("a sort is a field's name, or an object of fields", at)),
    }
    Ok(())
}

pub(super) fn read_options<'v>(
    options: &'v Value,
    at: &str,
) -> Result<SortOptions<'v>, StoreError> {
    let mut read = SortOptions {
        descending: false,
        missing_first: false,
        missing: None,
        greatest: None,
        unmapped: None,
        unit: 1.0,
        others: Vec::new(),
    };
    let members = match options {
        Value::String(order) => {
            read.descending = is_descending(order, at)?;
            return Ok(read);
        }
        other => clause::expect_object(other, "sort", at)?,
    };
    for (name, value) in members {
        let here = join_pointer(at, name);
        match (name.as_str(), value.as_str()) {
            ("order", Some(order)) => read.descending = is_descending(order, &here)?,
            ("missing", Some("_last")) => read.missing_first = false,
            ("missing", Some("_first")) => read.missing_first = true,
            ("mode", Some("min")) => read.greatest = Some(false),
            ("mode", Some("max")) => read.greatest = Some(true),
            ("missing", _) => read.missing = Some((value, here)),
            ("mode", Some("sum" | "avg" | "median")) => {
                return Err(unsupported(format!("sort.{name}"), &here));
            }
            ("order" | "mode", _) => return Err(bad(format!("{value} is no {name}"), &here)),
            ("unmapped_type", _) => read.unmapped = Some((value, here)),
            ("unit", _) => read.unit = place::read_unit(value, &here)?,
            ("distance_type", Some("arc")) => {}
            _ => read.others.push((name, value)),
        }
    }
    Ok(read)
}

fn is_descending(order: &str, at: &str) -> Result<bool, StoreError> {
    match order.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(bad(format!("`{order}` is neither asc nor desc"), at)),
    }
}

fn field_key(
    context: &Context<'_>,
    name: &str,
    given: &Value,
    at: &str,
) -> Result<Key, StoreError> {
    if name == "_doc" {
        return Err(unsupported(format!("sort by {name}"), at));
    }
    if name == "_score" {
        return score_key(given, at);
    }
    let given = read_options(given, at)?;
    if let Some((other, _)) = given.others.first() {
        return Err(unsupported(
            format!("sort.{other}"),
            &join_pointer(at, other),
        ));
    }
    let mut sources = resolve_field(context.mapping, name, "sort", at)?;
    let unmapped = given.unmapped.as_ref();
    let fallback = unmapped
        .and_then(|(kind, _)| kind.as_str().and_then(Source::unmapped))
        .map(|source| source.kind);
    let is_nowhere = sources.iter().all(|source| source.kind == Type::Object);
    match &given.unmapped {
        Some((kind, here)) if is_nowhere => {
            let source = kind.as_str().and_then(Source::unmapped);
            let refuse = || unsupported(format!("sort.unmapped_type {kind}"), here);
            sources = vec![source.ok_or_else(refuse)?];
        }
        None if sources.is_empty() => {
            return Err(bad(
                format!("the field `{name}` is not in the mapping, so it cannot be sorted by"),
                at,
            ));
        }
        _ => {}
    }
    if let Some(refused) = sources.iter().find_map(|source| no_order(source, name)) {
        return Err(bad(refused, at));
    }
    let is_guessed = given.unmapped.is_none()
        && sources
            .iter()
            .any(|source| matches!(source.kind, Type::Guessed { .. }));
    let greatest = given.greatest.unwrap_or(given.descending);
    let mut key = Key {
        name: name.to_owned(),
        by: By::Values {
            sources,
            learned: Cell::new(None),
            is_guessed,
            fallback,
        },
        descending: given.descending,
        missing_first: given.missing_first,
        missing: None,
        greatest,
    };
    if let Some((value, here)) = given.missing {
        if is_guessed {
            return Err(unsupported("sort.missing", &here));
        }
        key.missing = Some(after::read_missing(&key, value, &here)?);
    }
    Ok(key)
}

/// The best first, unless it says otherwise.
fn score_key(given: &Value, at: &str) -> Result<Key, StoreError> {
    let order = match given {
        Value::Object(members) => {
            if let Some(other) = members.keys().find(|name| *name != "order") {
                return Err(bad(format!("`_score` takes no `{other}`"), at));
            }
            members.get("order").and_then(Value::as_str)
        }
        other => other.as_str(),
    };
    Ok(Key {
        name: "_score".to_owned(),
        by: By::Score,
        descending: order.map_or(Ok(true), |order| is_descending(order, at))?,
        missing_first: false,
        missing: None,
        greatest: true,
    })
}

/// Why a field cannot be sorted by.
fn no_order(source: &Source, name: &str) -> Option<String> {
    match &source.kind {
        Type::Text(options) if !options.fielddata => Some(format!(
            "`{name}` is text, which has no order: sort by a keyword of it"
        )),
        Type::Text(_) => None,
        Type::GeoPoint(_) => Some(format!("`{name}` is a point: sort by _geo_distance")),
        Type::Object => Some(format!("`{name}` is an object")),
        _ if !source.doc_values => Some(format!("`{name}` is kept without doc values")),
        _ => None,
    }
}
