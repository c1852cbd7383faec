//! Path segments and queries as extractors whose refusals are problems, and the rules that names
//! must keep.

use super::query::QueryString;
use crate::{
    access::system,
    error::{Code, Problem},
};
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;

/// The first segments below `/v1` that are the route table's own.
pub(crate) const FAMILIES: [&str; 12] = [
    "audits",
    "catalog",
    "operations",
    "requests",
    "collections",
    "documents",
    "tables",
    "dead-letters",
    "replays",
    "floods",
    "status",
    "security",
];

/// Decoded path parameters.
#[derive(Debug)]
pub(crate) struct PathSegments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathSegments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(rejection) => Err(Problem::new(Code::BadRequest, rejection.body_text())),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueryString {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        QueryString::parse(parts.uri.query())
    }
}

/// Index and collection names: they become parts of index names, topics' keys and paths.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Problem> {
    let starts = name
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit());
    let rest = name.bytes().all(|byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    });
    if starts && rest && name.len() <= 100 {
        Ok(())
    } else {
        Err(Problem::new(
            Code::BadName,
            format!("`{}` is no name for the {what}", shorten_text(name)),
        ))
    }
}

/// First segments of paths that are Consign's own, beside `v1`, `v2` and so on.
const OWN: [&str; 5] = ["docs", "healthz", "metrics", "openapi.json", "readyz"];

/// First segments of Kuzzle's paths, beside those that begin with `_`.
const KUZZLE: [&str; 11] = [
    "admin",
    "api-keys",
    "cluster",
    "credentials",
    "debug",
    "ms",
    "profiles",
    "roles",
    "strategies",
    "users",
    "validations",
];

/// Is it the first segment of a path of our own API, now or later?
pub(crate) fn is_own(segment: &str) -> bool {
    is_version(segment) || OWN.contains(&segment)
}

/// `v1`, `v2` and so on.
pub(crate) fn is_version(segment: &str) -> bool {
    let digits = segment.strip_prefix('v');
    digits.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A name that no index may have, since paths begin with it that mean something else.
pub(crate) fn is_reserved(name: &str) -> bool {
    is_own(name) || KUZZLE.contains(&name) || system::is_index(name)
}

/// The name of an index that is to be made.
pub(crate) fn check_index(name: &str) -> Result<(), Problem> {
    check_name("index", name)?;
    if is_reserved(name) {
        Err(Problem::new(
            Code::BadName,
            format!("`{name}` is no name for the index: paths of the API begin with it"),
        ))
    } else {
        Ok(())
    }
}

/// Document ids: text of at most 512 bytes (what the view takes) without control characters, not
/// empty.
pub(crate) fn check_id(id: &str) -> Result<(), Problem> {
    if !id.is_empty() && id.len() <= 512 && !id.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Problem::new(
            Code::BadName,
            format!(
                "`{}` is no document id: 1 to 512 bytes without control characters",
                shorten_text(id)
            ),
        ))
    }
}

/// `/a/:b` and `/a/{b}` are the same.
pub(crate) fn path_template(path: &str) -> String {
    let segment = |segment: &str| {
        segment
            .strip_prefix(':')
            .map_or_else(|| segment.to_owned(), |name| format!("{{{name}}}"))
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// For messages: the first 80 characters.
pub(crate) fn shorten_text(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
