//! A key of a sort that is a distance. Must never take a parameter that would change the order.

use super::{
    key::{By, Key},
    read::read_options,
};
use crate::search::{Context, bad, clause, field::resolve_field, query::point_field, unsupported};
use serde_json::Value;
use store::{
    StoreError,
    cell::join_pointer,
    mapping::point::{Point, read_point},
};

pub fn distance_key(context: &Context<'_>, given: &Value, at: &str) -> Result<Key, StoreError> {
    clause::expect_object(given, "_geo_distance", at)?;
    let read = read_options(given, at)?;
    let (field, from) = match read.others.as_slice() {
        [] => return Err(bad("`_geo_distance` names no field", at)),
        [one] => *one,
        [(first, _), (second, _), ..] => {
            let parameter = if [
                "validation_method",
                "ignore_unmapped",
                "distance_type",
                "nested",
            ]
            .contains(first)
            {
                first
            } else {
                second
            };
            return Err(unsupported(
                format!("_geo_distance.{parameter}"),
                &join_pointer(at, parameter),
            ));
        }
    };
    let here = join_pointer(at, field);
    // Nested points are refused by name.
    resolve_field(context.mapping, field, "sort", &here)?;
    let (source, leniency) = point_field(context, field, "_geo_distance", &here)?;
    if !source.doc_values {
        return Err(bad(format!("`{field}` is kept without doc values"), &here));
    }
    let from = read_origins(from).map_err(|message| bad(message, &here))?;
    if from.is_empty() {
        return Err(bad("`_geo_distance` needs a point", &here));
    }
    let greatest = read.greatest.unwrap_or(read.descending);
    let by = By::Distance {
        source,
        leniency,
        from,
        unit: read.unit,
    };
    Ok(Key {
        name: field.to_owned(),
        by,
        descending: read.descending,
        missing_first: false,
        missing: None,
        greatest,
    })
}

/// One point, or an array of points.
fn read_origins(value: &Value) -> Result<Vec<Point>, String> {
    match value {
        Value::Array(items) if !items.first().is_some_and(Value::is_number) => {
            items.iter().map(read_point).collect()
        }
        one => Ok(vec![read_point(one)?]),
    }
}
