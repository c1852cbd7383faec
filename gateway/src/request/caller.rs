//! Who asks. Nothing authenticates clients yet: everybody is the same principal of the same tenant,
//! by name, so that tokens and keys that are bound to them today stay bound.

/// The tenant and principal a request is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub tenant: &'static str,
    pub principal: &'static str,
}

impl Caller {
    pub(crate) fn anonymous() -> Self {
        Self {
            tenant: "default",
            principal: "anonymous",
        }
    }

    /// Under which an Idempotency-Key means one request: parts are length-prefixed, so no two
    /// scopes collide.
    pub(crate) fn scope(&self, operation: &str) -> Vec<u8> {
        let mut scope = Vec::with_capacity(64);
        for part in [self.tenant, self.principal, operation] {
            scope.extend_from_slice(&(part.len() as u32).to_le_bytes());
            scope.extend_from_slice(part.as_bytes());
        }
        scope
    }
}
