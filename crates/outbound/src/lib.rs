//! The one HTTP client for what is asked of others: keys of issuers, hooks. Whoever may say which
//! address is called must not be able to call the deployment's own network through it. So: https, or
//! a host that the configuration names; every address of a name is looked at, and a connection goes
//! to an address that was looked at; private, local and reserved addresses are refused unless the
//! configuration names them; no redirect is followed; proxies of the environment are not used; time
//! and size are bounded. It must never repeat a request by itself.

mod address;
mod client;
mod config;
mod error;
mod names;

pub use address::{AddressRules, RefusedAddress};
pub use client::{OutboundAnswer, OutboundClient, OutboundRequest};
pub use config::{OutboundConfig, OutboundConfigError};
pub use error::OutboundError;
pub use names::{ResolveNames, SystemNames};
