//! The routes of this service, put together: the table's, those of catalog operations, those that
//! all services share. Must never serve one without its guard.

mod operations;
mod table;

pub(crate) use table::{RoutedEndpoint, routed_endpoints};

use crate::{
    GatewayError,
    app::Shared,
    error::{Code, Problem},
    guard::{GuardLayer, RouteRule},
    kuzzle,
    request::path::shorten_text,
};
use axum::{Router, routing::MethodRouter};
use catalog::Catalog;
use http::{Method, Uri};
use operations::operation_routes;
use std::collections::BTreeMap;
use table::METRICS;

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

async fn not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!("{} takes no {method}", shorten_text(uri.path())),
    )
}
