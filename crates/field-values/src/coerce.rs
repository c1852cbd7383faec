//! JSON values as an index takes them for its types: numbers from text, truncated fractions, truth
//! from text. It must never take more than Elasticsearch does.

use serde_json::Value;

/// A number as it stands in a document or a query, exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    Whole(i128),
    Real(f64),
}

/// How a field reads numbers that are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// `long`: decimal digits and nothing around them.
    Exact,
    /// All others: as Java reads a double, blanks around it and `1f` and `0x1p3` included.
    Float,
}

/// The number that a value is, by itself or as text.
pub fn read_number(value: &Value, reader: Reader) -> Option<Number> {
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
        Value::String(text) => match reader {
            Reader::Exact => parse_decimal(text),
            Reader::Float => parse_float(text),
        },
        _ => None,
    }
}

fn parse_decimal(text: &str) -> Option<Number> {
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

fn parse_float(text: &str) -> Option<Number> {
    let trimmed = text.trim_matches(|letter: char| letter <= ' ');
    let plain = trimmed.strip_suffix(['f', 'F', 'd', 'D']);
    parse_decimal(trimmed)
        .or_else(|| parse_decimal(plain?))
        .or_else(|| parse_hexadecimal(trimmed))
}

/// `0x1.8p3`
fn parse_hexadecimal(text: &str) -> Option<Number> {
    let text = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
    let (sign, digits) = text
        .strip_prefix('-')
        .map_or((1.0, text), |rest| (-1.0, rest));
    let digits = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))?;
    let (mantissa, exponent) = digits.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || all.len() > 15 {
        return None;
    }
    let mantissa = i64::from_str_radix(&all, 16).ok()? as f64;
    let exponent = exponent.parse::<i32>().ok()? - 4 * fraction.len() as i32;
    let real = sign * mantissa * 2_f64.powi(exponent);
    real.is_finite().then_some(Number::Real(real))
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

    pub fn is_whole(self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Real(real) => real.fract() == 0.0,
        }
    }
}

/// The nearest number that 16 bits hold; beyond the largest, an infinity.
pub fn to_half_float(real: f64) -> f64 {
    let single = real as f32;
    if single == 0.0 || !single.is_finite() {
        return single.into();
    }
    // Eleven bits of precision, fewer below the least normal number.
    let exponent = single.abs().log2().floor().max(-14.0);
    let step = f64::from(exponent - 10.0).exp2();
    let rounded = (f64::from(single) / step).round_ties_even() * step;
    if rounded.abs() > 65_504.0 {
        f64::INFINITY.copysign(rounded)
    } else {
        rounded
    }
}

/// A text letter by letter in lower case, as an index has it: a letter stays one.
pub fn lowercase_text(text: &str) -> String {
    let one = |letter: char| letter.to_lowercase().next().unwrap_or(letter);
    text.chars().map(one).collect()
}

/// A value of a document: `true`, `"true"`, and so on; the empty text is false.
pub fn read_boolean(value: &Value) -> Option<bool> {
    match value.as_str() {
        Some("") => Some(false),
        _ => strict_boolean(value),
    }
}

/// A value of a query or of a parameter.
pub fn strict_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) => match text.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// A scalar as the text that a keyword or text field indexes.
pub fn scalar_text(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        // Java and JavaScript differ about a `+` in front of an exponent; the shortest has none.
        Value::Number(number) => {
            let text = number.to_string();
            let has_plus = text.contains("e+");
            Some(
                if has_plus {
                    text.replace("e+", "e")
                } else {
                    text
                }
                .into(),
            )
        }
        Value::Bool(truth) => Some(if *truth { "true" } else { "false" }.into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
