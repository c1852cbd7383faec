//! From names to addresses that may be called. A name is called only if each of its addresses may
//! be: one that stands for both is taken for an attempt to reach inside.

use crate::{AddressRules, RefusedAddress};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// The addresses of a name.
#[async_trait::async_trait]
pub trait ResolveNames: Send + Sync {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNames;

#[async_trait::async_trait]
impl ResolveNames for SystemNames {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Between the HTTP client and whoever knows names: what comes out is connected to, and nothing
/// else.
pub(crate) struct GuardedNames {
    pub names: Arc<dyn ResolveNames>,
    pub rules: Arc<AddressRules>,
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, rules) = (self.names.clone(), self.rules.clone());
        Box::pin(async move {
            let host = name.as_str();
            let found = names.addresses(host).await?;
            if found.is_empty() {
                let why = format!("`{host}` has no address");
                return Err(io::Error::new(io::ErrorKind::NotFound, why).into());
            }
            for address in &found {
                rules.check(host, *address)?;
            }
            let sockets = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok::<Addrs, Box<dyn std::error::Error + Send + Sync>>(Box::new(sockets))
        })
    }
}

/// The address that a host is, if it is written as one.
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

impl AddressRules {
    /// A host that is written as an address is looked at here, since nobody looks it up.
    pub(crate) fn check_literal(&self, host: &str) -> Result<(), RefusedAddress> {
        match literal(host) {
            Some(address) => self.check(host, address),
            None => Ok(()),
        }
    }
}
