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
use catalog::{Catalog, Envelope, Operation, path_shape};
use http::Method;
use std::collections::BTreeMap;

/// By path.
pub(super) fn operation_routes(
    app: &Shared,
    catalog: &Catalog,
) -> Result<BTreeMap<String, MethodRouter<Shared>>, GatewayError> {
    let mut routes: BTreeMap<String, MethodRouter<Shared>> = BTreeMap::new();
    let mut taken = TakenPaths::default();
    for operation in catalog.operations() {
        for (method, path) in operation.routes() {
            let refuse = |why: String| GatewayError::Route {
                method: method.to_owned(),
                path: path.to_owned(),
                operation: operation.name().to_owned(),
                why,
            };
            let path = path_template(path);
            taken.take(&path).map_err(refuse)?;
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

/// By shape, how the variables of a path are called.
#[derive(Default)]
struct TakenPaths(BTreeMap<String, String>);

impl TakenPaths {
    /// Or why an operation cannot have it.
    fn take(&mut self, path: &str) -> Result<(), String> {
        if !is_free(path) {
            let why = "must be outside of the API's own paths and of Kuzzle's: below /v1 (or /v2 and so on), or with a version behind its first segment and no path of a document";
            return Err(why.into());
        }
        let first = self.0.entry(path_shape(path));
        let first = first.or_insert_with(|| path.to_owned());
        if first == path {
            Ok(())
        } else {
            Err(format!("is `{first}` with other names"))
        }
    }
}

/// May an operation have it, whatever stands for its variables? Outside of `/v1`, `/v2` and so on the
/// paths are also those of Kuzzle's protocol, which begin with the name of an index. A path is served for
/// all verbs by what has it: the others are answered that they are not allowed there.
fn is_free(path: &str) -> bool {
    let mut segments = path.trim_start_matches('/').split('/');
    let (first, second) = (segments.next(), segments.next());
    let is_word = |segment: &str| !segment.is_empty() && !segment.starts_with('{');
    match (first, second) {
        (Some(first), Some(family)) if is_version(first) => {
            is_word(family) && !FAMILIES.contains(&family)
        }
        (Some(first), Some(second)) => {
            let mut versions = segments.chain([second]);
            is_word(first)
                && !first.starts_with('_')
                && !is_reserved(first)
                && versions.any(is_version)
                && !kuzzle::takes_like(path)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_free;

    #[test]
    fn an_operation_has_no_path_that_is_the_services_or_kuzzles() {
        for path in [
            "/v1/user/create",
            "/v1/_memo/put",
            "/v2/user/create",
            "/v1/note/delete/{noteId}",
            "/private/user/v1/update",
        ] {
            assert!(is_free(path), "{path}");
        }
        for path in [
            "/v1/documents/x",
            "/v1/{any}/x",
            "/v2/documents/x",
            "/v2/{any}/x",
            "/healthz",
            "/metrics/v1/x",
            "/roles/v1/x",
            "/_bulk/v1",
            "/{index}/v1/x",
            // Without a version it could be anybody's index.
            "/private/user/update",
            // A document, or a collection: who has the path has it for every verb.
            "/user/v1/create",
            "/private/user/v1",
            "/private/{collection}/v1",
            "/private/v1",
            "/private/user/v1/_replace",
            "/private/user/v1/{verb}",
            "/private/v1/_search",
            "/private/{name}/v1/_create",
        ] {
            assert!(!is_free(path), "{path}");
        }
    }
}
