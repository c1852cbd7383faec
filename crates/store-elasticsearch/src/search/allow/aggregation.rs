//! Aggregations, nested as deep as they may be.

use super::{clause, page, refused};
use serde_json::Value;
use store::{StoreError, cell::pointer};

/// Those that look at values or at the buckets of others, without queries inside.
const OF_VALUES: [&str; 58] = [
    "auto_date_histogram",
    "avg",
    "avg_bucket",
    "boxplot",
    "bucket_sort",
    "cardinality",
    "categorize_text",
    "change_point",
    "children",
    "composite",
    "cumulative_cardinality",
    "cumulative_sum",
    "date_histogram",
    "date_range",
    "derivative",
    "diversified_sampler",
    "extended_stats",
    "extended_stats_bucket",
    "frequent_item_sets",
    "geo_bounds",
    "geo_centroid",
    "geo_distance",
    "geo_line",
    "geohash_grid",
    "geohex_grid",
    "geotile_grid",
    "histogram",
    "ip_prefix",
    "ip_range",
    "matrix_stats",
    "max",
    "max_bucket",
    "median_absolute_deviation",
    "min",
    "min_bucket",
    "missing",
    "moving_percentiles",
    "multi_terms",
    "nested",
    "normalize",
    "parent",
    "percentile_ranks",
    "percentiles",
    "percentiles_bucket",
    "random_sampler",
    "range",
    "rare_terms",
    "rate",
    "reverse_nested",
    "sampler",
    "serial_diff",
    "stats",
    "stats_bucket",
    "string_stats",
    "sum",
    "sum_bucket",
    "terms",
    "top_metrics",
];
const OTHERS: [&str; 3] = ["value_count", "variable_width_histogram", "weighted_avg"];

/// `{"name": {"kind": …}}`.
pub(super) fn all(value: &Value, at: &str) -> Result<(), StoreError> {
    for (name, aggregation) in value.as_object().into_iter().flatten() {
        let at = pointer(at, name);
        for (kind, body) in aggregation.as_object().into_iter().flatten() {
            one(kind, body, &pointer(&at, kind))?;
        }
    }
    Ok(())
}

fn one(kind: &str, body: &Value, at: &str) -> Result<(), StoreError> {
    match kind {
        "aggs" | "aggregations" => all(body, at),
        "meta" => Ok(()),
        "filter" => clause::query(body, at),
        "filters" | "adjacency_matrix" => filters(body, at),
        "top_hits" => page::hits(body, at),
        "composite" => composite(body, at),
        "top_metrics" => {
            let sort = body.get("sort");
            sort.map_or(Ok(()), |sort| page::sort(sort, &pointer(at, "sort")))?;
            parameters(body, at)
        }
        _ if OF_VALUES.contains(&kind) || OTHERS.contains(&kind) => parameters(body, at),
        other => Err(refused(format!("the aggregation `{other}`"), at)),
    }
}

/// Queries by name, or an array of them.
fn filters(body: &Value, at: &str) -> Result<(), StoreError> {
    let here = pointer(at, "filters");
    match body.get("filters") {
        Some(Value::Object(named)) => named
            .iter()
            .try_for_each(|(name, filter)| clause::query(filter, &pointer(&here, name))),
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .try_for_each(|(n, filter)| clause::query(filter, &pointer(&here, &n.to_string()))),
        _ => Ok(()),
    }
}

fn composite(body: &Value, at: &str) -> Result<(), StoreError> {
    let here = pointer(at, "sources");
    let source = |source: &Value, at: &str| {
        let mut named = source.as_object().into_iter().flatten();
        named.try_for_each(|(name, kinds)| parameters(kinds, &pointer(at, name)))
    };
    match body.get("sources") {
        Some(Value::Array(sources)) => {
            for (n, one) in sources.iter().enumerate() {
                source(one, &pointer(&here, &n.to_string()))?;
            }
        }
        Some(one) => source(one, &here)?,
        None => {}
    }
    let Some(members) = body.as_object() else {
        return Ok(());
    };
    let mut others = members
        .iter()
        .filter(|(name, _)| *name != "sources" && *name != "after");
    others.try_for_each(|(name, value)| parameters(value, &pointer(at, name)))
}

/// No script at any depth, no field of the index itself.
fn parameters(value: &Value, at: &str) -> Result<(), StoreError> {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            let here = pointer(at, name);
            if name == "script" || name.ends_with("_script") {
                return Err(refused("a script", &here));
            }
            if name == "field" || name == "fields" {
                page::fields(value, &here)?;
            }
            // Of a frequent item set.
            if name == "filter" {
                return clause::query(value, &here);
            }
            parameters(value, &here)
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(n, item)| parameters(item, &pointer(at, &n.to_string()))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
