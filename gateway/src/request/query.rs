//! Query strings and percent-encoding.

use crate::error::{Code, Problem};

/// The decoded pairs, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QueryString(Vec<(String, String)>);

impl QueryString {
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Problem> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(Self::default());
        };
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((percent_decode(name, true)?, percent_decode(value, true)?));
        }
        Ok(Self(pairs))
    }

    /// All pairs, in order.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Nothing that is asked for would be left out.
    pub(crate) fn expect_only(&self, known: &[&str]) -> Result<(), Problem> {
        let unknown = self.pairs().find(|(name, _)| !known.contains(name));
        let Some((name, _)) = unknown else {
            return Ok(());
        };
        let known = if known.is_empty() {
            "it takes none".to_owned()
        } else {
            format!("known are {}", known.join(", "))
        };
        let name = super::path::shorten_text(name);
        Err(Problem::new(
            Code::BadRequest,
            format!("the query names `{name}`, which this route does not read: {known}"),
        ))
    }

    pub(crate) fn one(&self, name: &'static str) -> Option<&str> {
        self.all(name).next()
    }

    pub(crate) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Undoes percent-encoding; `plus`: `+` is a space, as in queries.
pub(crate) fn percent_decode(text: &str, plus: bool) -> Result<String, Problem> {
    if !text
        .bytes()
        .any(|byte| byte == b'%' || (plus && byte == b'+'))
    {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'%' => {
                let digits = tail
                    .get(..2)
                    .and_then(|pair| std::str::from_utf8(pair).ok());
                let byte = digits
                    .filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|pair| u8::from_str_radix(pair, 16).ok());
                bytes.push(byte.ok_or_else(|| {
                    Problem::new(
                        Code::BadRequest,
                        "`%` in the address must be followed by two hexadecimal digits",
                    )
                })?);
                rest = &tail[2..];
            }
            b'+' if plus => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| {
        Problem::new(
            Code::InvalidUtf8,
            "the address holds percent-encoded bytes that are not UTF-8",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_repeat() {
        let query =
            QueryString::parse(Some("after=a.b&after=c%2Bd&refresh=wait_for&flag&x=1+2")).unwrap();
        assert_eq!(query.all("after").collect::<Vec<_>>(), ["a.b", "c+d"]);
        assert_eq!(query.one("refresh"), Some("wait_for"));
        assert_eq!(query.one("flag"), Some(""));
        assert_eq!(query.one("x"), Some("1 2"));
        assert_eq!(query.one("none"), None);
        for bad in ["a=%", "a=%1", "a=%zz", "a=%ff", "a=%+1"] {
            assert!(QueryString::parse(Some(bad)).is_err(), "{bad}");
        }
    }
}
