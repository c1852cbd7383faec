//! Who a request is made for. This is the one place where a principal is made: once for each request,
//! by [`identify`], and shared by everything that is done for it. It must grant nothing: what a
//! principal may do is decided where it is done.

use axum::extract::FromRequestParts;
use http::{Extensions, HeaderMap, request::Parts};
use std::{
    convert::Infallible,
    ops::Deref,
    sync::{Arc, LazyLock},
};

/// A user or program within a tenant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Principal {
    pub tenant: Arc<str>,
    pub name: Arc<str>,
}

/// The principal of a request. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller(Arc<Principal>);

/// Clients are not authenticated yet: all are one principal of one tenant. It has a name, so that
/// tokens and keys that are bound to it today stay bound.
static ANONYMOUS: LazyLock<Arc<Principal>> = LazyLock::new(|| {
    Arc::new(Principal {
        tenant: "default".into(),
        name: "anonymous".into(),
    })
});

/// The principal of a request with these headers.
pub(crate) fn identify(_headers: &HeaderMap) -> Caller {
    Caller(ANONYMOUS.clone())
}

impl Caller {
    /// Of a request that came through the server, which identified it.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let known = extensions.get::<Self>().cloned();
        known.unwrap_or_else(|| identify(&HeaderMap::new()))
    }
}

#[cfg(test)]
impl Caller {
    pub(crate) fn for_test(tenant: &str, name: &str) -> Self {
        Self(Arc::new(Principal {
            tenant: tenant.into(),
            name: name.into(),
        }))
    }
}

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

impl Principal {
    /// Under which an Idempotency-Key means one request: parts are length-prefixed, so no two scopes
    /// collide.
    pub(crate) fn scope(&self, operation: &str) -> Vec<u8> {
        let mut scope = Vec::with_capacity(64);
        for part in [&self.tenant, &self.name, operation] {
            scope.extend_from_slice(&(part.len() as u32).to_le_bytes());
            scope.extend_from_slice(part.as_bytes());
        }
        scope
    }
}
