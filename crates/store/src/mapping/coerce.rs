//! JSON values as an index takes them for its types: numbers from text, truncated fractions, truth
//! from text. It must never take more than Elasticsearch does.

use serde_json::Value;

/// A number as it stands in a document or a query, exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Whole(i128),
    Real(f64),
}

/// The number that a value is, by itself or as text.
pub fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => {
            let whole = number
                .as_i64()
                .map(i128::from)
                .or_else(|| number.as_u64().map(i128::from));
            whole
                .map(Number::Whole)
                .or_else(|| number.as_f64().map(Number::Real))
        }
        Value::String(text) => number_in(text.trim()),
        _ => None,
    }
}

fn number_in(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse::<i128>() {
        return Some(Number::Whole(whole));
    }
    // Rust also reads `inf` and `nan`, which are no numbers of an index.
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse::<f64>()
        .ok()
        .filter(|real| plain && real.is_finite())
        .map(Number::Real)
}

impl Number {
    /// Truncated towards zero, as an index keeps fractions in a whole-number field; `None` beyond
    /// `i64`.
    pub fn truncated(self) -> Option<i64> {
        match self {
            Self::Whole(whole) => i64::try_from(whole).ok(),
            Self::Real(real) => {
                let whole = real.trunc();
                // 2^63 itself is the first float that is too large.
                (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0)
                    .contains(&whole)
                    .then_some(whole as i64)
            }
        }
    }

    pub fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }
}

/// `true`, `"true"`, and so on; the empty text is false.
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => match text.as_str() {
            "true" => Some(true),
            "false" | "" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A scalar as the text that a keyword or text field indexes.
pub fn text(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::Bool(truth) => Some(if *truth { "true" } else { "false" }.into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
