//! The guard of all routes but Kuzzle's, which has its own ([`crate::kuzzle`]): who calls, has the
//! caller the right that the table of routes names, and does the route read what the query says? It
//! looks at the head alone. It is one service for each route and not a stack of middleware, of which
//! each layer costs a request several allocations.

use crate::{
    access::{AccessError, Caller, ClientAddress, PlaceRule, Right, right, shown_credential},
    app::Shared,
    error::{Code, Problem},
    request::query::QueryString,
    route_doc::Doc,
    routes::sunbird,
    security_events::Actor,
    transport::tls::client_certificate::ShownCertificate,
};
use axum::{
    RequestExt,
    extract::{RawPathParams, Request},
    response::{IntoResponse, Response},
    routing::Route,
};
use catalog::{Envelope, Kind};
use futures::future::BoxFuture;
use http::{StatusCode, Uri, header::CONTENT_TYPE};
use rights::ActionPlace;
use std::{
    convert::Infallible,
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// What is asked of the head of a request before a route serves it.
#[derive(Clone)]
pub(crate) enum RouteRule {
    /// A route of the table. `doc`: says what the route reads of a query.
    Listed {
        right: Right,
        doc: Option<&'static Doc>,
    },
    /// The route of an operation, whose refusals come in its own envelope.
    Operation { name: Arc<str>, envelope: Envelope },
    /// The routes that all services share. Whoever asks whether this process lives is no user.
    Administration { metrics: Right },
}

/// Puts a rule in front of routes.
#[derive(Clone)]
pub(crate) struct GuardLayer {
    app: Shared,
    rule: RouteRule,
}

/// A route with its rule.
#[derive(Clone)]
pub(crate) struct GuardedRoute {
    guard: GuardLayer,
    route: Route,
}

impl GuardLayer {
    pub(crate) fn new(app: Shared, rule: RouteRule) -> Self {
        Self { app, rule }
    }

    async fn admit(&self, request: Request) -> Result<Request, RefusedCall> {
        match &self.rule {
            RouteRule::Listed { right, doc } => {
                let admitted = admit_request(&self.app, *right, None, request).await?;
                if let Some(Err(problem)) = doc.map(|doc| check_query(doc, &admitted)) {
                    let caller = Caller::of(admitted.extensions());
                    return Err(RefusedCall { caller, problem });
                }
                Ok(admitted)
            }
            RouteRule::Operation { name, .. } => {
                admit_request(&self.app, Right::OPERATION, Some(name), request).await
            }
            RouteRule::Administration { metrics } => {
                let right = if matches!(request.uri().path(), "/healthz" | "/readyz") {
                    Right::PUBLIC
                } else {
                    *metrics
                };
                admit_request(&self.app, right, None, request).await
            }
        }
    }

    /// Tells the log of security events how a request was answered.
    fn tell(&self, caller: &Caller, (uri, address): (&Uri, Option<IpAddr>), status: StatusCode) {
        let right = match &self.rule {
            // The path of such a route ends with it, or with `_bulk` behind it.
            RouteRule::Listed { right, .. } if right.place == PlaceRule::Operation => {
                let mut parts = uri
                    .path()
                    .split('/')
                    .skip_while(|part| *part != "operations");
                right::of_operation(parts.nth(1).unwrap_or_default())
            }
            RouteRule::Listed { right, .. } | RouteRule::Administration { metrics: right } => {
                (right.controller, right.action)
            }
            RouteRule::Operation { name, .. } => right::of_operation(name),
        };
        let actor = Actor { caller, address };
        self.app.request_answered(actor, right, status.as_u16());
    }

    fn refusal(&self, problem: Problem) -> Response {
        match &self.rule {
            RouteRule::Operation {
                name,
                envelope: Envelope::Sunbird,
            } => sunbird::call::refused_response(name, self.app.now(), &problem),
            RouteRule::Operation {
                envelope: Envelope::Bare,
                ..
            }
            | RouteRule::Listed { .. }
            | RouteRule::Administration { .. } => problem.into_response(),
        }
    }
}

impl Layer<Route> for GuardLayer {
    type Service = GuardedRoute;

    fn layer(&self, route: Route) -> GuardedRoute {
        let guard = self.clone();
        GuardedRoute { guard, route }
    }
}

impl Service<Request> for GuardedRoute {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    /// A route is always ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self { guard, mut route } = self.clone();
        Box::pin(async move {
            let trusted = &guard.app.config.trusted_proxies;
            let address = ClientAddress::of(request.extensions(), request.headers(), trusted);
            let uri = request.uri().clone();
            let (caller, response) = match guard.admit(request).await {
                Ok(request) => {
                    let caller = Caller::of(request.extensions());
                    (caller, route.call(request).await?)
                }
                Err(refused) => (refused.caller, guard.refusal(refused.problem)),
            };
            guard.tell(&caller, (&uri, address), response.status());
            Ok(response)
        })
    }
}

