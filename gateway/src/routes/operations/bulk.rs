//! `POST /v1/operations/{operation}/_bulk`: a bare request a line, an answer a line.

use crate::{
    app::Shared,
    bulk,
    error::Problem,
    lookup::after,
    request::{RequestCall, path::PathSegments},
    transport::tls::client_certificate::ShownCertificate,
};
use axum::{Extension, extract::State, response::Response};
use std::sync::Arc;

pub(crate) async fn bulk(
    State(app): State<Shared>,
    PathSegments(operation): PathSegments<String>,
    certificate: Option<Extension<Arc<ShownCertificate>>>,
    call: RequestCall,
) -> Result<Response, Problem> {
    let certificate = certificate.map(|Extension(shown)| shown);
    after::wait_before_write(&app, &call.caller, &call.query).await?;
    bulk::start_bulk(&app, &operation, call, certificate)
}
