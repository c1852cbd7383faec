//! The records of `changes`: decisions, and the control records open, mark and void. Only a
//! partition's owner appends them. Which of them count is one rule, and it is not here: it is
//! `change-feed`'s.
//!
//! Every record but `open` names the offset at which it must stand (`at`) and the tenure it belongs
//! to (`epoch`, the offset of that tenure's `open`).

use crate::{
    Raw, RequestTail,
    id::{EntityKey, RequestId},
    mutation::{DocumentChange, DocumentKey, RowKey, RowMutation},
    offset::{ChangesOffset, Epoch, TransactionsOffset},
    outcome::{DeadReason, Refusal, Verdict},
    parts::Parts,
    position::{Position, Version},
    replay::Replay,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a plan came to: the record that is appended before any store is touched.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    pub epoch: Epoch,
    /// Where it must stand to count.
    pub at: ChangesOffset,
    /// The entity key of the event; the record's own key, too. Made up for a record that no one could
    /// decode.
    pub key: EntityKey,
    pub request: RequestId,
    pub operation: String,
    pub tenant: String,
    /// Who made the request; not known of what nobody could decode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    pub catalog: String,
    pub position: Position,
    /// What stands for this position so far and is replaced: a void, or the decision that held the
    /// event. Without it, the decision stands only if nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ChangesOffset>,
    /// The intent that asked for it, of a held event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Replay>,
    /// No subscriber hears of it: repair and purge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    pub verdict: Verdict,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<DocumentChange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowMutation>,
    /// What it does to other keys: events to publish once the ledger remembers this decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Values that only one owner may have: taken before this decision, released after its ledger
    /// row.
    #[serde(default, skip_serializing_if = "ClaimedValues::is_empty")]
    pub claims: ClaimedValues,
    /// The idempotency key that the request holds: a record store that forgot it is told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<crate::envelope::Claim>,
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
    /// Its operation does not ask for the order of its key to be kept behind a dead letter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relaxed: bool,
    /// Unix milliseconds: accepted by the log (append time of the event), decided by the worker's
    /// clock.
    pub accepted: i64,
    pub decided: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<crate::envelope::Reply>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<crate::envelope::Origin>,
    /// The W3C trace context of its event, where the worker exports spans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// What an operation does to another key: an unconditional event, whole, so that whoever publishes
/// it publishes the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// H(parent, n).
    pub request: RequestId,
    /// Of `transactions`.
    pub partition: u16,
    /// No copy of it stands before this offset of its partition.
    pub seen: TransactionsOffset,
    pub event: OriginalRecord,
}

/// Values that only one owner may have, as a decision moves them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimedValues {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub take: Vec<UniqueValue>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub release: Vec<UniqueValue>,
}

impl ClaimedValues {
    pub fn is_empty(&self) -> bool {
        self.take.is_empty() && self.release.is_empty()
    }
}

/// A value in its name space: (`email`, `a@b.co`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct UniqueValue {
    pub space: String,
    pub value: String,
}

/// A worker takes the partition; this record's own offset is the epoch.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Open {
    pub owner: String,
    pub time: i64,
}

/// Every counted decision up to `through` (an offset in `changes`, smaller than the mark's own) is
/// resolved, hence all of `transactions` below `next`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    pub epoch: Epoch,
    /// Where it must stand to count.
    pub at: ChangesOffset,
    pub generation: u16,
    pub partition: u16,
    pub through: ChangesOffset,
    /// The smallest offset in `transactions` that is not resolved: where to go on.
    pub next: TransactionsOffset,
    pub time: i64,
    /// From this offset in `changes` on, decisions are applied again when the partition is taken:
    /// behind `through` where the record store may forget what it acknowledged, `through + 1`
    /// elsewhere.
    pub reapply_from: ChangesOffset,
    /// The epoch in force at `reapply_from`; none where no record before it counts.
    pub reapply_epoch: Option<Epoch>,
    /// The log's own identities of the two topics when this was written: a topic that was deleted
    /// and made again has another one.
    #[serde(default, skip_serializing_if = "TopicIds::is_unknown")]
    pub topics: TopicIds,
    /// The requests of the records before `next`: whoever takes the partition looks whether they
    /// still stand there.
    #[serde(default, skip_serializing_if = "RequestTail::is_unknown")]
    pub tail: RequestTail,
    /// Partition of `transactions` → the furthest part that decisions up to `through` published
    /// there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<u16, TransactionsOffset>,
}

