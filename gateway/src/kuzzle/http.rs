//! The family's HTTP transport: every path that no route of our own takes. It knows no action, only
//! how a call becomes a request.

use super::{Answer, Call, Fault, Request, Transport, document::export, fault::Id, handle, table};
use crate::{
    access::Caller,
    app::{App, Shared},
    error::{Code, Problem},
    request::{
        headers,
        path::shorten,
        query::{Query, decode},
    },
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::Method;
use serde_json::value::RawValue;

/// First segments that are never this family's.
const OWN: [&str; 5] = ["docs", "healthz", "readyz", "metrics", "openapi.json"];

/// Everything that no route of our own took.
pub(crate) async fn serve(State(app): State<Shared>, request: axum::extract::Request) -> Response {
    let path = request.uri().path();
    let first = table::segments(path).next().unwrap_or_default();
    if OWN.contains(&first) || is_version(first) {
        return Problem::new(
            Code::UnknownRoute,
            format!("there is nothing at {}", shorten(path)),
        )
        .into_response();
    }
    let request = match take(&app, request).await {
        Ok(request) => request,
        Err(answer) => return answer.to_http(),
    };
    match table::action(&request.controller, &request.action) {
        Ok(action) if export::is_stream(action) => match export::stream(Call {
            app: &app,
            request: &request,
            session: None,
        })
        .await
        {
            Ok(stream) => stream,
            Err(fault) => Answer::to(&request, Err(fault)).to_http(),
        },
        Ok(_) | Err(_) => handle(&app, request, None).await.to_http(),
    }
}

/// `v1`, `v2`: paths of our own API, now or later.
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

async fn take(app: &App, call: axum::extract::Request) -> Result<Request, Box<Answer>> {
    let (parts, body) = call.into_parts();
    let caller = Caller::of(&parts.extensions);
    let early = |fault: Fault| Box::new(Answer::early(None, fault));
    let segments: Vec<&str> = table::segments(parts.uri.path()).collect();
    let envelope = parts.method == Method::POST && segments == ["_query"];
    let route = table::route(parts.method.as_str(), &segments);
    if route.is_none() && !envelope {
        let path = shorten(parts.uri.path());
        return Err(early(
            Fault::new(Id::NoUrl, format!("there is no API at {path}")).props([&path]),
        ));
    }
    let (json, held) = app
        .requests
        .collect(&parts.headers, body)
        .await
        .map_err(|problem| early(problem.into()))?;
    if !json.is_empty() {
        let typed = headers::expect_json(&parts.headers)
            .and_then(|()| headers::expect_plain(&parts.headers));
        typed.map_err(|problem| early(problem.into()))?;
    }
    let Some((route, variables)) = route else {
        let mut request =
            Request::from_envelope(&json, Transport::Http, app.config.json_depth, caller)?;
        request.held = Some(held);
        return Ok(request);
    };
    let query = Query::parse(parts.uri.query()).map_err(|problem| early(problem.into()))?;
    let variables = variables
        .into_iter()
        .map(|(name, value)| decode(value, false).map(|value| (name, value)));
    let variables = variables
        .collect::<Result<Vec<_>, Problem>>()
        .map_err(|problem| early(problem.into()))?;
    let mut request = Request::from_http(
        (route.action.controller, route.action.name),
        variables,
        &query,
        &parts.headers,
        caller,
    );
    request.held = Some(held);
    let fill = |request: &mut Request| -> Result<(), Fault> {
        request.volatile = volatile(&parts.headers)?;
        request.body = raw(&json, app.config.json_depth)?;
        Ok(())
    };
    match fill(&mut request) {
        Ok(()) => Ok(request),
        Err(fault) => Err(Box::new(Answer::to(&request, Err(fault)))),
    }
}

fn raw(json: &Bytes, depth: usize) -> Result<Option<Box<RawValue>>, Fault> {
    if json.is_empty() {
        return Ok(None);
    }
    crate::request::sound(json, depth)?;
    let raw: Box<RawValue> =
        serde_json::from_slice(json).map_err(|error| Fault::new(Id::BadBody, error.to_string()))?;
    Ok(Some(raw).filter(|raw| raw.get() != "null"))
}

fn volatile(headers: &http::HeaderMap) -> Result<Option<event_schema::Raw>, Fault> {
    let Some(value) = headers.get("x-kuzzle-volatile") else {
        return Ok(None);
    };
    let bad = |why: String| {
        Fault::new(
            Id::BadVolatile,
            format!("the header X-Kuzzle-Volatile cannot be read: {why}"),
        )
    };
    crate::request::json::check(value.as_bytes(), 16).map_err(|fault| bad(fault.message))?;
    let raw: Box<RawValue> =
        serde_json::from_slice(value.as_bytes()).map_err(|error| bad(error.to_string()))?;
    super::request::object(Some(raw), "volatile")
}
