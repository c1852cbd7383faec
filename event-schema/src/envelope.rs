//! What a gateway appends: transaction events (which change stores) and informative events (which
//! only tell).

use crate::{
    Raw,
    id::{EntityKey, RequestId},
    offset::TransactionsOffset,
    unconfirmed::Unconfirmed,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The attributes every event carries in its headers (CloudEvents), beside its JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    pub id: RequestId,
    pub tenant: String,
    pub operation: String,
    /// The catalog version the event was made by (and must be planned by).
    pub catalog: String,
    pub key: EntityKey,
    /// Unix milliseconds by the gateway's clock; informs, decides nothing.
    pub time: i64,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

/// ONE record with everything one operation changes.
#[derive(Clone, Debug)]
pub struct Transaction {
    pub attributes: Attributes,
    /// An offset of its partition that the log had reached before the event was made: no copy of it
    /// stands before. The first offset for ids that derive from something else (an idempotency
    /// key), whose copies may stand anywhere.
    pub seen: TransactionsOffset,
    pub data: TransactionData,
}

/// The JSON value of a transaction event.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TransactionData {
    /// The bare request as it was validated.
    #[schemars(with = "Value")]
    pub request: Raw,
    /// Ids and times that the gateway made for it, by name, so that replays repeat them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub generated: Map<String, Value>,
    /// The collections it touches, with the incarnation seen when it was accepted:
    /// `index/collection` → incarnation.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub incarnations: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub volatile: Option<Raw>,
    /// The revision the document must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Who waits for the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    pub principal: String,
    /// The caller could not be looked at: that is for whoever decides it. Readers who do not know this
    /// would take it for nothing, so it raises the record's level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<Unconfirmed>,
}

/// How the client itself named and sent a request, for whoever is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The client's own id of the request; not ours.
    pub request: String,
    /// `websocket`, `http`.
    pub protocol: String,
    pub controller: String,
    pub action: String,
    /// Nobody is told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
}

/// An idempotency key as the worker must defend it: `key` is hashed with its scope, so no client
/// text is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// Hex of HMAC(scope, key).
    pub key: String,
    /// Unix milliseconds until which it is kept.
    pub until: i64,
}

/// Where feedback goes: a partition of `mailbox` and the instance that reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    pub instance: String,
    pub partition: u16,
}

/// An event that tells and writes no store.
#[derive(Clone, Debug)]
pub struct Informative {
    pub attributes: Attributes,
    pub data: InformativeData,
}

/// The JSON value of an informative event.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct InformativeData {
    #[schemars(with = "Value")]
    pub request: Raw,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub generated: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub volatile: Option<Raw>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    pub principal: String,
}
