//! Aggregations, nested as deep as they may be.

use super::{clause, page, unsupported_clause};
use serde_json::Value;
use store::{StoreError, cell::join_pointer};

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
pub(super) fn allow_aggregations(value: &Value, at: &str) -> Result<(), StoreError> {
    for (name, aggregation) in value.as_object().into_iter().flatten() {
        let at = join_pointer(at, name);
        for (kind, body) in aggregation.as_object().into_iter().flatten() {
            allow_aggregation(kind, body, &join_pointer(&at, kind))?;
        }
    }
    Ok(())
}

fn allow_aggregation(kind: &str, body: &Value, at: &str) -> Result<(), StoreError> {
    match kind {
        "aggs" | "aggregations" => allow_aggregations(body, at),
        "meta" => Ok(()),
        "filter" => clause::allow_query(body, at),
        "filters" | "adjacency_matrix" => allow_filters(body, at),
        "top_hits" => page::allow_hits(body, at),
        "composite" => allow_composite(body, at),
        "top_metrics" => {
            let sort = body.get("sort");
            sort.map_or(Ok(()), |sort| {
                page::allow_sort(sort, &join_pointer(at, "sort"))
            })?;
            allow_parameters(body, at)
        }
        _ if OF_VALUES.contains(&kind) || OTHERS.contains(&kind) => allow_parameters(body, at),
        other => Err(unsupported_clause(format!("the aggregation `{other}`"), at)),
    }
}

/// Queries by name, or an array of them.
fn allow_filters(body: &Value, at: &str) -> Result<(), StoreError> {
    let here = join_pointer(at, "filters");
    match body.get("filters") {
        Some(Value::Object(named)) => named
            .iter()
            .try_for_each(|(name, filter)| clause::allow_query(filter, &join_pointer(&here, name))),
        Some(Value::Array(items)) => items.iter().enumerate().try_for_each(|(n, filter)| {
            clause::allow_query(filter, &join_pointer(&here, &n.to_string()))
        }),
        _ => Ok(()),
    }
}

fn allow_composite(body: &Value, at: &str) -> Result<(), StoreError> {
    let here = join_pointer(at, "sources");
    let source = |source: &Value, at: &str| {
        let mut named = source.as_object().into_iter().flatten();
        named.try_for_each(|(name, kinds)| allow_parameters(kinds, &join_pointer(at, name)))
    };
    match body.get("sources") {
        Some(Value::Array(sources)) => {
            for (n, one) in sources.iter().enumerate() {
                source(one, &join_pointer(&here, &n.to_string()))?;
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
    others.try_for_each(|(name, value)| allow_parameters(value, &join_pointer(at, name)))
}

/// No script at any depth, no field of the index itself.
fn allow_parameters(value: &Value, at: &str) -> Result<(), StoreError> {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            let here = join_pointer(at, name);
            if name == "script" || name.ends_with("_script") {
                return Err(unsupported_clause("a script", &here));
            }
            if name == "field" || name == "fields" {
                page::allow_fields(value, &here)?;
            }
            // Of a frequent item set.
            if name == "filter" {
                return clause::allow_query(value, &here);
            }
            allow_parameters(value, &here)
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(n, item)| allow_parameters(item, &join_pointer(at, &n.to_string()))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
