//! A filter back as JSON, in the language it was parsed from. Must never write what would not parse
//! to the same filter.

use serde_json::{Map, Value, json};

use crate::field::FieldPath;
use crate::filter::{Bounds, Clause, Condition, Scalar, Shape};
use crate::geo;

/// An object of one property.
fn single_property(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

pub fn clause_json(clause: &Clause) -> Value {
    let all = |parts: &[Clause]| Value::Array(parts.iter().map(self::clause_json).collect());
    match clause {
        // Only a whole filter may be written as `{}`.
        Clause::Everything => json!({ "not": { "nothing": true } }),
        Clause::Nothing => json!({ "nothing": true }),
        Clause::Condition(leaf) => condition_json(leaf),
        Clause::Missing(leaf) => presence_json("missing", leaf),
        Clause::And(parts) => single_property("and", all(parts)),
        Clause::Or(parts) => single_property("or", all(parts)),
        Clause::Not(inner) => single_property("not", self::clause_json(inner)),
        Clause::Bool {
            must,
            must_not,
            should,
            should_not,
        } => {
            let parts = [
                ("must", must),
                ("must_not", must_not),
                ("should", should),
                ("should_not", should_not),
            ];
            let given = parts
                .iter()
                .filter(|(_, part)| !part.is_empty())
                .map(|(name, part)| ((*name).to_owned(), all(part)));
            single_property("bool", Value::Object(given.collect()))
        }
    }
}

pub fn condition_json(condition: &Condition) -> Value {
    match condition {
        Condition::Equals { field, value } => {
            single_property("equals", single_property(field.as_str(), value.to_json()))
        }
        Condition::In { field, values } => single_property(
            "in",
            single_property(
                field.as_str(),
                values.iter().map(|value| Value::from(&**value)).collect(),
            ),
        ),
        Condition::Exists { .. } | Condition::Holds { .. } => presence_json("exists", condition),
        Condition::Range { field, bounds } => single_property(
            "range",
            single_property(field.as_str(), limits_json(bounds)),
        ),
        Condition::Regexp { field, pattern } => {
            let flags = pattern.flags().to_text();
            let operand = if flags.is_empty() {
                json!(pattern.source())
            } else {
                json!({ "value": pattern.source(), "flags": flags })
            };
            single_property("regexp", single_property(field.as_str(), operand))
        }
        Condition::Geo { field, shape } => area_json(field, shape),
        Condition::Match { object } => single_property("match", Value::Object((**object).clone())),
        Condition::Select {
            field,
            index,
            query,
        } => single_property(
            "select",
            json!({ "field": field.as_str(), "index": index, "query": clause_json(query) }),
        ),
    }
}

fn presence_json(keyword: &str, condition: &Condition) -> Value {
    match condition {
        Condition::Exists { field } => single_property(keyword, escape_brackets(field).into()),
        Condition::Holds { field, value } => single_property(
            keyword,
            format!("{}[{}]", escape_brackets(field), scalar_text(value)).into(),
        ),
        other => self::condition_json(other),
    }
}

fn scalar_text(value: &Scalar) -> String {
    value.to_json().to_string()
}

fn escape_brackets(field: &FieldPath) -> String {
    field.as_str().replace('[', "\\[").replace(']', "\\]")
}

fn limits_json(bounds: &Bounds) -> Value {
    let low = bounds
        .low
        .map(|low| (if low.inclusive { "gte" } else { "gt" }, low));
    let high = bounds
        .high
        .map(|high| (if high.inclusive { "lte" } else { "lt" }, high));
    Value::Object(
        low.into_iter()
            .chain(high)
            .map(|(name, limit)| (name.to_owned(), limit.at.to_json()))
            .collect(),
    )
}

fn point_json(point: geo::Point) -> Value {
    json!({ "lat": point.lat, "lon": point.lon })
}

/// Metres without an exponent, which the language does not read.
fn metres_json(distance: f64) -> Value {
    format!("{distance}m").into()
}

fn area_json(field: &FieldPath, shape: &Shape) -> Value {
    let name = field.as_str().to_owned();
    match shape {
        Shape::Box(area) => {
            let edges = json!({ "top": area.top, "left": area.left, "bottom": area.bottom, "right": area.right });
            single_property("geoBoundingBox", single_property(&name, edges))
        }
        Shape::Circle { centre, radius } => {
            let operand = Map::from_iter([
                (name, point_json(*centre)),
                ("distance".to_owned(), metres_json(*radius)),
            ]);
            single_property("geoDistance", Value::Object(operand))
        }
        Shape::Ring { centre, from, to } => {
            let operand = [
                (name, point_json(*centre)),
                ("from".to_owned(), metres_json(*from)),
                ("to".to_owned(), metres_json(*to)),
            ];
            single_property("geoDistanceRange", Value::Object(Map::from_iter(operand)))
        }
        Shape::Polygon(polygon) => {
            let points: Vec<Value> = polygon
                .points()
                .iter()
                .map(|corner| point_json(*corner))
                .collect();
            single_property(
                "geoPolygon",
                single_property(&name, json!({ "points": points })),
            )
        }
    }
}
