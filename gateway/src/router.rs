//! Every route on one page: what serves it and how it is described. The router and the OpenAPI
//! document are both made from this table, so neither can forget one.

use crate::{
    GatewayError,
    access::{PlaceRule, Right},
    app::Shared,
    error::{Code, Problem},
    guard::{GuardLayer, RouteRule},
    kuzzle,
    request::path::{FAMILIES, path_template, shorten_text},
    route_doc::{self as doc, Doc},
    routes::{
        about, audits, catalog as catalog_routes, collections, dead_letters, documents, floods,
        operations, replays, requests, security, sunbird, tables, uploads,
    },
};
use axum::{
    Router,
    routing::{MethodFilter, MethodRouter, get, on, post, put},
};
use catalog::{Catalog, Envelope};
use http::{Method, Uri};
use std::collections::BTreeMap;

/// One route.
pub(crate) struct RoutedEndpoint {
    pub method: Method,
    pub path: &'static str,
    pub doc: &'static Doc,
    /// What a caller must be allowed to do.
    pub right: Right,
    /// `None`: served by the routes that all services share.
    serve: Option<MethodRouter<Shared>>,
}

const METRICS: Right = Right::new("server", "metrics", PlaceRule::Everywhere);

/// The table.
pub(crate) fn routed_endpoints() -> Vec<RoutedEndpoint> {
    let row = |method, path, doc, right, serve| RoutedEndpoint {
        method,
        path,
        doc,
        right,
        serve,
    };
    vec![
        row(
            Method::GET,
            "/v1/operations",
            &doc::OPERATIONS,
            Right::new("server", "openapi", PlaceRule::Nowhere),
            Some(get(operations::list::list)),
        ),
        row(
            Method::POST,
            "/v1/operations/{operation}",
            &doc::WRITE,
            Right::OPERATION,
            Some(post(operations::write::write)),
        ),
        row(
            Method::POST,
            "/v1/operations/{operation}/_bulk",
            &doc::BULK,
            Right::OPERATION,
            Some(post(operations::bulk::bulk)),
        ),
        row(
            Method::GET,
            "/v1/requests/{id}",
            &doc::REQUEST,
            Right::new("request", "get", PlaceRule::Nowhere),
            Some(get(requests::show::show)),
        ),
        row(
            Method::GET,
            "/v1/requests/{id}/explain",
            &doc::EXPLAIN,
            Right::new("request", "explain", PlaceRule::Everywhere),
            Some(get(requests::explain::explain)),
        ),
        row(
            Method::GET,
            "/v1/collections",
            &doc::COLLECTIONS,
            Right::new("collection", "list", PlaceRule::Nowhere),
            Some(get(collections::list::list)),
        ),
        row(
            Method::PUT,
            "/v1/collections/{index}/{collection}",
            &doc::CREATE_COLLECTION,
            Right::new("collection", "create", PlaceRule::Path),
            Some(put(collections::create::create)),
        ),
        row(
            Method::GET,
            "/v1/documents/{index}/{collection}/{id}",
            &doc::DOCUMENT,
            Right::new("document", "get", PlaceRule::Path),
            Some(get(documents::get::get)),
        ),
        row(
            Method::GET,
            "/v1/documents/{index}/{collection}/{id}/_history",
            &doc::HISTORY,
            Right::new("document", "history", PlaceRule::Path),
            Some(get(documents::history::history)),
        ),
        row(
            Method::POST,
            "/v1/documents/{index}/{collection}/_mget",
            &doc::MGET,
            Right::new("document", "mGet", PlaceRule::Path),
            Some(post(documents::mget::mget)),
        ),
        row(
            Method::POST,
            "/v1/documents/{index}/{collection}/_count",
            &doc::COUNT,
            Right::new("document", "count", PlaceRule::Path),
            Some(post(documents::count::count)),
        ),
        row(
            Method::POST,
            "/v1/documents/{index}/{collection}/_search",
            &doc::SEARCH,
            Right::new("document", "search", PlaceRule::Path),
            Some(post(documents::search::search)),
        ),
        row(
            Method::GET,
            "/v1/tables/{table}/{*key}",
            &doc::ROW,
            Right::new("table", "get", PlaceRule::Everywhere),
            Some(get(tables::get::get)),
        ),
        row(
            Method::POST,
            "/v1/audits",
            &doc::BEGIN_AUDIT,
            Right::new("audit", "begin", PlaceRule::Everywhere),
            Some(post(audits::begin::begin)),
        ),
        row(
            Method::GET,
            "/v1/audits/{id}",
            &doc::AUDIT,
            Right::new("audit", "get", PlaceRule::Everywhere),
            Some(get(audits::show::show)),
        ),
        row(
            Method::POST,
            "/v1/catalog/reload",
            &doc::RELOAD_CATALOG,
            Right::new("catalog", "reload", PlaceRule::Everywhere),
            Some(post(catalog_routes::reload::reload)),
        ),
        row(
            Method::GET,
            "/v1/dead-letters",
            &doc::DEAD_LETTERS,
            Right::new("deadLetter", "list", PlaceRule::Everywhere),
            Some(get(dead_letters::list::list)),
        ),
        row(
            Method::GET,
            "/v1/dead-letters/{request_id}",
            &doc::DEAD_LETTER,
            Right::new("deadLetter", "get", PlaceRule::Everywhere),
            Some(get(dead_letters::show::show)),
        ),
        row(
            Method::GET,
            "/v1/status",
            &doc::STATUS,
            Right::new("server", "status", PlaceRule::Everywhere),
            Some(get(about::status::status)),
        ),
        row(
            Method::GET,
            "/v1/security/explain",
            &doc::EXPLAIN_RIGHT,
            Right::new("security", "explain", PlaceRule::Everywhere),
            Some(get(security::explain::explain)),
        ),
        row(
            Method::GET,
            "/v1/floods",
            &doc::FLOODS,
            Right::new("deadLetter", "floods", PlaceRule::Everywhere),
            Some(get(floods::list::list)),
        ),
        row(
            Method::POST,
            "/v1/floods/_pass",
            &doc::PASS_FLOOD,
            Right::new("deadLetter", "pass", PlaceRule::Everywhere),
            Some(post(floods::pass::pass)),
        ),
        row(
            Method::POST,
            "/v1/replays",
            &doc::CREATE_REPLAY,
            Right::new("replay", "create", PlaceRule::Everywhere),
            Some(post(replays::create::create)),
        ),
        row(
            Method::GET,
            "/v1/replays",
            &doc::REPLAYS,
            Right::new("replay", "list", PlaceRule::Everywhere),
            Some(get(replays::list::list)),
        ),
        row(
            Method::GET,
            "/v1/replays/{id}",
            &doc::REPLAY,
            Right::new("replay", "get", PlaceRule::Everywhere),
            Some(get(replays::show::show)),
        ),
        row(
            Method::POST,
            "/v1/replays/{id}/_pause",
            &doc::PAUSE_REPLAY,
            Right::new("replay", "pause", PlaceRule::Everywhere),
            Some(post(replays::control::pause)),
        ),
        row(
            Method::POST,
            "/v1/replays/{id}/_resume",
            &doc::RESUME_REPLAY,
            Right::new("replay", "resume", PlaceRule::Everywhere),
            Some(post(replays::control::resume)),
        ),
        row(
            Method::POST,
            "/v1/replays/{id}/_cancel",
            &doc::CANCEL_REPLAY,
            Right::new("replay", "cancel", PlaceRule::Everywhere),
            Some(post(replays::control::cancel)),
        ),
        row(
            Method::POST,
            "/v1/audits/{id}/repair",
            &doc::REPAIR,
            Right::new("audit", "repair", PlaceRule::Everywhere),
            Some(post(audits::repair::repair)),
        ),
        row(
            Method::GET,
            "/v1/upload/status/{process}",
            &doc::UPLOAD_STATUS,
            Right::new("upload", "get", PlaceRule::Nowhere),
            Some(get(uploads::status::show)),
        ),
        row(
            Method::GET,
            "/v1/upload/results/{process}",
            &doc::UPLOAD_RESULTS,
            Right::new("upload", "results", PlaceRule::Nowhere),
            Some(get(uploads::status::results)),
        ),
        row(
            Method::GET,
            "/openapi.json",
            &doc::OPENAPI,
            Right::new("server", "openapi", PlaceRule::Nowhere),
            Some(get(about::openapi::openapi)),
        ),
        row(
            Method::GET,
            "/docs",
            &doc::DOCS,
            Right::new("server", "openapi", PlaceRule::Nowhere),
            Some(get(about::docs::docs)),
        ),
        row(
            Method::GET,
            "/docs/errors/{code}",
            &doc::ERROR_PAGE,
            Right::PUBLIC,
            Some(get(about::docs::error)),
        ),
        row(Method::GET, "/healthz", &doc::HEALTHZ, Right::PUBLIC, None),
        row(Method::GET, "/readyz", &doc::READYZ, Right::PUBLIC, None),
        row(Method::GET, "/metrics", &doc::METRICS, METRICS, None),
    ]
}

