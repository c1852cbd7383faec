//! One request between its connection and the router: whether its head may be answered at all, from
//! which page it came, and that it is counted and answered whatever happens. It knows no route.

use crate::{
    app::{App, Shared},
    config::TlsEnd,
    error::{Code, Problem},
    host_header,
    kuzzle::socket,
    origins::{OriginStanding, Origins},
    spans,
};
use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use std::panic::AssertUnwindSafe;
use tokio::time::Instant;
use tower::{Service, service_fn};
use tracing::error;

/// A year (RFC 6797): browsers do not ask this host without TLS again.
const TLS_FROM_NOW_ON: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// One request: judged by the page that sends it, if one does.
pub(super) async fn serve_request(app: &Shared, mut request: Request<Body>) -> Response {
    let begun = Instant::now();
    let span = spans::begin_http(&mut request, &app.ports.catalog.current());
    let upgrade = websocket::is_upgrade_request(request.headers());
    // What changes nothing is answered: a browser does not let a page read what it may not.
    let harmless = !upgrade && matches!(*request.method(), Method::GET | Method::HEAD);
    let head = (request.method(), request.uri().path(), request.headers());
    let host = host_header::check_host(request.version(), request.headers());
    let mut response = match (host, refused_until_set_up(app, head).await) {
        (Err(problem), _) => problem.into_response(),
        (Ok(()), Some(refusal)) => refusal,
        (Ok(()), None) => serve_judged(app, app.routes.router(), request, upgrade, harmless).await,
    };
    if app.config.security.tls == TlsEnd::Own {
        let headers = response.headers_mut();
        headers.insert(header::STRICT_TRANSPORT_SECURITY, TLS_FROM_NOW_ON);
    }
    app.metrics
        .answer(response.status(), begun.elapsed().as_secs_f64());
    spans::end_http(span, response.status());
    response
}

async fn refused_until_set_up(app: &App, head: (&Method, &str, &HeaderMap)) -> Option<Response> {
    app.set_up.as_ref()?.refusal(&app.access, head).await
}

async fn serve_judged(
    app: &Shared,
    router: Router,
    request: Request<Body>,
    upgrade: bool,
    harmless: bool,
) -> Response {
    match app.origins.judge(request.headers(), request.uri()) {
        OriginStanding::Foreign if !harmless => Origins::refusal(request.headers()),
        OriginStanding::Program | OriginStanding::Welcome if upgrade => {
            socket::upgrade_socket(app.clone(), request).await
        }
        OriginStanding::Welcome => {
            let answered = service_fn(|request| {
                let router = router.clone();
                async move { Ok(answer_request(app, router, request).await) }
            });
            app.origins.welcome(request, answered).await
        }
        OriginStanding::Program | OriginStanding::Foreign => {
            let mut response = answer_request(app, router, request).await;
            response
                .headers_mut()
                .append(header::VARY, HeaderValue::from_static("origin"));
            response
        }
    }
}

/// Counted, bounded, and answered whatever happens.
async fn answer_request(app: &Shared, mut router: Router, request: Request<Body>) -> Response {
    app.metrics.in_flight.inc();
    let response = if app.metrics.in_flight.get() > app.config.max_in_flight as i64 {
        Problem::new(
            Code::Overloaded,
            "the limit of requests in flight is reached",
        )
        .retry_after(1)
        .into_response()
    } else {
        match AssertUnwindSafe(router.call(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                error!("a handler panicked; its request was answered 500");
                Problem::new(Code::Internal, "the handler of this request failed").into_response()
            }
        }
    };
    app.metrics.in_flight.dec();
    response
}
