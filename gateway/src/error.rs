//! The only place where an error becomes a status code. Everything that can go wrong on the way of
//! a request ends as a [`Problem`] (RFC 9457, `application/problem+json`) with a stable code of
//! [`code::TABLE`]. Nothing here logs, retries or decides.

pub mod code;
mod from;

pub use code::Code;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use catalog::Violation;
use event_schema::id::RequestId;
use http::{HeaderValue, StatusCode, header};
use serde::{Serialize, ser::SerializeMap};
use serde_json::{Map, Value};

/// An answer that is not the one hoped for. Small to pass around: the facts are boxed.
#[derive(Clone, Debug)]
pub struct Problem(Box<ProblemFacts>);

#[derive(Clone, Debug)]
struct ProblemFacts {
    code: Code,
    detail: String,
    pointer: Option<String>,
    errors: Vec<Violation>,
    request: Option<RequestId>,
    token: Option<String>,
    retry_after: Option<u64>,
    /// Where it is not that of the code.
    status: Option<StatusCode>,
    extra: Map<String, Value>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(ProblemFacts {
            code,
            detail: detail.into(),
            pointer: None,
            errors: Vec::new(),
            request: None,
            token: None,
            retry_after: None,
            status: None,
            extra: Map::new(),
        }))
    }

    /// JSON pointer into what the client sent.
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.0.pointer = Some(pointer.into());
        self
    }

    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Another status than that of the code, of the same hundred.
    pub(crate) fn answered_with(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    /// The request it is about, where one was made.
    pub fn about(mut self, request: RequestId, token: Option<String>) -> Self {
        self.0.request = Some(request);
        self.0.token = token;
        self
    }

    /// A member of its own in the problem's object.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.0.extra.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn violations(mut self, violations: Vec<Violation>) -> Self {
        self.0.pointer = violations.first().map(|first| first.pointer.clone());
        self.0.errors = violations;
        self
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Will it pass by itself?
    pub(crate) fn is_passing(&self) -> bool {
        self.0.retry_after.is_some()
    }

    pub fn status(&self) -> StatusCode {
        let usual = || StatusCode::from_u16(self.0.code.row().status).ok();
        let status = self.0.status.or_else(usual);
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub fn request(&self) -> Option<RequestId> {
        self.0.request
    }

    pub fn pointer(&self) -> Option<&str> {
        self.0.pointer.as_deref()
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.0.token.as_deref()
    }

    /// Seconds after which it may be tried again.
    pub(crate) fn after_seconds(&self) -> Option<u64> {
        self.0.retry_after
    }

    /// `Retry-After`, and `Connection: close` where the rest of the body is not worth waiting for.
    pub(crate) fn headers(&self, headers: &mut http::HeaderMap) {
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.0.code == Code::TooSlow {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facts = &*self.0;
        let row = facts.code.row();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format!("/docs/errors/{}", row.name))?;
        map.serialize_entry("title", row.title)?;
        map.serialize_entry("status", &self.status().as_u16())?;
        map.serialize_entry("code", row.name)?;
        map.serialize_entry("detail", &facts.detail)?;
        map.serialize_entry("hint", row.hint)?;
        if let Some(pointer) = &facts.pointer {
            map.serialize_entry("pointer", pointer)?;
        }
        if !facts.errors.is_empty() {
            map.serialize_entry("errors", &facts.errors)?;
        }
        if let Some(request) = &facts.request {
            map.serialize_entry("request_id", request)?;
        }
        if let Some(token) = &facts.token {
            map.serialize_entry("token", token)?;
        }
        if let Some(seconds) = &facts.retry_after {
            map.serialize_entry("retry_after", seconds)?;
        }
        for (name, value) in &facts.extra {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem is plain JSON");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        self.headers(response.headers_mut());
        response
    }
}

#[cfg(test)]
mod tests;
