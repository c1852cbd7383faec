//! The canonical text of a condition: equal exactly when two conditions say the same. Room ids are
//! made from these texts, so changing one changes the id of every filter that has such a condition:
//! it must never happen by accident.

use serde_json::{Value, json};

use crate::field::FieldPath;
use crate::filter::{Bounds, Clause, Condition, Scalar, Shape};
use crate::geo::{BoundingBox, Point};
use crate::number::Number;

/// The text of a condition in canonical form; the query of a `select` in it must be so too.
pub fn condition_key(condition: &Condition) -> String {
    match condition {
        Condition::Equals { field, value } => scalar_key("equals", field, value),
        Condition::In { field, values } => {
            let values: Vec<Value> = values.iter().map(|value| Value::from(&**value)).collect();
            key_text("in", field, &values)
        }
        Condition::Exists { field } => key_text("exists", field, &[]),
        Condition::Holds { field, value } => scalar_key("holds", field, value),
        Condition::Range { field, bounds } => range_key(field, bounds),
        Condition::Regexp { field, pattern } => {
            let mut text = start_key("regexp", field);
            text.push(',');
            write_quoted(pattern.source(), &mut text);
            text.push(',');
            write_quoted(&pattern.flags().to_text(), &mut text);
            text.push(']');
            text
        }
        Condition::Geo { field, shape } => area_key(field, shape),
        Condition::Match { object } => {
            format!(
                "[\"match\",{}]",
                sorted_value(&Value::Object((**object).clone()))
            )
        }
        Condition::Select {
            field,
            index,
            query,
        } => {
            format!(
                "[\"select\",{},{index},{}]",
                Value::from(field.as_str()),
                clause_key(query)
            )
        }
    }
}

/// The text of a clause in canonical form, which holds no `bool`.
fn clause_key(clause: &Clause) -> String {
    let parts = |parts: &[Clause]| {
        parts
            .iter()
            .map(self::clause_key)
            .collect::<Vec<_>>()
            .join(",")
    };
    match clause {
        Clause::Everything => "true".to_owned(),
        Clause::Nothing => "false".to_owned(),
        Clause::Condition(leaf) => condition_key(leaf),
        Clause::Missing(leaf) => format!("{{\"not\":{}}}", condition_key(leaf)),
        Clause::Not(inner) => format!("{{\"not\":{}}}", self::clause_key(inner)),
        Clause::And(all) => format!("{{\"and\":[{}]}}", parts(all)),
        Clause::Or(any) => format!("{{\"or\":[{}]}}", parts(any)),
        Clause::Bool {
            must,
            must_not,
            should,
            should_not,
        } => {
            let parts = [must, must_not, should, should_not].map(|part| parts(part));
            format!("{{\"bool\":[[{}]]}}", parts.join("],["))
        }
    }
}

fn key_text(keyword: &str, field: &FieldPath, operands: &[Value]) -> String {
    let mut text = start_key(keyword, field);
    for operand in operands {
        text.push(',');
        text.push_str(&operand.to_string());
    }
    text.push(']');
    text
}

/// `["keyword","field"`, to which operands and the closing bracket are added: JSON, written without
/// making a value of it first.
fn start_key(keyword: &str, field: &FieldPath) -> String {
    let mut text = String::with_capacity(keyword.len() + field.as_str().len() + 40);
    text.push('[');
    write_quoted(keyword, &mut text);
    text.push(',');
    write_quoted(field.as_str(), &mut text);
    text
}

fn write_quoted(plain: &str, text: &mut String) {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\' || byte == 0x7f;
    if plain.bytes().any(special) {
        text.push_str(&Value::from(plain).to_string());
    } else {
        text.push('"');
        text.push_str(plain);
        text.push('"');
    }
}

fn scalar_key(keyword: &str, field: &FieldPath, value: &Scalar) -> String {
    let mut text = start_key(keyword, field);
    text.push(',');
    match value {
        Scalar::String(plain) => write_quoted(plain, &mut text),
        other => text.push_str(&other.to_json().to_string()),
    }
    text.push(']');
    text
}

