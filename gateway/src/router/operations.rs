//! The routes that catalog operations bring. One that would shadow another stops the start.

use crate::{
    GatewayError,
    app::Shared,
    guard::{GuardLayer, RouteRule},
    request::path::{FAMILIES, path_template},
    routes::{sunbird, uploads},
};
use axum::routing::{MethodFilter, MethodRouter, on};
use catalog::{Catalog, Envelope, HttpRoute, Operation};
use http::Method;
use std::collections::BTreeMap;

/// By path.
pub(super) fn operation_routes(
    app: &Shared,
    catalog: &Catalog,
) -> Result<BTreeMap<String, MethodRouter<Shared>>, GatewayError> {
    let mut routes: BTreeMap<String, MethodRouter<Shared>> = BTreeMap::new();
    let mut taken = TakenRoutes::default();
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
        taken.take(operation, http, &path).map_err(refuse)?;
        let method = Method::from_bytes(http.method.as_bytes())
            .ok()
            .and_then(|method| MethodFilter::try_from(method).ok());
        let method = method.ok_or_else(|| refuse("has no method that can be served".into()))?;
        let rule = RouteRule::Operation {
            name: operation.name().into(),
            envelope: operation.envelope(),
        };
        let serve = served_operation(operation, method);
        let serve = serve.layer(GuardLayer::new(app.clone(), rule));
        let known = routes.remove(&path).unwrap_or_default();
        routes.insert(path, known.merge(serve));
    }
    Ok(routes)
}

fn served_operation(operation: &Operation, method: MethodFilter) -> MethodRouter<Shared> {
    let name = operation.name().to_owned();
    match operation.envelope() {
        _ if operation.upload().is_some() => on(method, async move |state, call| {
            uploads::start::start(name, state, call).await
        }),
        Envelope::Bare => on(method, async move |state, segments, call| {
            sunbird::call::call_bare(name, state, segments, call).await
        }),
        Envelope::Sunbird => on(method, async move |state, segments, call| {
            sunbird::call::call_operation(name, state, segments, call).await
        }),
    }
}

/// What operations have taken so far.
#[derive(Default)]
struct TakenRoutes {
    /// By method and shape, whose it is.
    owners: BTreeMap<(String, String), String>,
    /// By shape, how its variables are called.
    spelled: BTreeMap<String, String>,
}

impl TakenRoutes {
    /// Or why the operation cannot have it.
    fn take(&mut self, operation: &Operation, http: &HttpRoute, path: &str) -> Result<(), String> {
        let shape = path_shape(path);
        let first = path
            .strip_prefix("/v1/")
            .and_then(|rest| rest.split('/').next());
        if !first.is_some_and(|first| {
            !first.is_empty() && !first.starts_with('{') && !FAMILIES.contains(&first)
        }) {
            return Err("must be below /v1 and outside of the API's own paths".into());
        }
        let first = self
            .spelled
            .entry(shape.clone())
            .or_insert_with(|| path.to_owned());
        if *first != path {
            return Err(format!("is `{first}` with other names"));
        }
        let owner = operation.name().to_owned();
        match self.owners.insert((http.method.clone(), shape), owner) {
            Some(other) => Err(format!("is the route of `{other}` already")),
            None => Ok(()),
        }
    }
}

/// A path without the names of its variables.
fn path_shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "{}"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}
