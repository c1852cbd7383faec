//! What came back, as a search shows it: documents without our member, hits without the names of
//! indices.

use super::{allow::is_ours, unavailable_error};
use crate::{body, read::damaged_error};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use store::{Collection, Hit, SearchRequest, SearchResult, Snapshot, StoreError};

#[derive(Deserialize)]
struct SearchAnswer<'a> {
    timed_out: bool,
    #[serde(borrow)]
    hits: Hits<'a>,
    aggregations: Option<Value>,
    suggest: Option<Value>,
    pit_id: Option<String>,
}

#[derive(Deserialize)]
struct Hits<'a> {
    total: Option<Total>,
    max_score: Option<f64>,
    #[serde(borrow)]
    hits: Vec<OneHit<'a>>,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
    relation: String,
}

#[derive(Deserialize)]
struct OneHit<'a> {
    _id: String,
    _index: String,
    _score: Option<f64>,
    #[serde(borrow)]
    _source: Option<&'a RawValue>,
    #[serde(default)]
    sort: Vec<Value>,
    highlight: Option<Value>,
    fields: Option<Value>,
    inner_hits: Option<Value>,
    matched_queries: Option<Value>,
}

/// `indices`: the place of the collection behind each index; empty where there is but one.
pub(super) fn read_result(
    answer: &[u8],
    collections: &[&Collection],
    indices: &[(String, usize)],
    request: &SearchRequest,
) -> Result<SearchResult, StoreError> {
    let answer: SearchAnswer = serde_json::from_slice(answer).map_err(damaged_error)?;
    if answer.timed_out {
        return Err(unavailable_error("the search timed out"));
    }
    let mut result = SearchResult {
        max_score: answer.hits.max_score,
        aggregations: answer.aggregations.map(tidied_hits),
        suggest: answer.suggest.map(tidied_hits),
        ..SearchResult::default()
    };
    if let Some(total) = answer.hits.total {
        result.total = Some(total.value);
        result.total_relation = (total.relation != "eq").then_some("gte");
    }
    if let Some(snapshot) = &request.snapshot {
        result.snapshot = Some(Snapshot {
            id: answer.pit_id.unwrap_or_else(|| snapshot.id.clone()),
            keep: snapshot.keep,
        });
    }
    for found in answer.hits.hits {
        result.hits.push(read_hit(found, collections, indices)?);
    }
    Ok(result)
}

fn read_hit(
    found: OneHit<'_>,
    collections: &[&Collection],
    indices: &[(String, usize)],
) -> Result<Hit, StoreError> {
    let place = indices.iter().find(|(index, _)| *index == found._index);
    let collection = match (collections, place) {
        ([_], _) => 0,
        (_, Some((_, place))) => *place,
        // Another index took its place meanwhile.
        (_, None) => return Err(unavailable_error("an index was replaced during the search")),
    };
    let at = format!("{}/{}", collections[collection].name(), found._id);
    let source = match found._source {
        None => None,
        Some(source) => {
            let (_, source) = body::cut_source(source.get())
                .map_err(|e| damaged_error(format_args!("{at}: {e}")))?;
            Some(source.ok_or_else(|| damaged_error(format_args!("{at}: a marker was found")))?)
        }
    };
    Ok(Hit {
        collection,
        id: found._id,
        score: found._score,
        source,
        sort: found.sort,
        highlight: found.highlight.and_then(without_ours),
        fields: found.fields.and_then(without_ours),
        inner_hits: found.inner_hits.map(tidied_hits),
        matched_queries: found.matched_queries,
    })
}

/// What is shown by field, without what a pattern may have met of the index itself.
fn without_ours(mut by_field: Value) -> Option<Value> {
    let members = by_field.as_object_mut()?;
    members.retain(|name, _| !is_ours(name));
    (!members.is_empty()).then_some(by_field)
}

/// The hits inside of an answer, without the names of indices and without our member.
fn tidied_hits(mut value: Value) -> Value {
    tidy_hits(&mut value);
    value
}

fn tidy_hits(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(tidy_hits),
        Value::Object(members) => {
            if members.contains_key("_index") && members.contains_key("_id") {
                for name in ["_index", "_type", "_ignored"] {
                    members.shift_remove(name);
                }
                if let Some(Value::Object(source)) = members.get_mut("_source") {
                    source.shift_remove("_consign");
                }
                for name in ["fields", "highlight"] {
                    if let Some(shown) = members.shift_remove(name).and_then(without_ours) {
                        members.insert(name.to_owned(), shown);
                    }
                }
            }
            let others = members.iter_mut().filter(|(name, _)| *name != "_source");
            others.for_each(|(_, value)| tidy_hits(value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
