//! What became of a request: the verdict, the ledger's entry, and the feedback to the gateway that
//! waits.

use crate::{
    Raw,
    id::{EntityKey, RequestId},
    position::{Position, Version},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a request was refused. Stable: these names are on the wire and in the ledger for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// The document is there already.
    Exists,
    /// There is no such document, row or collection.
    Missing,
    /// The document's revision is not the one asked for.
    Version,
    /// A later event of the key was applied first, or the held event is not what was seen of it.
    Superseded,
    /// A person gave the event up.
    Discarded,
    /// Another request was made under this idempotency key.
    IdempotencyKeyReused,
    /// The decision would not fit into a record.
    TooLarge,
    /// The view's mapping or the table would not take the value.
    Unmappable,
    /// The plan's own rules do not hold for the current documents (catalog).
    Rule,
    /// The caller is not the one who may do this.
    Forbidden,
    /// Too often within a time.
    RateLimited,
    /// It was taken from a caller who could not be looked at, and who may not do it: by now, or
    /// since before it was taken.
    Revoked,
}

/// A refusal: code, a sentence for people, and where in the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    pub code: RefusalCode,
    pub message: String,
    /// The operation's own name for what it refuses: stable, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Refusal {
    pub(crate) fn is_of_second_level(&self) -> bool {
        self.code == RefusalCode::Revoked
    }
}

/// Why an event will never apply as it stands. `code` is stable, `store` names who refused it,
/// where one did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadReason {
    pub code: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
}

/// Final, but for a dead letter that a person replays or discards, and what is parked behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Applied,
    Refused(Refusal),
    DeadLettered(DeadReason),
    /// It waits in the queue of its key.
    Parked(Parked),
}

impl Verdict {
    /// Would a reader that knows the first level alone fail to read it?
    pub(crate) fn is_of_second_level(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_of_second_level())
    }

    /// Is it the last word? A dead letter, and what is parked behind one, may still get another.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Applied | Self::Refused(_))
    }
}

/// What an event waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parked {
    /// The dead letter at the head of the queue when it was parked.
    pub behind: RequestId,
}

/// When things happened to a request: Unix milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    pub accepted: i64,
    pub decided: i64,
    pub applied: i64,
}

/// The ledger's row: what the system remembers of a request after its event is gone from the log.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LedgerEntry {
    pub request: RequestId,
    pub key: EntityKey,
    pub operation: String,
    /// Who made it; not known of what nobody could decode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    pub position: Position,
    pub version: Version,
    pub verdict: Verdict,
    /// What the client is told of an applied request (`{"_id":…,"_version":…}`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub result: Option<Raw>,
    /// Requests of the parts it published: it is applied once each of them has a verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<RequestId>,
    pub times: Times,
}

/// The verdict on its way to the gateway instance that waits: a record in `mailbox`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Feedback {
    /// The gateway instance it is for; others drop it.
    pub instance: String,
    pub entry: LedgerEntry,
}
