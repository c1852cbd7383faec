//! `POST /v1/markers/_purge`: asks the workers to purge a page of deletion markers, or says which it
//! would ask for.

use crate::{
    access::Caller,
    answer,
    app::Shared,
    error::{Code, Problem},
    markers::{self, MOST, MarkerOrder},
};
use axum::{body::Body, extract::State, response::Response};
use http::{HeaderMap, StatusCode};

pub(crate) async fn purge(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let order: MarkerOrder = app.requests.order(&headers, body).await?;
    if !(1..=MOST).contains(&order.limit) {
        let detail = format!("a page has from 1 to {MOST} markers");
        return Err(Problem::new(Code::Invalid, detail).at("/limit"));
    }
    if order.older_than_ms < 0 {
        let detail = "an age is not less than nothing";
        return Err(Problem::new(Code::Invalid, detail).at("/older_than_ms"));
    }
    let status = if order.dry_run {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    // Stores that have no list of markers read all documents for a page.
    let Ok(_permit) = app.log_scans.try_acquire() else {
        let detail = "the limit of concurrent readers of the log and of whole stores is reached";
        return Err(Problem::new(Code::Overloaded, detail).retry_after(1));
    };
    let answer = markers::purge_page(&app.ports, &caller, order).await?;
    Ok(answer::json_response(status, &answer))
}
