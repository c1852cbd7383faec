//! JSON Web Tokens (RFC 7519, RFC 7515) that other issuers made for this deployment: which of them
//! are believed, and what they say of their bearer. Issuers, the addresses of their keys, algorithms
//! and audiences come from the configuration alone; what a token says of keys (`jku`, `x5u`, `jwk`,
//! `x5c`) is passed over. There is no algorithm with a shared secret and none without a signature,
//! so no list can name one. See ADR 26. An issuer may also be asked to log somebody in: by the
//! authorization code flow of OpenID Connect, whose tokens are held to the same rules.

mod bearer;
mod claims;
mod code_flow;
mod code_flow_config;
mod config;
mod fault;
mod issuers;
mod key_set;
mod published_key;
mod signed_token;
mod trusted_issuer;

pub use bearer::TokenBearer;
pub use code_flow::{AttemptSecrets, IssuerLogin, LoginFault};
pub use code_flow_config::CodeFlowConfig;
pub use config::{IssuerConfig, IssuerConfigError, SignatureAlgorithm};
pub use fault::TokenFault;
pub use issuers::TrustedIssuers;