/// A name in the query that the route does not read is refused, not passed over.
fn check_query(doc: &Doc, request: &Request) -> Result<(), Problem> {
    if request.uri().query().is_none() {
        return Ok(());
    }
    // Beside a file, what the operation takes stands in the query.
    let content_type = request.headers().get(CONTENT_TYPE);
    if content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"text/csv")) {
        return Ok(());
    }
    QueryString::parse(request.uri().query())?.expect_only(&doc.query())
}

/// A call that is not let in, and who it is of, as far as that is known.
struct RefusedCall {
    caller: Caller,
    problem: Problem,
}

/// Lets a request in, with its caller put into its extensions. `operation`: the one that the route
/// itself stands for.
async fn admit_request(
    app: &Shared,
    needed: Right,
    operation: Option<&str>,
    mut request: Request,
) -> Result<Request, RefusedCall> {
    if needed.place == PlaceRule::Public {
        return Ok(request);
    }
    let certificate = request.extensions().get::<Arc<ShownCertificate>>();
    let credential = shown_credential(request.headers());
    let identified = app.identify_head(credential, certificate).await;
    let known_before = match &identified {
        Err(AccessError::Stale(_)) => {
            let certificate = certificate.map(|shown| &**shown);
            app.access.known_before(credential, certificate)
        }
        Ok(_) | Err(_) => None,
    };
    let identified = match known_before {
        Some(caller) if is_decided_write(app, (needed, operation), &mut request).await => {
            Ok(caller)
        }
        Some(_) | None => identified,
    };
    let caller = identified.map_err(|error| RefusedCall {
        caller: Caller::nobody(),
        problem: error.into(),
    })?;
    match admit_caller(app, &caller, (needed, operation), &mut request).await {
        Ok(()) => {
            request.extensions_mut().insert(caller);
            Ok(request)
        }
        Err(problem) => Err(RefusedCall { caller, problem }),
    }
}

/// Does a worker decide it, or each of its lines, who looks at its caller then?
async fn is_decided_write(
    app: &Shared,
    (needed, operation): (Right, Option<&str>),
    request: &mut Request,
) -> bool {
    if needed.place != PlaceRule::Operation {
        return false;
    }
    let Ok(parts) = request.extract_parts::<RawPathParams>().await else {
        return false;
    };
    let named = parts.iter().find(|(known, _)| *known == "operation");
    let name = operation.or(named.map(|(_, value)| value));
    let operation = name.and_then(|name| app.writes.operation(name).ok());
    operation.is_some_and(|operation| {
        operation.kind() == Kind::Transaction && operation.upload().is_none()
    })
}

async fn admit_caller(
    app: &Shared,
    caller: &Caller,
    (needed, operation): (Right, Option<&str>),
    request: &mut Request,
) -> Result<(), Problem> {
    let parts = request.extract_parts::<RawPathParams>().await;
    let parts = parts.map_err(|rejection| Problem::new(Code::BadRequest, rejection.body_text()))?;
    let named = |name: &str| {
        let mut found = parts.iter();
        found
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    };
    let missing = |name: &str| Problem::new(Code::Internal, format!("the path has no `{name}`"));
    check_right(caller, needed, operation, named).unwrap_or_else(|name| Err(missing(name)))?;
    let trusted = &app.config.trusted_proxies;
    let address = ClientAddress::of(request.extensions(), request.headers(), trusted);
    Ok(app.access.count(caller, address)?)
}

/// The outer error: what the path lacks.
fn check_right<'p>(
    caller: &Caller,
    needed: Right,
    operation: Option<&'p str>,
    named: impl Fn(&str) -> Option<&'p str>,
) -> Result<Result<(), Problem>, &'static str> {
    let right = (needed.controller, needed.action);
    let (right, place) = match needed.place {
        PlaceRule::Public => return Ok(Ok(())),
        PlaceRule::Nowhere => (right, ActionPlace::Nowhere),
        PlaceRule::Everywhere => (right, ActionPlace::Everywhere),
        PlaceRule::Path => {
            let index = named("index").ok_or("index")?;
            let collection = named("collection").ok_or("collection")?;
            (right, ActionPlace::Collection(index, collection))
        }
        PlaceRule::Operation => {
            let operation = operation
                .or_else(|| named("operation"))
                .ok_or("operation")?;
            (right::of_operation(operation), ActionPlace::Nowhere)
        }
    };
    Ok(caller.check(right, place).map_err(Problem::from))
}
