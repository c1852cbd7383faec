//! What a transaction carries whose caller could not be looked at when it was taken: by what the
//! caller was known, and by which right the write was let in. Whoever decides the event looks first,
//! in the record store, and refuses it if the caller may not do it any longer. It holds nothing by
//! which somebody could act for the caller. See ADR 39.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A write that was taken on trust. The principal is the event's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unconfirmed {
    pub credential: UnconfirmedCredential,
    /// What the caller needs, wherever the event writes.
    pub right: UnconfirmedRight,
    /// Of a principal whom another issuer named: no user of this deployment says what they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiles: Option<Vec<String>>,
    /// The revision of roles and profiles that was believed; informs, decides nothing.
    pub rights_revision: u64,
    /// When the caller was looked at last, Unix milliseconds by the gateway's clock; informs, decides
    /// nothing.
    pub looked_at: i64,
}

/// `user:create`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnconfirmedRight {
    pub controller: String,
    pub action: String,
}

/// By what the caller was known, as far as it must still stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnconfirmedCredential {
    Session {
        sid: String,
        /// Of the token that was shown.
        jti: String,
        /// What the user's sessions were when it began.
        sessions: String,
    },
    ApiKey {
        id: String,
        fingerprint: String,
        /// What the owner's keys were when it was made.
        birth: String,
    },
    /// Of a client, in the handshake of TLS.
    Certificate {
        birth: String,
        /// From when on it is valid, Unix milliseconds.
        from: i64,
    },
}
