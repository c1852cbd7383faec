//! Pairs of names and values as forms and queries write them. Pure.

use std::fmt::Write;

/// As RFC 6749, appendix B, wants it.
pub(super) fn encode_text(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

pub(super) fn encode_form(pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", encode_text(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// An address, which may have a query of its own, with these pairs behind that.
pub(super) fn add_query(address: &str, pairs: &[(&str, &str)]) -> String {
    let between = match address.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{address}{between}{}", encode_form(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_encoded() {
        assert_eq!(encode_text("a-b._~9"), "a-b._~9");
        assert_eq!(encode_text("a b+c&d=é\n"), "a%20b%2Bc%26d%3D%C3%A9%0A");
        assert_eq!(encode_form(&[("a", "1&b=2"), ("c", "")]), "a=1%26b%3D2&c=");
    }

    #[test]
    fn a_query_that_is_there_stays() {
        let pairs = [("a", "1")];
        for (address, wanted) in [
            ("https://i/x", "https://i/x?a=1"),
            ("https://i/x?", "https://i/x?a=1"),
            ("https://i/x?tenant=2", "https://i/x?tenant=2&a=1"),
            ("https://i/x?tenant=2&", "https://i/x?tenant=2&a=1"),
        ] {
            assert_eq!(add_query(address, &pairs), wanted);
        }
    }
}
