//! What may be called, and for how long.

use serde::{Deserialize, Serialize};

/// The section `outbound` of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundConfig {
    /// Networks that may be called although they are private, this machine's own, or reserved:
    /// `10.1.0.0/16`, `127.0.0.1`.
    pub allowed_networks: Vec<String>,
    /// Hosts that may be called without TLS, by name or address (IPv6 in brackets: `[::1]`).
    pub plain_hosts: Vec<String>,
    /// An authority that is believed beside the public ones: a PEM file, or its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<String>,
    /// For a call as a whole, from the look-up of the name to the last byte of the answer.
    pub timeout_seconds: u64,
    /// A longer answer is none.
    pub answer_limit_bytes: usize,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        Self {
            allowed_networks: Vec::new(),
            plain_hosts: Vec::new(),
            certificate_authority: None,
            timeout_seconds: 10,
            answer_limit_bytes: 1 << 20,
        }
    }
}

/// Why there is no client of this configuration.
#[derive(Debug, thiserror::Error)]
pub enum OutboundConfigError {
    #[error("`outbound.allowed_networks`: `{0}` is neither an address nor a network")]
    Network(String),
    #[error("`outbound.certificate_authority`: {0}")]
    Authority(String),
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}