/// All routes: the table's, those of catalog operations, those that all services share; everything
/// else is the other protocol's ([`kuzzle::http`], whose own table has its routes).
pub(crate) fn build_router(app: Shared, catalog: &Catalog) -> Result<Router, GatewayError> {
    let mut routes: BTreeMap<String, MethodRouter<Shared>> = operation_routes(&app, catalog)?;
    for RoutedEndpoint {
        path,
        serve,
        doc,
        right,
        ..
    } in routed_endpoints()
    {
        if let Some(serve) = serve {
            let doc = (doc.tag != "service").then_some(doc);
            let rule = RouteRule::Listed { right, doc };
            let serve = serve.layer(GuardLayer::new(app.clone(), rule));
            let known = routes.remove(path).unwrap_or_default();
            routes.insert(path.to_owned(), known.merge(serve));
        }
    }
    let mut router = Router::new();
    for (path, serve) in routes {
        router = router.route(&path, serve);
    }
    let shared = runtime::admin::admin_routes(app.ports.health.clone(), app.ports.registry.clone());
    let rule = RouteRule::Administration { metrics: METRICS };
    let shared = shared.layer(GuardLayer::new(app.clone(), rule));
    Ok(router
        .fallback(kuzzle::http::serve_fallback)
        .method_not_allowed_fallback(not_allowed)
        .with_state(app)
        .merge(shared))
}

