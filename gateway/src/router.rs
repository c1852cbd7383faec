//! Every route on one page: what serves it and how it is described. The router and the OpenAPI
//! document are both made from this table, so neither can forget one.

use crate::{
    GatewayError,
    app::Shared,
    error::{Code, Problem},
    kuzzle,
    openapi::doc::{self, Doc},
    request::{
        path::{FAMILIES, shorten, template},
        query::QueryString,
    },
    routes::{
        about, audits, collections, dead_letters, documents, operations, replays, requests,
        sunbird, tables,
    },
};
use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
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
    /// `None`: served by the routes that all services share.
    serve: Option<MethodRouter<Shared>>,
}

/// The table.
pub(crate) fn endpoints() -> Vec<RoutedEndpoint> {
    let row = |method, path, doc, serve| RoutedEndpoint {
        method,
        path,
        doc,
        serve,
    };
    vec![
        row(
            Method::GET,
            "/v1/operations",
            &doc::OPERATIONS,
            Some(get(operations::list::list)),
        ),
        row(
            Method::POST,
            "/v1/operations/{operation}",
            &doc::WRITE,
            Some(post(operations::write::write)),
        ),
        row(
            Method::POST,
            "/v1/operations/{operation}/_bulk",
            &doc::BULK,
            Some(post(operations::bulk::bulk)),
        ),
        row(
            Method::GET,
            "/v1/requests/{id}",
            &doc::REQUEST,
            Some(get(requests::show::show)),
        ),
        row(
            Method::GET,
            "/v1/requests/{id}/explain",
            &doc::EXPLAIN,
            Some(get(requests::explain::explain)),
        ),
        row(
            Method::GET,
            "/v1/collections",
            &doc::COLLECTIONS,
            Some(get(collections::list::list)),
        ),
        row(
            Method::PUT,
            "/v1/collections/{index}/{collection}",
            &doc::CREATE_COLLECTION,
            Some(put(collections::create::create)),
        ),
        row(
            Method::GET,
            "/v1/documents/{index}/{collection}/{id}",
            &doc::DOCUMENT,
            Some(get(documents::get::get)),
        ),
        row(
            Method::GET,
            "/v1/documents/{index}/{collection}/{id}/_history",
            &doc::HISTORY,
            Some(get(documents::history::history)),
        ),
        row(
            Method::POST,
            "/v1/documents/{index}/{collection}/_mget",
            &doc::MGET,
            Some(post(documents::mget::mget)),
        ),
        row(
            Method::POST,
            "/v1/documents/{index}/{collection}/_count",
            &doc::COUNT,
            Some(post(documents::count::count)),
        ),
        row(
            Method::POST,
            "/v1/documents/{index}/{collection}/_search",
            &doc::SEARCH,
            Some(post(documents::search::search)),
        ),
        row(
            Method::GET,
            "/v1/tables/{table}/{*key}",
            &doc::ROW,
            Some(get(tables::get::get)),
        ),
        row(
            Method::POST,
            "/v1/audits",
            &doc::BEGIN_AUDIT,
            Some(post(audits::begin::begin)),
        ),
        row(
            Method::GET,
            "/v1/audits/{id}",
            &doc::AUDIT,
            Some(get(audits::show::show)),
        ),
        row(
            Method::GET,
            "/v1/dead-letters",
            &doc::DEAD_LETTERS,
            Some(get(dead_letters::list::list)),
        ),
        row(
            Method::GET,
            "/v1/dead-letters/{request_id}",
            &doc::DEAD_LETTER,
            Some(get(dead_letters::show::show)),
        ),
        row(
            Method::POST,
            "/v1/replays",
            &doc::CREATE_REPLAY,
            Some(post(replays::create::create)),
        ),
        row(
            Method::GET,
            "/v1/replays/{id}",
            &doc::REPLAY,
            Some(get(replays::show::show)),
        ),
        row(
            Method::POST,
            "/v1/replays/{id}/_pause",
            &doc::PAUSE_REPLAY,
            Some(post(replays::control::pause)),
        ),
        row(
            Method::POST,
            "/v1/replays/{id}/_resume",
            &doc::RESUME_REPLAY,
            Some(post(replays::control::resume)),
        ),
        row(
            Method::POST,
            "/v1/replays/{id}/_cancel",
            &doc::CANCEL_REPLAY,
            Some(post(replays::control::cancel)),
        ),
        row(
            Method::POST,
            "/v1/audits/{id}/repair",
            &doc::REPAIR,
            Some(post(audits::repair::repair)),
        ),
        row(
            Method::GET,
            "/openapi.json",
            &doc::OPENAPI,
            Some(get(about::openapi::openapi)),
        ),
        row(
            Method::GET,
            "/docs",
            &doc::DOCS,
            Some(get(about::docs::docs)),
        ),
        row(
            Method::GET,
            "/docs/errors/{code}",
            &doc::ERROR_PAGE,
            Some(get(about::docs::error)),
        ),
        row(Method::GET, "/healthz", &doc::HEALTHZ, None),
        row(Method::GET, "/readyz", &doc::READYZ, None),
        row(Method::GET, "/metrics", &doc::METRICS, None),
    ]
}

/// All routes: the table's, those of catalog operations, those that all services share; everything
/// else is the other protocol's ([`kuzzle::http`], whose own table has its routes).
pub(crate) fn router(app: Shared) -> Result<Router, GatewayError> {
    let mut routes: BTreeMap<String, MethodRouter<Shared>> = operation_routes(&app.ports.catalog)?;
    for RoutedEndpoint {
        path, serve, doc, ..
    } in endpoints()
    {
        if let Some(serve) = serve {
            let serve = match doc.tag {
                "service" => serve,
                _ => serve.layer(from_fn(move |request, next| {
                    known_query(doc, request, next)
                })),
            };
            let known = routes.remove(path).unwrap_or_default();
            routes.insert(path.to_owned(), known.merge(serve));
        }
    }
    let mut router = Router::new();
    for (path, serve) in routes {
        router = router.route(&path, serve);
    }
    let shared = runtime::admin::routes(app.ports.health.clone(), app.ports.registry.clone());
    Ok(router
        .fallback(kuzzle::http::serve)
        .method_not_allowed_fallback(not_allowed)
        .with_state(app)
        .merge(shared))
}

/// The routes that catalog operations bring. A route that would shadow another stops the start.
fn operation_routes(
    catalog: &Catalog,
) -> Result<BTreeMap<String, MethodRouter<Shared>>, GatewayError> {
    let mut routes: BTreeMap<String, MethodRouter<Shared>> = BTreeMap::new();
    let mut taken: BTreeMap<(String, String), String> = BTreeMap::new();
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
        let path = template(&http.path);
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
            Envelope::Bare => on(method, async move |state, segments, call| {
                sunbird::call::bare(name, state, segments, call).await
            }),
            Envelope::Sunbird => on(method, async move |state, segments, call| {
                sunbird::call::call(name, state, segments, call).await
            }),
        };
        let known = routes.remove(&path).unwrap_or_default();
        routes.insert(path, known.merge(serve));
    }
    Ok(routes)
}

/// A name in the query that the route does not read is refused, not passed over.
async fn known_query(doc: &'static Doc, request: Request, next: Next) -> Response {
    let query = QueryString::parse(request.uri().query());
    match query.and_then(|query| query.expect_only(&doc.query())) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!("{} takes no {method}", shorten(uri.path())),
    )
}
