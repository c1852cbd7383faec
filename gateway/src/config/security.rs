//! How this service is protected from who can reach it.

use bearer_tokens::IssuerConfig;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where TLS ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsEnd {
    /// There is none: only the loopback is listened on.
    #[default]
    None,
    /// In front of the gateway, which others reach through it alone.
    Proxy,
    /// In the gateway itself.
    Own,
}

/// The section of the settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Security {
    /// `true`: a gateway that listens off the loopback starts without TLS, and serves everybody
    /// everything as long as there is no administrator. `/readyz` says so.
    pub open: bool,
    pub tls: TlsEnd,
    /// With `tls = "own"`: PEM files with the certificate, those between it and an authority behind
    /// it, and with its private key, which only its owner may read. Both are read anew when they
    /// change.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// Whose JSON Web Tokens are believed beside the sessions and keys of the deployment.
    pub issuers: Vec<IssuerConfig>,
}

impl Security {
    /// What addresses of a gateway begin with.
    pub fn scheme(&self) -> &'static str {
        match self.tls {
            TlsEnd::Own => "https",
            TlsEnd::None | TlsEnd::Proxy => "http",
        }
    }
}
