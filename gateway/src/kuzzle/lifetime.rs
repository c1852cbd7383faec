//! How long a token is to live: `expiresIn`, a number of milliseconds or a text such as `1h`.

use super::{Fault, KuzzleCall};
use serde_json::Value;

const EXPECTED: &str = "milliseconds, or a text such as \"30m\", \"12h\" or \"7d\"";

/// `None`: nothing is asked for. `Some(None)`: it is never to end.
pub(super) fn requested_lifetime(call: KuzzleCall<'_>) -> Result<Option<Option<i64>>, Fault> {
    match call.request.args.get("expiresIn") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => read_lifetime(value)
            .map(Some)
            .ok_or_else(|| Fault::invalid("expiresIn", EXPECTED)),
    }
}

fn read_lifetime(value: &Value) -> Option<Option<i64>> {
    let millis = match value {
        Value::Number(number) => number.as_i64()?,
        Value::String(text) => parse_duration(text.trim())?,
        _ => return None,
    };
    match millis {
        -1 => Some(None),
        millis if millis > 0 => Some(Some(millis)),
        _ => None,
    }
}

fn parse_duration(text: &str) -> Option<i64> {
    let end = text.find(|letter: char| letter.is_ascii_alphabetic() || letter == ' ');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let number: f64 = number
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    let unit = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
        "m" | "min" | "mins" | "minute" | "minutes" => 60e3,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600e3,
        "d" | "day" | "days" => 86_400e3,
        "w" | "week" | "weeks" => 7.0 * 86_400e3,
        "y" | "yr" | "yrs" | "year" | "years" => 365.25 * 86_400e3,
        _ => return None,
    };
    Some((number * unit) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lifetimes_are_read_as_clients_write_them() {
        let cases = [
            (json!(900), Some(Some(900))),
            (json!("900"), Some(Some(900))),
            (json!("1h"), Some(Some(3_600_000))),
            (json!("1.5 hours"), Some(Some(5_400_000))),
            (json!("30d"), Some(Some(2_592_000_000))),
            (json!(-1), Some(None)),
            (json!("-1"), Some(None)),
            (json!(0), None),
            (json!(-2), None),
            (json!("soon"), None),
            (json!("1 fortnight"), None),
            (json!(true), None),
        ];
        for (value, expected) in cases {
            assert_eq!(read_lifetime(&value), expected, "{value}");
        }
    }
}
