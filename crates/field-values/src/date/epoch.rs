//! Dates as numbers since 1970. An exponent is no digit.

use super::Fill;

/// Sign, whole part, fraction's digits.
fn split_number(text: &str, longest_fraction: usize) -> Option<(bool, i64, Option<&str>)> {
    let (negative, digits) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !fraction.is_none_or(|part| plain(part) && part.len() <= longest_fraction) {
        return None;
    }
    Some((negative, whole.parse().ok()?, fraction))
}

/// Fractions of a millisecond are cut off downwards.
pub fn parse_millis(text: &str) -> Option<i64> {
    let (negative, whole, fraction) = split_number(text, 6)?;
    let more = fraction.is_some_and(|digits| digits.bytes().any(|byte| byte != b'0'));
    if negative {
        Some(-whole - i64::from(more))
    } else {
        Some(whole)
    }
}

pub fn parse_seconds(text: &str, fill: Fill) -> Option<i64> {
    let (negative, whole, fraction) = split_number(text, 9)?;
    let nanos: i64 = format!("{:0<9}", fraction.unwrap_or_default())
        .parse()
        .ok()?;
    let seconds = whole.checked_mul(1_000)?;
    let millis = if negative {
        -seconds - (nanos + 999_999) / 1_000_000
    } else {
        seconds + nanos / 1_000_000
    };
    let rest = if fraction.is_none() && fill == Fill::Up {
        999
    } else {
        0
    };
    Some(millis + rest)
}
