//! Numbers written as text, read the way JavaScript's `parseFloat` does: the longest numeric prefix
//! counts. Must never return NaN or an infinity.

/// The number at the start of `text` (blanks before it are skipped), or nothing.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let length = numeric_prefix(text.as_bytes());
    text.get(..length)?
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
}

/// Length of the longest prefix that is a decimal literal; 0 when there is none.
fn numeric_prefix(bytes: &[u8]) -> usize {
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count()
    };
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        if whole + fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let exponent_sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = bytes
            .get(end + 1 + exponent_sign..)
            .map_or(0, |_| digits(end + 1 + exponent_sign));
        if exponent > 0 {
            end += 1 + exponent_sign + exponent;
        }
    }
    end
}
