//! `GET /v1/dead-letters`: a line for each, in the order in which they failed last.

use crate::{
    access::system,
    answer,
    app::Shared,
    error::{Code, Problem},
    request::query::QueryString,
};
use axum::{extract::State, response::Response};
use http::StatusCode;
use replay::{DeadLetterFilter, DeadLetterLine};
use serde_json::json;

pub(crate) async fn list(
    State(app): State<Shared>,
    query: QueryString,
) -> Result<Response, Problem> {
    let one = |name| query.one(name).map(str::to_owned);
    let filter = DeadLetterFilter {
        requests: query.all("request").map(str::to_owned).collect(),
        key: one("key"),
        operation: one("operation"),
        code: one("code"),
        fingerprint: one("fingerprint"),
        store: one("store"),
        since: one("since"),
        until: one("until"),
        text: one("text"),
        fields: query.all("field").map(str::to_owned).collect(),
        all: false,
    };
    filter
        .check()
        .map_err(|why| Problem::new(Code::BadRequest, why))?;
    let limit = query.one("limit").map(str::parse::<usize>).transpose();
    let limit = limit.map_err(|_| Problem::new(Code::BadRequest, "`limit` is not a number"))?;
    let record = app.ports.record.as_ref();
    let mut lines: Vec<DeadLetterLine> =
        replay::dead_letters(record, &filter, |letter| letter.line()).await?;
    lines.retain(|line| !system::is_operation(&line.operation));
    let count = lines.len();
    // The newest are last.
    lines.drain(..count.saturating_sub(limit.unwrap_or(count)));
    let shown = json!({"dead_letters": lines, "count": count});
    Ok(answer::json_response(StatusCode::OK, &shown))
}
