//! The family's HTTP transport: every path that no route of our own takes. It knows no action, only
//! how a call becomes a request.

mod content;

use super::{
    Answer, Fault, KuzzleCall, Request, Transport, admission,
    document::export,
    fault::Id,
    handle_request,
    routes::{self, Destination},
};
use crate::{
    access::{ClientAddress, shown_credential},
    app::{App, Shared},
    error::{Code, Problem},
    request::{
        headers,
        path::{is_own, shorten_text},
        query::{QueryString, percent_decode},
    },
    transport::tls::client_certificate::ShownCertificate,
};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use json_text::{JsonText, ScannedJson};
use std::sync::Arc;

/// Everything that no route of our own took.
pub(crate) async fn serve_fallback(
    State(app): State<Shared>,
    mut request: axum::extract::Request,
) -> Response {
    // The answer to a GET; the connection leaves its body out.
    if request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    let path = request.uri().path();
    let first = routes::path_segments(path).next().unwrap_or_default();
    if is_own(first) {
        return Problem::new(
            Code::UnknownRoute,
            format!("there is nothing at {}", shorten_text(path)),
        )
        .into_response();
    }
    if let Some(status) = probe_status(&app, &request) {
        return Answer::plain(status).to_http();
    }
    if let Some(allowed) = allowed_methods(&request) {
        let mut response = Answer::plain(200).to_http();
        response.headers_mut().insert(header::ALLOW, allowed);
        return response;
    }
    let request = match take_request(&app, request).await {
        Ok(request) => request,
        Err(answer) => return answer.to_http(),
    };
    match routes::find_action(&request.controller, &request.action) {
        Ok(action) if export::is_stream(action) => stream_export(&app, request).await,
        Ok(_) | Err(_) => handle_request(&app, request, None).await.to_http(),
    }
}

async fn stream_export(app: &Shared, mut request: Request) -> Response {
    let streamed = match admission::admit_action(app, &mut request).await {
        Ok(_) => {
            let call = KuzzleCall {
                app,
                request: &request,
                session: None,
            };
            export::export_stream(call).await
        }
        Err(fault) => Err(fault),
    };
    streamed.unwrap_or_else(|fault| super::refusal_answer(app, &request, fault).to_http())
}

/// What a probe of an orchestrator is answered: does it live, can it serve?
fn probe_status(app: &App, request: &axum::extract::Request) -> Option<u16> {
    let mut segments = routes::path_segments(request.uri().path());
    let only = segments.next().filter(|_| segments.next().is_none())?;
    match (request.method(), only) {
        (&Method::GET, "_healthcheck") => Some(200),
        (&Method::GET, "_ready") if app.ports.health.report().ready => Some(200),
        (&Method::GET, "_ready") => Some(503),
        _ => None,
    }
}

/// The methods that an address takes, where that is asked.
fn allowed_methods(request: &axum::extract::Request) -> Option<HeaderValue> {
    if request.method() != Method::OPTIONS {
        return None;
    }
    let path: Vec<&str> = routes::path_segments(request.uri().path()).collect();
    let is_served = |verb: &&str| {
        routes::find_route(verb, &path).is_some() || (**verb == *"POST" && path == ["_query"])
    };
    let verbs = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    let mut allowed: Vec<&str> = verbs.into_iter().filter(is_served).collect();
    match allowed.first() {
        None => return None,
        Some(&"GET") => allowed.push("HEAD"),
        Some(_) => {}
    }
    allowed.push("OPTIONS");
    HeaderValue::from_str(&allowed.join(", ")).ok()
}

