//! `POST /v1/replays`: makes a job of the dead letters that stand now, or says what it would do.

use crate::{
    access::{Caller, system},
    answer,
    app::{App, Shared},
    error::{Code, Problem},
    replays::{self, preview_stores},
};
use axum::{body::Body, extract::State, response::Response};
use event_schema::id::RequestId;
use futures::future::try_join_all;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use replay::{HeldLetter, JobAction, JobOrder};
use serde_json::{Value, json};

/// Dead letters that one dry run looks at.
const DRY: usize = 1_000;
/// Of those, how many are read side by side.
const AT_ONCE: usize = 16;

pub(crate) async fn create(
    State(app): State<Shared>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let order: JobOrder = app.requests.order(&headers, body).await?;
    order
        .check()
        .map_err(|why| Problem::new(Code::Invalid, why))?;
    if order.dry_run {
        return Ok(answer::json_response(
            StatusCode::OK,
            &dry_run(&app, &order).await?,
        ));
    }
    let job = replays::create_job(&app, &caller, order).await?;
    let shown = super::shown_job(&app, &job, &[])?;
    let mut response = answer::json_response(StatusCode::ACCEPTED, &shown);
    if let Ok(location) = HeaderValue::try_from(format!("/v1/replays/{}", job.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What would come of each, as it is planned now.
async fn dry_run(app: &App, order: &JobOrder) -> Result<Value, Problem> {
    let record = app.ports.record.as_ref();
    // Without their events: all of those together may be more than fits into memory.
    let mut letters = replay::dead_letters(record, &order.select, |letter| {
        (letter.held.request, letter.held.operation)
    })
    .await?;
    letters.retain(|(_, operation)| !system::is_operation(operation));
    let first: Vec<RequestId> = letters
        .iter()
        .take(DRY)
        .map(|(request, _)| *request)
        .collect();
    let mut items = Vec::with_capacity(first.len());
    for some in first.chunks(AT_ONCE) {
        let tried = some
            .iter()
            .map(|request| dry_run_item(app, order, *request));
        items.extend(try_join_all(tried).await?.into_iter().flatten());
    }
    Ok(json!({"dry_run": true, "total": letters.len(), "items": items}))
}

/// Nothing if it is gone by now.
async fn dry_run_item(
    app: &App,
    order: &JobOrder,
    request: RequestId,
) -> Result<Option<Value>, Problem> {
    let record = app.ports.record.as_ref();
    let Some(letter) = replay::dead_letter(record, request).await? else {
        return Ok(None);
    };
    let mut item = json!(letter.line());
    match dry_run_result(app, order, &letter).await? {
        Ok(preview) => item["preview"] = preview,
        Err(problem) => item["problem"] = json!(problem),
    }
    Ok(Some(item))
}

async fn dry_run_result(
    app: &App,
    order: &JobOrder,
    letter: &HeldLetter,
) -> Result<Result<Value, Problem>, Problem> {
    if order.action == JobAction::Discard {
        return Ok(Ok(
            json!({"verdict": "discarded", "follow": letter.waiting()}),
        ));
    }
    let edited = match replays::edited_event(app, letter, order.patch.as_ref()).await? {
        Ok(edited) => edited,
        Err(problem) => return Ok(Err(problem)),
    };
    let event = edited.as_ref().unwrap_or(&letter.event);
    let catalog = app.ports.catalog.current();
    let stores = preview_stores(app, &catalog);
    let preview = replay::preview_replay(stores, letter, event).await?;
    Ok(Ok(json!(preview)))
}
