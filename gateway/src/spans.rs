//! Spans of requests and pushes, where they are exported: a request's events are below its span. It
//! must never fail a request.

use crate::request::path::FAMILIES;
use axum::body::Body;
use catalog::Catalog;
use event_schema::notification::{Notice, State};
use http::{HeaderValue, Request, StatusCode};
use request_spans::{OpenSpan, SpanKind, is_exporting};

const TRACEPARENT: &str = "traceparent";
/// Asked every few seconds by machines.
const NOT_TRACED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Begins the span of an HTTP request, and puts its context in place of the caller's.
pub(crate) fn begin_http(request: &mut Request<Body>, catalog: &Catalog) -> Option<OpenSpan> {
    let path = request.uri().path();
    if !is_exporting() || NOT_TRACED.contains(&path) {
        return None;
    }
    let caller = request.headers().get(TRACEPARENT);
    let caller = caller.and_then(|value| value.to_str().ok());
    // No path as it is: it may hold keys of what is sealed.
    let route = path_family(path, catalog);
    let name = format!("{} {route}", request.method());
    let mut span = OpenSpan::of_request(name, caller)?;
    span.set_attribute("http.request.method", request.method().to_string());
    span.set_attribute("http.route", route);
    if let Ok(context) = HeaderValue::from_str(&span.traceparent()) {
        request.headers_mut().insert(TRACEPARENT, context);
    }
    Some(span)
}

/// Ends it with the answer.
pub(crate) fn end_http(span: Option<OpenSpan>, status: StatusCode) {
    if let Some(mut span) = span {
        span.set_attribute("http.response.status_code", status.as_str().to_owned());
        if status.is_server_error() {
            span.set_failed(status.as_str().to_owned());
        }
    }
}

/// Begins the span of a push that is offered to the subscribers of this gateway.
pub(crate) fn begin_push(notice: &Notice) -> Option<OpenSpan> {
    let traceparent = notice.traceparent.as_deref();
    let mut span = OpenSpan::of_stage("push", SpanKind::Consumer, traceparent)?;
    let state = match notice.state {
        State::Pending => "pending",
        State::Done => "done",
    };
    span.set_attribute("consign.request", notice.request.to_string());
    span.set_attribute("consign.state", state);
    Some(span)
}

/// Ends it: so many were sent it.
pub(crate) fn end_push(span: Option<OpenSpan>, recipients: usize) {
    if let Some(mut span) = span {
        span.set_attribute("consign.recipients", recipients.to_string());
    }
}

/// Begins the span of a request that came by a socket; its events are below it.
pub(crate) fn begin_frame(
    name: impl FnOnce() -> String,
    traceparent: &mut Option<String>,
) -> Option<OpenSpan> {
    if !is_exporting() {
        return None;
    }
    let span = OpenSpan::of_request(name(), traceparent.as_deref())?;
    *traceparent = Some(span.traceparent());
    Some(span)
}

/// Ends it with the answer.
pub(crate) fn end_frame(span: Option<OpenSpan>, status: u16) {
    if let Some(mut span) = span
        && status >= 500
    {
        span.set_failed(status.to_string());
    }
}

/// What a path is of, without the names that a client chose: spans are grouped by it.
fn path_family(path: &str, catalog: &Catalog) -> String {
    let mut segments = path.split('/').skip(1);
    let (version, family, name) = (segments.next(), segments.next(), segments.next());
    let (Some("v1"), Some(family)) = (version, family.filter(|name| FAMILIES.contains(name)))
    else {
        return "/*".to_owned();
    };
    let operation = (family == "operations").then_some(name).flatten();
    match operation.and_then(|name| catalog.operation(name)) {
        Some(operation) => format!("/v1/operations/{}", operation.name()),
        None => format!("/v1/{family}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_holds_no_name_that_a_client_chose() {
        let catalog = Catalog::builtin().unwrap();
        for (path, of) in [
            (
                "/v1/operations/document.create",
                "/v1/operations/document.create",
            ),
            (
                "/v1/operations/document.create/_bulk",
                "/v1/operations/document.create",
            ),
            ("/v1/operations/no.such", "/v1/operations"),
            ("/v1/documents/i/c/secret", "/v1/documents"),
            ("/v1/secret/i", "/*"),
            ("/i/c/secret/_create", "/*"),
            ("/", "/*"),
        ] {
            assert_eq!(path_family(path, &catalog), of, "{path}");
        }
    }
}
