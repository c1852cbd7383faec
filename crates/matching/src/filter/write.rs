//! A filter back as JSON, in the language it was parsed from. Must never write what would not parse
//! to the same filter.

use serde_json::{Map, Value, json};

use crate::field::FieldPath;
use crate::filter::{Bounds, Clause, Condition, Scalar, Shape};
use crate::geo;

/// An object of one property.
fn one(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

pub fn clause(clause: &Clause) -> Value {
    let all = |parts: &[Clause]| Value::Array(parts.iter().map(self::clause).collect());
    match clause {
        // Only a whole filter may be written as `{}`.
        Clause::Everything => json!({ "not": { "nothing": true } }),
        Clause::Nothing => json!({ "nothing": true }),
        Clause::Condition(leaf) => condition(leaf),
        Clause::Missing(leaf) => presence("missing", leaf),
        Clause::And(parts) => one("and", all(parts)),
        Clause::Or(parts) => one("or", all(parts)),
        Clause::Not(inner) => one("not", self::clause(inner)),
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
            one("bool", Value::Object(given.collect()))
        }
    }
}

pub fn condition(condition: &Condition) -> Value {
    match condition {
        Condition::Equals { field, value } => one("equals", one(field.as_str(), value.to_json())),
        Condition::In { field, values } => one(
            "in",
            one(
                field.as_str(),
                values.iter().map(|value| Value::from(&**value)).collect(),
            ),
        ),
        Condition::Exists { .. } | Condition::Holds { .. } => presence("exists", condition),
        Condition::Range { field, bounds } => one("range", one(field.as_str(), limits(bounds))),
        Condition::Regexp { field, pattern } => {
            let flags = pattern.flags().to_text();
            let operand = if flags.is_empty() {
                json!(pattern.source())
            } else {
                json!({ "value": pattern.source(), "flags": flags })
            };
            one("regexp", one(field.as_str(), operand))
        }
        Condition::Geo { field, shape } => area(field, shape),
        Condition::Match { object } => one("match", Value::Object((**object).clone())),
        Condition::Select {
            field,
            index,
            query,
        } => one(
            "select",
            json!({ "field": field.as_str(), "index": index, "query": clause(query) }),
        ),
    }
}

fn presence(keyword: &str, condition: &Condition) -> Value {
    match condition {
        Condition::Exists { field } => one(keyword, escape_brackets(field).into()),
        Condition::Holds { field, value } => one(
            keyword,
            format!("{}[{}]", escape_brackets(field), scalar(value)).into(),
        ),
        other => self::condition(other),
    }
}

fn scalar(value: &Scalar) -> String {
    value.to_json().to_string()
}

fn escape_brackets(field: &FieldPath) -> String {
    field.as_str().replace('[', "\\[").replace(']', "\\]")
}

fn limits(bounds: &Bounds) -> Value {
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

fn point(point: geo::Point) -> Value {
    json!({ "lat": point.lat, "lon": point.lon })
}

/// Metres without an exponent, which the language does not read.
fn metres(distance: f64) -> Value {
    format!("{distance}m").into()
}

fn area(field: &FieldPath, shape: &Shape) -> Value {
    let name = field.as_str().to_owned();
    match shape {
        Shape::Box(area) => {
            let edges = json!({ "top": area.top, "left": area.left, "bottom": area.bottom, "right": area.right });
            one("geoBoundingBox", one(&name, edges))
        }
        Shape::Circle { centre, radius } => {
            let operand = Map::from_iter([
                (name, point(*centre)),
                ("distance".to_owned(), metres(*radius)),
            ]);
            one("geoDistance", Value::Object(operand))
        }
        Shape::Ring { centre, from, to } => {
            let operand = [
                (name, point(*centre)),
                ("from".to_owned(), metres(*from)),
                ("to".to_owned(), metres(*to)),
            ];
            one("geoDistanceRange", Value::Object(Map::from_iter(operand)))
        }
        Shape::Polygon(polygon) => {
            let points: Vec<Value> = polygon
                .points()
                .iter()
                .map(|corner| point(*corner))
                .collect();
            one("geoPolygon", one(&name, json!({ "points": points })))
        }
    }
}
