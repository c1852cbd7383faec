//! The claims that decide whether a token is believed (RFC 7519, 4.1). One of a wrong type is no
//! claim that is missing: it is refused. Pure.

use crate::TokenFault;
use serde_json::{Map, Value};

/// A text that must be there.
pub(crate) fn text<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a str, TokenFault> {
    let found = claims.get(name).and_then(Value::as_str);
    found
        .filter(|text| !text.is_empty())
        .ok_or(TokenFault::Claim(name))
}

/// Is it for one of these?
pub(crate) fn check_audience(
    claims: &Map<String, Value>,
    wanted: &[String],
) -> Result<(), TokenFault> {
    const NAME: &str = "aud";
    let is_wanted = |text: &str| wanted.iter().any(|one| one == text);
    let found = match claims.get(NAME) {
        Some(Value::String(one)) => is_wanted(one),
        Some(Value::Array(many)) => {
            let mut found = false;
            for one in many {
                found |= is_wanted(one.as_str().ok_or(TokenFault::Claim(NAME))?);
            }
            found
        }
        _ => return Err(TokenFault::Claim(NAME)),
    };
    if found {
        Ok(())
    } else {
        Err(TokenFault::Audience)
    }
}

/// Is it valid now, give or take the leeway? Until when it is, Unix milliseconds.
pub(crate) fn check_times(
    claims: &Map<String, Value>,
    now: i64,
    leeway_seconds: u32,
) -> Result<i64, TokenFault> {
    let leeway = i64::from(leeway_seconds) * 1000;
    let end = time(claims, "exp")?.ok_or(TokenFault::Claim("exp"))?;
    let until = end.saturating_add(leeway);
    if now >= until {
        return Err(TokenFault::Expired);
    }
    for name in ["nbf", "iat"] {
        let begins = time(claims, name)?;
        if begins.is_some_and(|begins| begins > now.saturating_add(leeway)) {
            return Err(TokenFault::NotYet);
        }
    }
    Ok(until)
}

/// Seconds since 1970, with a fraction or without; as milliseconds.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, TokenFault> {
    /// Of a time that is one: the year 33658.
    const LATEST: f64 = 1e12;
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = value
        .as_f64()
        .filter(|seconds| (0.0..=LATEST).contains(seconds));
    let seconds = seconds.ok_or(TokenFault::Claim(name))?;
    Ok(Some((seconds * 1000.0) as i64))
}
