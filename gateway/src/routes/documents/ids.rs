//! `POST /v1/documents/{index}/{collection}/_ids`: the ids of all documents of a collection, from the record, a
//! page at a time and in no order that means anything.

use crate::{
    access::Caller,
    answer,
    app::Shared,
    error::{Code, Problem},
    lookup::after,
    request::{
        RequestCall,
        path::{PathSegments, check_id},
        query::QueryString,
    },
};
use axum::{body::Body, extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

const LIMIT: usize = 1000;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PageAsked {
    /// The last id of the page before.
    behind: Option<String>,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct IdsPage {
    /// None behind the last.
    ids: Vec<String>,
}

pub(crate) async fn ids(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments((index, name)): PathSegments<(String, String)>,
    query: QueryString,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let call = RequestCall {
        caller,
        headers: headers.clone(),
        query: query.clone(),
        body,
    };
    let request = app.requests.read(call).await?;
    let asked: PageAsked = serde_json::from_slice(request.json.bytes())
        .map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
    let limit = asked.limit.unwrap_or(LIMIT);
    if !(1..=LIMIT).contains(&limit) {
        let detail = format!("a page has from 1 to {LIMIT} ids");
        return Err(Problem::new(Code::Invalid, detail).at("/limit"));
    }
    if let Some(behind) = &asked.behind {
        check_id(behind).map_err(|problem| problem.at("/behind"))?;
    }
    after::wait_for_query(&app, &request.caller, &headers, &query).await?;
    let collection = app.collections.get(&index, &name).await?;
    let behind = asked.behind.as_deref();
    // Stores that keep no order by collection read all documents for a page.
    let Ok(_permit) = app.log_scans.try_acquire() else {
        let detail = "the limit of concurrent readers of the log and of whole stores is reached";
        return Err(Problem::new(Code::Overloaded, detail).retry_after(1));
    };
    let found = app
        .ports
        .record
        .scan(&index, &name, &collection.incarnation, behind, limit);
    let page = IdsPage { ids: found.await? };
    Ok(answer::json_response(StatusCode::OK, &page))
}
