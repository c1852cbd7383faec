//! The routes that catalog operations bring. One that would shadow another stops the start.

use crate::{
    GatewayError,
    app::Shared,
    guard::{GuardLayer, RouteRule},
    kuzzle,
    request::path::{FAMILIES, is_reserved, is_version, path_template},
    routes::{sunbird, uploads},
};
use axum::routing::{MethodFilter, MethodRouter, on};
use catalog::{Catalog, Envelope, Operation};
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
        for (method, path) in operation.routes() {
            let refuse = |why: String| GatewayError::Route {
                method: method.to_owned(),
                path: path.to_owned(),
                operation: operation.name().to_owned(),
                why,
            };
            let path = path_template(path);
            taken.take(operation, method, &path).map_err(refuse)?;
            let method = Method::from_bytes(method.as_bytes())
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
    fn take(&mut self, operation: &Operation, method: &str, path: &str) -> Result<(), String> {
        if !is_free(method, path) {
            let why = "must be outside of the API's own paths and of Kuzzle's: below /v1, or with a version behind its first segment";
            return Err(why.into());
        }
        let shape = path_shape(path);
        let first = self
            .spelled
            .entry(shape.clone())
            .or_insert_with(|| path.to_owned());
        if *first != path {
            return Err(format!("is `{first}` with other names"));
        }
        let owner = operation.name().to_owned();
        match self.owners.insert((method.to_owned(), shape), owner) {
            Some(other) => Err(format!("is the route of `{other}` already")),
            None => Ok(()),
        }
    }
}

/// May an operation have it, whatever stands for its variables? Outside of `/v1` the paths are also
/// those of Kuzzle's protocol, which begin with the name of an index.
fn is_free(method: &str, path: &str) -> bool {
    let mut segments = path.trim_start_matches('/').split('/');
    let (first, second) = (segments.next(), segments.next());
    let is_word = |segment: &str| !segment.is_empty() && !segment.starts_with(['{', '_']);
    match (first, second) {
        (Some("v1"), Some(family)) => is_word(family) && !FAMILIES.contains(&family),
        (Some(first), Some(second)) => {
            let mut versions = segments.chain([second]);
            is_word(first)
                && !is_reserved(first)
                && versions.any(is_version)
                && !kuzzle::takes_like(method, path)
        }
        _ => false,
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

#[cfg(test)]
mod tests {
    use super::is_free;

    #[test]
    fn an_operation_has_no_path_that_is_the_services_or_kuzzles() {
        for (method, path) in [
            ("POST", "/v1/user/create"),
            ("DELETE", "/v1/note/delete/{noteId}"),
            ("PATCH", "/private/user/v1/update"),
            ("POST", "/user/v1/create"),
        ] {
            assert!(is_free(method, path), "{method} {path}");
        }
        for (method, path) in [
            ("POST", "/v1/documents/x"),
            ("POST", "/v1/{any}/x"),
            ("POST", "/v2/user/create"),
            ("POST", "/healthz"),
            ("POST", "/metrics/v1/x"),
            ("POST", "/roles/v1/x"),
            ("POST", "/_bulk/v1"),
            ("POST", "/{index}/v1/x"),
            // Without a version it could be anybody's index.
            ("PATCH", "/private/user/update"),
            // A document of the id `v1`.
            ("PUT", "/private/user/v1"),
            ("DELETE", "/private/user/v1"),
            ("PUT", "/private/user/v1/_replace"),
            ("PUT", "/private/user/v1/{verb}"),
            ("POST", "/private/v1/_search"),
            ("POST", "/private/{name}/v1/_create"),
        ] {
            assert!(!is_free(method, path), "{method} {path}");
        }
    }
}
