//! A search as it is sent: markers left out, and our own member where the id stands for it.

use serde_json::{Map, Value, json};
use store::SearchRequest;

/// Where documents keep their id once more: `_id` itself can neither be sorted nor grouped by on a
/// cluster as it comes.
const ID: &str = "_consign.id";

/// The query without markers. In `must`, so that scores are the query's own.
pub(super) fn living_query(query: Option<&Value>) -> Value {
    let must = query.cloned().unwrap_or_else(|| json!({"match_all": {}}));
    json!({"bool": {"must": [must], "must_not": [{"term": {"_consign.deleted": true}}]}})
}

pub(super) fn search_body(request: &SearchRequest) -> Value {
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    put("query", Some(living_query(request.query.as_ref())));
    put("from", Some(request.from.into()));
    put("size", Some(request.size.into()));
    let tracked = request.track_total_hits.map(|tracked| json!(tracked));
    put("track_total_hits", Some(tracked.unwrap_or(true.into())));
    put("sort", request.sort.as_ref().map(sort_keys));
    put(
        "search_after",
        request.search_after.as_ref().map(|after| json!(after)),
    );
    put(
        "aggs",
        request.aggregations.as_ref().map(aggregation_bodies),
    );
    put("collapse", request.collapse.as_ref().map(collapse_body));
    for (name, value) in [
        ("_source", &request.source),
        ("highlight", &request.highlight),
        ("suggest", &request.suggest),
        ("fields", &request.fields),
        ("docvalue_fields", &request.docvalue_fields),
        ("post_filter", &request.post_filter),
        ("rescore", &request.rescore),
    ] {
        put(name, value.clone());
    }
    put("min_score", request.min_score.map(Value::from));
    put("track_scores", request.track_scores.map(Value::from));
    let snapshot = request.snapshot.as_ref();
    put(
        "pit",
        snapshot.map(|it| json!({"id": it.id, "keep_alive": format!("{}ms", it.keep)})),
    );
    body.into()
}

/// `_id` cannot be sorted by on a cluster as it comes; our member has it once more.
fn sort_keys(sort: &Value) -> Value {
    let one = |key: &Value| match key {
        Value::String(name) if name == "_id" => json!(ID),
        Value::Object(members) if members.contains_key("_id") => {
            let renamed = members.iter().map(|(name, order)| {
                (
                    if name == "_id" { ID } else { name }.to_owned(),
                    order.clone(),
                )
            });
            Value::Object(renamed.collect())
        }
        other => other.clone(),
    };
    match sort {
        Value::Array(keys) => keys.iter().map(one).collect(),
        key => one(key),
    }
}

/// Hits inside of an answer.
fn inner_hits(page: &Value) -> Value {
    let mut page = page.clone();
    if let Some(sort) = page.get_mut("sort") {
        *sort = sort_keys(sort);
    }
    page
}

fn collapse_body(collapse: &Value) -> Value {
    let mut collapse = collapse.clone();
    if let Some(field) = collapse.get_mut("field").filter(|field| *field == "_id") {
        *field = json!(ID);
    }
    if let Some(inner) = collapse.get_mut("inner_hits") {
        *inner = match &*inner {
            Value::Array(pages) => pages.iter().map(inner_hits).collect(),
            one => inner_hits(one),
        };
    }
    collapse
}

/// Every aggregation of a tree, with ids as our member has them.
fn aggregation_bodies(all: &Value) -> Value {
    let Value::Object(named) = all else {
        return all.clone();
    };
    let one = |aggregation: &Value| {
        let Value::Object(members) = aggregation else {
            return aggregation.clone();
        };
        let member = |(name, body): (&String, &Value)| {
            let body = match name.as_str() {
                "aggs" | "aggregations" => aggregation_bodies(body),
                "meta" => body.clone(),
                "top_hits" => inner_hits(body),
                "composite" => composite_body(body),
                "filter" | "filters" | "adjacency_matrix" => body.clone(),
                _ => by_id(body),
            };
            (name.clone(), body)
        };
        members.iter().map(member).collect()
    };
    named
        .iter()
        .map(|(name, aggregation)| (name.clone(), one(aggregation)))
        .collect()
}

/// The parameters of an aggregation whose field is the id.
fn by_id(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(field) = body.get_mut("field").filter(|field| *field == "_id") {
        *field = json!(ID);
    }
    if let Some(sort) = body.get_mut("sort") {
        *sort = sort_keys(sort);
    }
    for name in ["terms", "metrics"] {
        match body.get_mut(name) {
            Some(Value::Array(items)) => items.iter_mut().for_each(|item| *item = by_id(item)),
            Some(one @ Value::Object(_)) => *one = by_id(one),
            _ => {}
        }
    }
    body
}

fn composite_body(body: &Value) -> Value {
    let mut body = body.clone();
    let sources = match body.get_mut("sources") {
        Some(Value::Array(sources)) => sources.iter_mut().collect(),
        one => one.into_iter().collect::<Vec<_>>(),
    };
    for source in sources {
        let named = source.as_object_mut().into_iter().flatten();
        for (_, kinds) in named {
            let kinds = kinds.as_object_mut().into_iter().flatten();
            kinds.for_each(|(_, kind)| *kind = by_id(kind));
        }
    }
    body
}

#[cfg(test)]
mod tests;
