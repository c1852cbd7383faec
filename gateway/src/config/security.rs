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
    /// With `tls = "own"`: certificates of clients are asked for, and stand for users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificates: Option<ClientCertificates>,
    /// Whose JSON Web Tokens are believed beside the sessions and keys of the deployment.
    pub issuers: Vec<IssuerConfig>,
}

/// Which certificates of clients are believed, and whom they stand for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificates {
    /// A PEM file of the authorities that make them: of clients alone, as whatever it made is
    /// believed.
    pub authority: PathBuf,
    /// Nobody without one is served; else who shows none is asked for another credential.
    #[serde(default)]
    pub required: bool,
    pub principals: Vec<CertificatePrincipal>,
}

/// A user, and one alternative name of the certificates that stand for the user: exactly one of the
/// three.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificatePrincipal {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    pub user: String,
}

impl CertificatePrincipal {
    pub(crate) fn is_plain(&self) -> bool {
        let names = [&self.uri, &self.dns, &self.email];
        let mut given = names.into_iter().flatten();
        let one = given.next().is_some_and(|name| !name.is_empty());
        one && given.next().is_none() && !self.user.is_empty()
    }
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
