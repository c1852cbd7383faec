//! `GET /v1/upload/status/{process}`: how far an upload is; `GET /v1/upload/results/{process}`: its lines as
//! a file, with what became of each.

use crate::{
    access::Caller,
    app::Shared,
    error::Problem,
    request::path::PathSegments,
    routes::sunbird::envelope::SunbirdEnvelope,
    upload::status::{csv_cell, result_lines, upload_columns, upload_status},
};
use axum::{body::Body, extract::State, response::Response};
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, header};
use serde_json::Value;
use std::io;

pub(crate) async fn show(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments(process): PathSegments<String>,
) -> Response {
    let envelope = SunbirdEnvelope::of("upload.status", app.now());
    match upload_status(&app, &caller, &process).await {
        Ok(found) => {
            let mut result = serde_json::to_value(&found).unwrap_or_default();
            result["response"] = "SUCCESS".into();
            envelope.done(result)
        }
        Err(problem) => envelope.problem(&problem),
    }
}

/// As a stream: a few hundred lines are in memory.
pub(crate) async fn results(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments(process): PathSegments<String>,
) -> Result<Response, Problem> {
    let found = upload_status(&app, &caller, &process).await?;
    let columns = upload_columns(&app, &process).await?;
    let names: Vec<Value> = columns.iter().map(|name| name.as_str().into()).collect();
    let mut head: Vec<String> = names.iter().map(|name| csv_cell(Some(name))).collect();
    head.extend(["Status".to_owned(), "Remarks".to_owned()]);
    let head = head.join(",") + "\r\n";
    let state = (app, process, columns, 0, found.processed);
    let lines =
        stream::try_unfold(
            state,
            async move |(app, process, columns, after, processed)| {
                let next = result_lines(&app, &process, &columns, after, processed).await;
                let next = next.map_err(|problem| io::Error::other(problem.detail().to_owned()))?;
                Ok::<_, io::Error>(next.map(|(text, last)| {
                    (Bytes::from(text), (app, process, columns, last, processed))
                }))
            },
        );
    let first = stream::once(async move { Ok(Bytes::from(head)) });
    let body = Body::from_stream(futures::StreamExt::chain(first, lines));
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