/// The routes that catalog operations bring. A route that would shadow another stops the start.
fn operation_routes(
    app: &Shared,
    catalog: &Catalog,
) -> Result<BTreeMap<String, MethodRouter<Shared>>, GatewayError> {
    let mut routes: BTreeMap<String, MethodRouter<Shared>> = BTreeMap::new();
    let mut taken: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut spelled: BTreeMap<String, String> = BTreeMap::new();
    for operation in catalog.operations() {
        let Some(http) = operation.http() else {
            continue;
        };
        let refuse = |why: String| GatewayError::Route {
            method: http.method.clone(),
            path: http.path.clone(),
            operation: operation.name().to_owned(),
            why,
        };
        let path = path_template(&http.path);
        let shape = path
            .split('/')
            .map(|segment| {
                if segment.starts_with('{') {
                    "{}"
                } else {
                    segment
                }
            })
            .collect::<Vec<_>>()
            .join("/");
        let first = path
            .strip_prefix("/v1/")
            .and_then(|rest| rest.split('/').next());
        if !first.is_some_and(|first| {
            !first.is_empty() && !first.starts_with('{') && !FAMILIES.contains(&first)
        }) {
            return Err(refuse(
                "must be below /v1 and outside of the API's own paths".into(),
            ));
        }
        let first = spelled.entry(shape.clone()).or_insert_with(|| path.clone());
        if *first != path {
            return Err(refuse(format!("is `{first}` with other names")));
        }
        if let Some(other) = taken.insert((http.method.clone(), shape), operation.name().to_owned())
        {
            return Err(refuse(format!("is the route of `{other}` already")));
        }
        let method = Method::from_bytes(http.method.as_bytes())
            .ok()
            .and_then(|method| MethodFilter::try_from(method).ok());
        let method = method.ok_or_else(|| refuse("has no method that can be served".into()))?;
        let name = operation.name().to_owned();
        let serve = match operation.envelope() {
            _ if operation.upload().is_some() => on(method, async move |state, call| {
                uploads::start::start(name, state, call).await
            }),
            Envelope::Bare => on(method, async move |state, segments, call| {
                sunbird::call::call_bare(name, state, segments, call).await
            }),
            Envelope::Sunbird => on(method, async move |state, segments, call| {
                sunbird::call::call_operation(name, state, segments, call).await
            }),
        };
        let rule = RouteRule::Operation {
            name: operation.name().into(),
            envelope: operation.envelope(),
        };
        let serve = serve.layer(GuardLayer::new(app.clone(), rule));
        let known = routes.remove(&path).unwrap_or_default();
        routes.insert(path, known.merge(serve));
    }
    Ok(routes)
}

async fn not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!("{} takes no {method}", shorten_text(uri.path())),
    )
}
