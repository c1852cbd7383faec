//! `GET /v1/security/log`: security events as they stand in their topic, page by page, and
//! `GET /v1/security/log/verify`: whether their chains are whole. It changes nothing.

use crate::{
    answer,
    app::{App, Shared},
    error::{Code, Problem},
    request::query::QueryString,
};
use axum::{extract::State, response::Response};
use event_log::StreamError;
use event_schema::{codec::from_rfc3339, topics::SECURITY_LOG};
use http::StatusCode;
use security_log::{ChainCheck, ChainReport, EventFilter, EventKind, LoggedEvent};
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;

/// Records that one page looks at.
const LOOKED_AT: usize = 20_000;
/// Events on a page.
const USUAL: usize = 100;
const MOST: usize = 1_000;

pub(crate) async fn log(
    State(app): State<Shared>,
    query: QueryString,
) -> Result<Response, Problem> {
    let filter = read_filter(&query)?;
    let limit = number(&query, "limit")?.map_or(USUAL, |limit| limit as usize);
    let page = EventPage {
        from: number(&query, "from")?.unwrap_or(0),
        last: number(&query, "last")?,
        limit: limit.clamp(1, MOST),
        filter,
    };
    let _permit = reading_permit(&app)?;
    let read = read_page(&app, page).await.map_err(unreadable)?;
    Ok(answer::json_response(StatusCode::OK, &read))
}

pub(crate) async fn verify(State(app): State<Shared>) -> Result<Response, Problem> {
    let _permit = reading_permit(&app)?;
    let report = check_chains(&app).await.map_err(unreadable)?;
    Ok(answer::json_response(StatusCode::OK, &report))
}

struct EventPage {
    from: u64,
    /// Begins so many records before the end instead.
    last: Option<u64>,
    limit: usize,
    filter: EventFilter,
}

async fn read_page(app: &App, page: EventPage) -> Result<Value, StreamError> {
    let topic = app.ports.layout.name(&SECURITY_LOG);
    let log = &app.ports.log;
    let mut from = page.from;
    if let Some(last) = page.last {
        let end = log.scan_kept(&topic, 0, 0).await?.end();
        from = end.saturating_sub(last);
    }
    let mut scan = log.scan_kept(&topic, 0, from).await?;
    let (mut events, mut looked_at, end) = (Vec::new(), 0, scan.end());
    let mut next = from;
    'reading: while looked_at < LOOKED_AT
        && let Some(records) = scan.next().await?
    {
        for record in records {
            if events.len() == page.limit {
                break 'reading;
            }
            next = record.offset + 1;
            looked_at += 1;
            let event = LoggedEvent::of(&record);
            events.extend(event.filter(|event| page.filter.matches(event)));
        }
        if scan.is_at_end() {
            next = end;
        }
    }
    Ok(json!({"events": events, "next": next, "end": end}))
}

async fn check_chains(app: &App) -> Result<ChainReport, StreamError> {
    let topic = app.ports.layout.name(&SECURITY_LOG);
    let offsets = app.ports.log.admin.offsets(&topic, 0).await;
    let offsets = offsets.map_err(|error| StreamError::Unavailable(error.to_string()))?;
    let mut check = ChainCheck::new(app.ports.keys.clone(), offsets.earliest);
    let mut scan = app.ports.log.scan(&topic, 0, offsets.earliest..offsets.end);
    while let Some(records) = scan.next().await? {
        records.iter().for_each(|record| check.read_record(record));
    }
    Ok(check.into_report())
}

fn reading_permit(app: &App) -> Result<SemaphorePermit<'_>, Problem> {
    app.log_scans.try_acquire().map_err(|_| {
        let detail = "the limit of concurrent readers of the log is reached";
        Problem::new(Code::Overloaded, detail).retry_after(1)
    })
}

fn unreadable(error: StreamError) -> Problem {
    let detail = format!("the log of security events cannot be read: {error}");
    Problem::new(Code::LogUnavailable, detail).retry_after(2)
}

fn number(query: &QueryString, name: &'static str) -> Result<Option<u64>, Problem> {
    let parsed = query.one(name).map(str::parse).transpose();
    parsed.map_err(|_| Problem::new(Code::BadRequest, format!("`{name}` is not a number")))
}

fn read_filter(query: &QueryString) -> Result<EventFilter, Problem> {
    let time = |name| {
        let Some(text) = query.one(name) else {
            return Ok(None);
        };
        let wrong = || {
            let why = format!("`{name}` is no time of RFC 3339, as in 2026-01-31T08:00:00Z");
            Problem::new(Code::BadRequest, why)
        };
        from_rfc3339(text).map(Some).ok_or_else(wrong)
    };
    let kind = query.one("type").map(str::to_owned);
    if let Some(kind) = &kind {
        let group = format!("{kind}.");
        let is_known = |known: &EventKind| known.name == kind || known.name.starts_with(&group);
        if !EventKind::ALL.iter().any(is_known) {
            let known: Vec<&str> = EventKind::ALL.iter().map(|known| known.name).collect();
            let why = format!("there is no type `{kind}`; there are {}", known.join(", "));
            return Err(Problem::new(Code::BadRequest, why));
        }
    }
    Ok(EventFilter {
        kind,
        user: query.one("user").map(str::to_owned),
        address: query.one("address").map(str::to_owned),
        since: time("since")?,
        until: time("until")?,
    })
}