/// The log's own identities of a generation's topics, where it tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TopicIds {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transactions: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<String>,
}

impl TopicIds {
    fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of a position whose decision is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoidEnd {
    /// The client's own mapping refused it late: final.
    Refused(Refusal),
    /// Decided again as a dead letter, which puts it into the queue of its key.
    Dead(DeadReason),
    /// Only overtaken by another void: decided again, from the event that this record carries.
    Anew,
    /// Back in the queue of its key, which it came from: the reverse change put it there.
    Held,
}

impl VoidEnd {
    pub(crate) fn is_of_second_level(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is_of_second_level())
    }
}

/// A store will not take a decision (or it follows one on its keys): the reverse change, written at
/// this record's own version.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Void {
    pub epoch: Epoch,
    /// Where it must stand to count.
    pub at: ChangesOffset,
    pub key: EntityKey,
    pub request: RequestId,
    pub operation: String,
    /// As of the decision that is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    pub position: Position,
    /// Offset of the decision that is undone.
    pub decision: ChangesOffset,
    pub ends: VoidEnd,
    /// The intent by which the event that is undone was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Replay>,
    /// As of the decision that is undone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relaxed: bool,
    pub documents: Vec<DocumentChange>,
    pub rows: Vec<RowMutation>,
    /// The event byte for byte; absent only where the record would not fit with it, and then it is
    /// read from `transactions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<OriginalRecord>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// The idempotency key that the request holds: a record store that forgot it is told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<crate::envelope::Claim>,
    pub time: i64,
    /// For the ledger row and the feedback of one that ends here.
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

impl Change {
    /// The tenure it was written in and where it must stand; `None` for `open`, which begins one.
    pub fn place(&self) -> Option<(Epoch, ChangesOffset)> {
        match self {
            Self::Open(_) => None,
            Self::Decision(decision) => Some((decision.epoch, decision.at)),
            Self::Mark(mark) => Some((mark.epoch, mark.at)),
            Self::Void(void) => Some((void.epoch, void.at)),
        }
    }

    /// The entity key that its record is keyed by; control records of a whole partition have none.
    pub fn key(&self) -> Option<&EntityKey> {
        match self {
            Self::Open(_) | Self::Mark(_) => None,
            Self::Decision(decision) => Some(&decision.key),
            Self::Void(void) => Some(&void.key),
        }
    }
}

/// A record of `dead-letters`: everything a person needs to study, mend and replay it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetter {
    pub request: RequestId,
    /// Made up where the record could not be decoded.
    pub key: EntityKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    pub position: Position,
    /// Of the decision or void that made it one: a letter of another version than the ledger's is a
    /// copy that no longer holds.
    pub version: Version,
    pub reason: DeadReason,
    /// Unix milliseconds.
    pub time: i64,
    /// The event's key, value and headers as they stood in the log.
    pub original: OriginalRecord,
}

/// A log record kept byte for byte. Key, value and the headers' values are base64 (the bytes need
/// not be text); the headers' names are text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OriginalRecord {
    pub key: Option<String>,
    pub value: Option<String>,
    pub headers: Vec<(String, String)>,
}

/// A kept record whose texts are not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kept record is not base64")]
pub struct NotBase64;

impl OriginalRecord {
    pub fn of(parts: &Parts) -> Self {
        Self {
            key: parts.key.as_ref().map(|key| BASE64.encode(key)),
            value: parts.value.as_ref().map(|value| BASE64.encode(value)),
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), BASE64.encode(value)))
                .collect(),
        }
    }

    /// The record's bytes again.
    pub fn parts(&self) -> Result<Parts, NotBase64> {
        let bytes = |text: &String| {
            BASE64
                .decode(text)
                .map(bytes::Bytes::from)
                .map_err(|_| NotBase64)
        };
        let header = |(name, value): &(String, String)| Ok((name.clone().into(), bytes(value)?));
        Ok(Parts {
            key: self.key.as_ref().map(bytes).transpose()?,
            value: self.value.as_ref().map(bytes).transpose()?,
            headers: self.headers.iter().map(header).collect::<Result<_, _>>()?,
        })
    }
}
