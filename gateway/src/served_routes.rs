//! The routes that are served now and what describes them: both follow from the table of routes and the
//! catalog in use. It makes neither.

use axum::Router;
use bytes::Bytes;
use parking_lot::RwLock;

/// What is served together.
#[derive(Clone, Default)]
pub(crate) struct RouteSet {
    pub router: Router,
    /// The OpenAPI document.
    pub openapi: Bytes,
}

/// See the module's header.
#[derive(Default)]
pub(crate) struct ServedRoutes(RwLock<RouteSet>);

impl ServedRoutes {
    pub(crate) fn router(&self) -> Router {
        self.0.read().router.clone()
    }

    pub(crate) fn openapi(&self) -> Bytes {
        self.0.read().openapi.clone()
    }

    /// Requests that begin from now on are served by these.
    pub(crate) fn replace(&self, routes: RouteSet) {
        *self.0.write() = routes;
    }
}