fn range_key(field: &FieldPath, bounds: &Bounds) -> String {
    let mut text = start_key("range", field);
    for (limit, names) in [(bounds.low, ["gt", "gte"]), (bounds.high, ["lt", "lte"])] {
        if let Some(limit) = limit {
            text.push(',');
            write_quoted(names[usize::from(limit.inclusive)], &mut text);
            text.push(',');
            text.push_str(&limit.at.to_json().to_string());
        }
    }
    text.push(']');
    text
}

fn area_key(field: &FieldPath, shape: &Shape) -> String {
    match shape {
        Shape::Box(area) => key_text("geoBoundingBox", field, &edge_values(area)),
        Shape::Circle { centre, radius } => {
            let [lat, lon] = position_values(*centre);
            key_text("geoDistance", field, &[lat, lon, float_value(*radius)])
        }
        Shape::Ring { centre, from, to } => {
            let [lat, lon] = position_values(*centre);
            key_text(
                "geoDistanceRange",
                field,
                &[lat, lon, float_value(*from), float_value(*to)],
            )
        }
        Shape::Polygon(polygon) => key_text("geoPolygon", field, &corner_values(polygon.points())),
    }
}

/// One spelling per number: no `-0`, no `1.0`.
fn float_value(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Number::to_json)
}

/// The same longitude in [-180, 180).
fn wrapped_longitude(lon: f64) -> f64 {
    if (-180.0..180.0).contains(&lon) {
        lon
    } else {
        lon - 360.0 * ((lon + 180.0) / 360.0).floor()
    }
}

fn position_values(point: Point) -> [Value; 2] {
    [
        float_value(point.lat),
        float_value(wrapped_longitude(point.lon)),
    ]
}

/// A box across the antimeridian is the same whether its right edge is written 181 or -179.
fn edge_values(area: &BoundingBox) -> [Value; 4] {
    let ordinary = |lon: f64| (-180.0..=180.0).contains(&lon);
    let (left, right) =
        if (ordinary(area.left) && ordinary(area.right)) || area.right - area.left >= 360.0 {
            (area.left, area.right)
        } else {
            let left = wrapped_longitude(area.left);
            let right = wrapped_longitude(area.right);
            // A right edge on the antimeridian belongs to the box on its left.
            (left, if right == -180.0 { 180.0 } else { right })
        };
    [
        float_value(area.top),
        float_value(left),
        float_value(area.bottom),
        float_value(right),
    ]
}

/// The corners from the smallest one on, in the direction that gives the smaller list: neither
/// where the list starts, nor its orientation, nor a repeated last corner changes the polygon.
fn corner_values(points: &[Point]) -> Vec<Value> {
    let key = |point: &Point| {
        (
            Number::from_f64(point.lat),
            Number::from_f64(wrapped_longitude(point.lon)),
        )
    };
    let mut keys: Vec<_> = points.iter().map(key).collect();
    keys.dedup();
    while keys.len() > 1 && keys.first() == keys.last() {
        keys.pop();
    }
    let smallest = keys.iter().min().copied();
    let mut best: Option<Vec<_>> = None;
    for _ in 0..2 {
        for start in (0..keys.len())
            .filter(|at| Some(keys[*at]) == smallest)
            .take(MOST_STARTS)
        {
            let turned: Vec<_> = keys[start..]
                .iter()
                .chain(&keys[..start])
                .copied()
                .collect();
            if best.as_ref().is_none_or(|best| turned < *best) {
                best = Some(turned);
            }
        }
        keys.reverse();
    }
    let number = |number: Option<Number>| number.map_or(Value::Null, Number::to_json);
    best.unwrap_or_default()
        .into_iter()
        .map(|(lat, lon)| json!([number(lat), number(lon)]))
        .collect()
}

/// A corner that comes more often than this is not tried as a start each time.
const MOST_STARTS: usize = 8;

/// JSON with the keys of objects and the elements of arrays in order, and each number in its one
/// spelling.
pub fn sorted_value(value: &Value) -> Value {
    match value {
        Value::Number(number) => Number::from_json(number).map_or(Value::Null, Number::to_json),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(sorted_value).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(object) => {
            let mut entries: Vec<(String, Value)> = object
                .iter()
                .map(|(key, value)| (key.clone(), sorted_value(value)))
                .collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(entries.into_iter().collect())
        }
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}
