//! `GET /docs`: the OpenAPI document as a page of our own, which loads nothing from elsewhere; and
//! a page per error code.

use crate::{
    error::{Code, Problem},
    request::path::{PathSegments, shorten_text},
};
use axum::response::{Html, IntoResponse, Response};
use http::header;

/// Only what the page itself holds may run, and only this server may be called.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) async fn docs() -> Response {
    (
        [(header::CONTENT_SECURITY_POLICY, POLICY)],
        Html(include_str!("docs.html")),
    )
        .into_response()
}

pub(crate) async fn error(PathSegments(code): PathSegments<String>) -> Result<Response, Problem> {
    let row = Code::named(&code).ok_or_else(|| {
        Problem::new(
            Code::UnknownRoute,
            format!("there is no error code `{}`", shorten_text(&code)),
        )
    })?;
    Ok((
        [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")],
        row.row().page(),
    )
        .into_response())
}