async fn take_request(app: &Shared, call: axum::extract::Request) -> Result<Request, Box<Answer>> {
    let (parts, body) = call.into_parts();
    let early = |fault: Fault| Box::new(Answer::early(None, fault));
    let segments: Vec<&str> = routes::path_segments(parts.uri.path()).collect();
    let envelope = parts.method == Method::POST && segments == ["_query"];
    let route = routes::find_route(parts.method.as_str(), &segments);
    if route.is_none() && !envelope {
        return Err(early(no_route_fault(&parts)));
    }
    if parts.method != Method::GET {
        let conditions = [header::IF_MATCH, header::IF_NONE_MATCH];
        headers::expect_unconditional(&parts.headers, &conditions)
            .map_err(|problem| early(problem.into()))?;
    }
    let trusted = &app.config.trusted_proxies;
    let address = ClientAddress::of(&parts.extensions, &parts.headers, trusted);
    let head = (&parts.method, &parts.headers, &parts.uri);
    let cookie = app.cookies.read(&app.origins, head);
    let certificate = parts.extensions.get::<Arc<ShownCertificate>>().cloned();
    let Some((route, variables)) = route else {
        let mut request = take_envelope(app, parts, body).await?;
        request.address = address;
        request.cookie = cookie;
        request.certificate = certificate;
        return Ok(request);
    };
    let query = QueryString::parse(parts.uri.query()).map_err(|problem| early(problem.into()))?;
    let variables = variables
        .into_iter()
        .map(|(name, value)| percent_decode(value, false).map(|value| (name, value)));
    let variables = variables
        .collect::<Result<Vec<_>, Problem>>()
        .map_err(|problem| early(problem.into()))?;
    let names = match route.destination {
        Destination::Served(action) => (action.controller, action.name),
        Destination::Unserved { controller, name } => (controller, name),
    };
    let mut request = Request::from_http(names, variables, &query, &parts.headers);
    request.address = address;
    request.cookie = cookie;
    request.certificate = certificate;
    request.by_get = parts.method == Method::GET;
    match fill_request(app, &parts, body, &mut request).await {
        Ok(()) => Ok(request),
        Err(fault) => Err(Box::new(super::refusal_answer(app, &request, fault))),
    }
}

/// What the head does not say. Nothing is read of a caller who may not ask.
async fn fill_request(
    app: &Shared,
    parts: &http::request::Parts,
    body: Body,
    request: &mut Request,
) -> Result<(), Fault> {
    admission::admit_head(app, request).await?;
    let (body, mut held) = app.requests.collect(&parts.headers, body).await?;
    let json = content::body_json(app, &parts.headers, body, &mut held)?;
    request.held = Some(held);
    request.volatile = volatile_header(&parts.headers)?;
    fill_body(request, json, app.config.json_depth)?;
    Ok(())
}

/// `POST /_query`: the body is a whole request.
async fn take_envelope(
    app: &Shared,
    parts: http::request::Parts,
    body: Body,
) -> Result<Request, Box<Answer>> {
    let early = |fault: Fault| Box::new(Answer::early(None, fault));
    let collected = app.requests.collect(&parts.headers, body).await;
    let (body, mut held) = collected.map_err(|problem| early(problem.into()))?;
    let json = content::body_json(app, &parts.headers, body, &mut held).map_err(early)?;
    let mut request = Request::from_envelope(json, Transport::Http, app.config.json_depth)?;
    let shown = shown_credential(&parts.headers).map(str::to_owned);
    if request.jwt.is_some() && shown.is_some() && request.jwt != shown {
        let why = "the head and the envelope show different credentials";
        let fault = Fault::new(Id::TokenInvalid, why);
        return Err(Box::new(Answer::to(&request, Err(fault))));
    }
    request.jwt = request.jwt.or(shown);
    request.held = Some(held);
    Ok(request)
}

/// No route takes it.
fn no_route_fault(parts: &http::request::Parts) -> Fault {
    let (method, path) = (parts.method.as_str(), shorten_text(parts.uri.path()));
    if routes::is_verb(method) {
        Fault::new(Id::NoUrl, format!("there is no API at {path}")).props([&path])
    } else {
        Fault::new(Id::BadVerb, format!("the method {method} is not supported")).props([method])
    }
}

fn fill_body(request: &mut Request, json: Bytes, depth: usize) -> Result<(), Fault> {
    if json.is_empty() {
        return Ok(());
    }
    let json = crate::request::scanned_json(json, depth)?;
    let text = Some(json.text()).filter(|text| text.get() != "null");
    request.body = text.map(JsonText::to_raw);
    request.has_plain_body = json.is_plain();
    Ok(())
}

fn volatile_header(headers: &http::HeaderMap) -> Result<Option<event_schema::Raw>, Fault> {
    let Some(value) = headers.get("x-kuzzle-volatile") else {
        return Ok(None);
    };
    let bad = |why: String| {
        Fault::new(
            Id::BadVolatile,
            format!("the header X-Kuzzle-Volatile cannot be read: {why}"),
        )
    };
    let text = Bytes::copy_from_slice(value.as_bytes());
    let json = ScannedJson::scan(text, 16).map_err(|fault| bad(fault.message))?;
    super::request::object_member(Some(json.text().to_raw()), "volatile")
}
