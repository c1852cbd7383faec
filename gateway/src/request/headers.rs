//! The headers that change what a write means: content type and encoding, Prefer, If-Match,
//! Idempotency-Key, traceparent.

use super::query::QueryString;
use crate::{
    config::Config,
    error::{Code, Problem},
};
use bytes::Bytes;
use event_schema::envelope::Origin;
use http::{HeaderMap, header};
use request_spans::TraceContext;
use std::time::Duration;

/// What a request's headers and query ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Wait for the verdict this long; clamped.
    pub wait: Option<Duration>,
    /// And then until it is searchable.
    pub refresh: bool,
    pub if_match: Option<u64>,
    pub idempotency_key: Option<Bytes>,
    pub traceparent: Option<String>,
    /// What the client called it, where its protocol has names of its own.
    pub origin: Option<Origin>,
}

impl Options {
    pub(crate) fn read(
        headers: &HeaderMap,
        query: &QueryString,
        config: &Config,
    ) -> Result<Self, Problem> {
        expect_unconditional(headers, &[header::IF_NONE_MATCH])?;
        let refresh = match query.one("refresh") {
            None | Some("false") => false,
            Some("wait_for") => true,
            Some(other) => {
                return Err(Problem::new(
                    Code::BadRequest,
                    format!("`refresh` is `wait_for` or left out, not `{other}`"),
                ));
            }
        };
        let wait = preferred_wait(headers, config.wait_max())?;
        Ok(Self {
            wait: if refresh {
                Some(wait.unwrap_or(config.refresh_wait()))
            } else {
                wait
            },
            refresh,
            if_match: if_match(headers)?,
            idempotency_key: idempotency_key(headers)?,
            traceparent: traceparent(headers),
            origin: None,
        })
    }
}

fn header_text<'a>(
    headers: &'a HeaderMap,
    name: &header::HeaderName,
) -> Result<Option<&'a str>, Problem> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    value
        .to_str()
        .map(Some)
        .map_err(|_| bad_header(name.as_str(), "must be visible ASCII"))
}

fn bad_header(name: &str, why: &str) -> Problem {
    Problem::new(Code::BadHeader, format!("{name} {why}"))
}

/// `Prefer: wait=N` (RFC 7240), clamped; preferences that are not known are ignored, as that
/// document demands.
pub(crate) fn preferred_wait(
    headers: &HeaderMap,
    longest: Duration,
) -> Result<Option<Duration>, Problem> {
    let values = headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok());
    for preference in values.flat_map(|value| value.split(',')) {
        let preference = preference.split(';').next().unwrap_or_default();
        let Some((name, value)) = preference.split_once('=') else {
            continue;
        };
        if !name.trim().eq_ignore_ascii_case("wait") {
            continue;
        }
        let value = value.trim().trim_matches('"');
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad_header(
                "Prefer",
                "must be `wait=` and a whole number of seconds",
            ));
        }
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Ok(Some(Duration::from_secs(seconds).min(longest)));
    }
    Ok(None)
}

/// A condition that is not looked at is refused: what it would prevent must not be done.
pub(crate) fn expect_unconditional(
    headers: &HeaderMap,
    conditions: &[header::HeaderName],
) -> Result<(), Problem> {
    match conditions.iter().find(|name| headers.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(bad_header(
            name.as_str(),
            "is not looked at here, so it may not be sent",
        )),
    }
}

/// `If-Match: "3"`: the document's `_version`.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = header_text(headers, &header::IF_MATCH)? else {
        return Ok(None);
    };
    let inner = value
        .trim()
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value.trim());
    match inner.parse() {
        Ok(version) => Ok(Some(version)),
        Err(_) => Err(bad_header(
            "If-Match",
            "must be the ETag of one document: its _version in quotes",
        )),
    }
}

/// `Idempotency-Key: "…"` (a structured-field string; bare keys are taken too), 1 to 255
/// characters.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<Bytes>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(bad_header("Idempotency-Key", "may be sent once"));
    }
    let text = value
        .to_str()
        .map_err(|_| bad_header("Idempotency-Key", "must be visible ASCII"))?
        .trim();
    let key = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    match key.len() {
        1..=255 => Ok(Some(Bytes::copy_from_slice(key.as_bytes()))),
        _ => Err(bad_header(
            "Idempotency-Key",
            "must hold 1 to 255 characters",
        )),
    }
}

/// The trace context if it is well formed; a malformed one is dropped, as W3C Trace Context
/// demands.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("traceparent")?.to_str().ok()?;
    TraceContext::parse(value).map(|_| value.to_owned())
}

/// `application/json` (or `…+json`), in UTF-8.
pub(crate) fn expect_json(headers: &HeaderMap) -> Result<(), Problem> {
    let wanted = |kind: &str| {
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
    };
    expect_type(headers, wanted, "application/json")
}

/// `application/x-ndjson` and the other names it goes by.
pub(crate) fn expect_ndjson(headers: &HeaderMap) -> Result<(), Problem> {
    let wanted = |kind: &str| {
        matches!(
            kind,
            "application/x-ndjson"
                | "application/ndjson"
                | "application/jsonl"
                | "application/x-jsonlines"
        )
    };
    expect_type(headers, wanted, "application/x-ndjson")
}

fn expect_type(
    headers: &HeaderMap,
    wanted: impl Fn(&str) -> bool,
    expected: &str,
) -> Result<(), Problem> {
    let unsupported = |found: &str| {
        Problem::new(
            Code::UnsupportedMediaType,
            format!("expected Content-Type {expected}, got {found}"),
        )
    };
    let value = headers
        .get(header::CONTENT_TYPE)
        .ok_or_else(|| unsupported("none"))?;
    let Ok(value) = value.to_str() else {
        return Err(unsupported("something that is not ASCII"));
    };
    let mut parts = value.split(';');
    let kind = parts.next().unwrap_or_default().trim();
    if !wanted(kind) && !wanted(&kind.to_ascii_lowercase()) {
        return Err(unsupported(&super::path::shorten_text(value)));
    }
    let charset = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    match charset.map(|(_, value)| value.trim().trim_matches('"')) {
        None => Ok(()),
        Some(charset)
            if charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8") =>
        {
            Ok(())
        }
        Some(charset) => Err(unsupported(&format!(
            "the charset {}",
            super::path::shorten_text(charset)
        ))),
    }
}

/// No content encoding but identity.
pub(crate) fn expect_plain(headers: &HeaderMap) -> Result<(), Problem> {
    match content_encoding(headers)? {
        Encoding::Identity => Ok(()),
        Encoding::Gzip => Err(Problem::new(
            Code::UnsupportedEncoding,
            "this route takes bodies as they are, not gzip",
        )),
    }
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
}

pub(crate) fn content_encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    match headers
        .get(header::CONTENT_ENCODING)
        .map(|value| {
            value
                .to_str()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        })
        .as_deref()
    {
        None | Some("identity") => Ok(Encoding::Identity),
        Some("gzip" | "x-gzip") => Ok(Encoding::Gzip),
        Some(other) => Err(Problem::new(
            Code::UnsupportedEncoding,
            format!(
                "the content encoding `{}` is not known",
                super::path::shorten_text(other)
            ),
        )),
    }
}

#[cfg(test)]
mod tests;
