//! The records of `changes`: decisions, and the control records open, mark and void. Only a
//! partition's owner appends them.
//!
//! A record counts only if it carries the epoch of the newest `open` before it: `epoch` is that
//! open's offset in `changes`.

use crate::{
    Raw,
    id::RequestId,
    mutation::{DocumentChange, DocumentKey, RowKey, RowMutation},
    outcome::{DeadReason, Verdict},
    position::Position,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a plan came to: the record that is appended before any store is touched.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    pub epoch: u64,
    pub request: RequestId,
    pub operation: String,
    pub tenant: String,
    pub catalog: String,
    pub position: Position,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentChange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowMutation>,
    /// Of a refusal: the documents by which it was judged. If one of them was decided over what is
    /// then voided, so is the refusal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judged_by: Vec<DocumentKey>,
    /// The same of rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judged_by_rows: Vec<RowKey>,
    /// What the client is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub result: Option<Raw>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub volatile: Option<Raw>,
    /// Unix milliseconds: accepted by the log (append time of the event), decided by the worker's
    /// clock.
    pub accepted: i64,
    pub decided: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<crate::envelope::Reply>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<crate::envelope::Origin>,
}

/// A worker takes the partition; this record's own offset is the epoch.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Open {
    pub owner: String,
    pub time: i64,
}

/// Every counted decision up to `through` (offset in `changes`, smaller than the mark's own) is
/// resolved, hence all of `transactions` below `next`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    pub epoch: u64,
    pub generation: u16,
    pub partition: u16,
    pub through: u64,
    /// The smallest offset in `transactions` that is not resolved: where to go on.
    pub next: u64,
    pub time: i64,
    /// From this offset in `changes` on, decisions are applied again when the partition is taken:
    /// behind `through` where the record store may forget what it acknowledged, `through + 1`
    /// elsewhere.
    pub reapply_from: u64,
    /// The epoch in force at `reapply_from`.
    pub reapply_epoch: u64,
}

/// A store will not take a decision (or it follows one on its keys): the reverse change, written at
/// this record's own version.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Void {
    pub epoch: u64,
    pub request: RequestId,
    pub operation: String,
    pub position: Position,
    /// Offset in `changes` of the decision that is undone.
    pub decision: u64,
    /// Dead-lettered with this reason; `None`: only overtaken by a void before it, and decided anew
    /// after.
    pub dead: Option<DeadReason>,
    pub documents: Vec<DocumentChange>,
    pub rows: Vec<RowMutation>,
    pub time: i64,
    /// For the ledger row and the feedback of a dead one.
    pub accepted: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<crate::envelope::Reply>,
}

/// Any record of `changes`, by its CloudEvents type.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are decisions: a box would be an allocation for each"
)]
pub enum Change {
    Decision(Decision),
    Open(Open),
    Mark(Mark),
    Void(Void),
}

/// A record of `dead-letters`: everything a person needs to study, mend and replay it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetter {
    /// Absent where the record could not even be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    pub position: Position,
    pub reason: DeadReason,
    /// Unix milliseconds.
    pub time: i64,
    /// The event's key, value and headers as they stood in the log, base64 (they need not be text).
    pub original: OriginalRecord,
}

/// A log record kept byte for byte; every text is base64.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct OriginalRecord {
    pub key: Option<String>,
    pub value: Option<String>,
    pub headers: Vec<(String, String)>,
}
