//! Does a scalar fit a field of a type? Nothing here knows where the value stands.

use super::TERM_LIMIT;
use crate::mapping::{
    Field, Kind,
    coerce::{self, Number},
    date::{self, NotAMoment},
    ip,
};
use serde_json::Value;

/// Why a scalar (or an object, where none is due) does not fit the kind. `literal` is the text of
/// the number.
pub(super) fn scalar_misfit(
    kind: &Kind,
    field: &Field,
    value: &Value,
    literal: Option<&str>,
) -> Option<String> {
    let is = |expected: &str| {
        Some(format!(
            "{} is not {expected}",
            crate::cell::shown_value(value)
        ))
    };
    let forgiven = field.ignore_malformed;
    match kind {
        Kind::Keyword { ignore_above } => {
            let Some(text) = coerce::scalar_text(value) else {
                return is("a keyword");
            };
            long_keyword(&text, *ignore_above, field.index || field.doc_values)
        }
        Kind::Text => coerce::scalar_text(value).map_or_else(|| is("text"), |_| None),
        Kind::Flattened { depth, .. } => match value {
            Value::Object(_) if object_levels(value) <= *depth => None,
            Value::Object(_) => Some(format!("objects nest deeper than the limit of {depth}")),
            _ => is("an object"),
        },
        Kind::Whole { .. }
        | Kind::Double
        | Kind::Float
        | Kind::HalfFloat
        | Kind::Date(_)
        | Kind::Boolean
        | Kind::Ip
            if value.is_object() =>
        {
            is("a value")
        }
        _ if forgiven => None,
        Kind::Whole { least, greatest } => {
            if is_empty(field, value) || is_whole(field, value, *least, *greatest) {
                None
            } else {
                is(&format!("a whole number from {least} to {greatest}"))
            }
        }
        Kind::Double | Kind::Float | Kind::HalfFloat => {
            let number = coerce::read_number(value, field.reader()).map(Number::real);
            let fits = number.is_some_and(|real| held_number(kind, real).is_finite())
                && (field.coerce || value.is_number());
            if is_empty(field, value) || fits {
                None
            } else {
                is("a number that fits")
            }
        }
        Kind::Boolean => coerce::read_boolean(value).map_or_else(|| is("true or false"), |_| None),
        Kind::Ip => match value.as_str().and_then(ip::parse) {
            Some(_) => None,
            None => is("an IP address"),
        },
        Kind::Date(formats) => {
            let read = match (value, literal) {
                (Value::Number(_), Some(text)) => date::parse_date(formats, text, date::Fill::Down),
                _ => date::of_document(formats, value),
            };
            if read == Err(NotAMoment::Malformed) {
                is("a date of the field's format")
            } else {
                None
            }
        }
        Kind::GeoPoint { .. }
        | Kind::Object(_)
        | Kind::Nested(_)
        | Kind::Alias(_)
        | Kind::Flat(_)
        | Kind::Other(_) => None,
    }
}

fn held_number(kind: &Kind, real: f64) -> f64 {
    match kind {
        Kind::Float => f64::from(real as f32),
        Kind::HalfFloat => coerce::to_half_float(real),
        _ => real,
    }
}

fn is_whole(field: &Field, value: &Value, least: i64, greatest: i64) -> bool {
    if value == "NaN" && greatest < i64::MAX && field.coerce {
        return true;
    }
    let number = coerce::read_number(value, field.reader());
    let strictly = field.coerce || value.is_number() && number.is_some_and(Number::is_whole);
    strictly
        && number
            .and_then(Number::truncated)
            .is_some_and(|whole| (least..=greatest).contains(&whole))
}

fn long_keyword(text: &str, ignore_above: Option<usize>, is_kept: bool) -> Option<String> {
    let ignored = ignore_above.is_some_and(|limit| text.encode_utf16().count() > limit);
    (text.len() > TERM_LIMIT && !ignored && is_kept).then(|| {
        format!(
            "a keyword has at most {TERM_LIMIT} bytes, this one has {}",
            text.len()
        )
    })
}

/// How many objects lie within each other.
fn object_levels(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(object_levels).max().unwrap_or(0),
        Value::Array(items) => items.iter().map(object_levels).max().unwrap_or(0),
        _ => 0,
    }
}

/// The empty text is no number, and is passed over where numbers are coerced.
fn is_empty(field: &Field, value: &Value) -> bool {
    field.coerce && value.as_str().is_some_and(str::is_empty)
}
