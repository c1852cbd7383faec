//! JSON Web Tokens (RFC 7519, RFC 7515) that other issuers made for this deployment: which of them
//! are believed, and what they say of their bearer. Issuers, the addresses of their keys, algorithms
//! and audiences come from the configuration alone; what a token says of keys (`jku`, `x5u`, `jwk`,
//! `x5c`) is passed over. There is no algorithm with a shared secret and none without a signature,
//! so no list can name one. See ADR 26.

mod bearer;
mod claims;
mod config;
mod fault;
mod issuers;
mod key_set;
mod published_key;
mod signed_token;

pub use bearer::TokenBearer;
pub use config::{IssuerConfig, IssuerConfigError, SignatureAlgorithm};
pub use fault::TokenFault;
pub use issuers::TrustedIssuers;
