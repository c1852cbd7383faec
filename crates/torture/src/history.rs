//! What clients did and saw in one run, as plain data: written by the workload, kept as JSON, read by
//! the judge. Must never judge anything.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A document's body, or a row's cells.
pub type Body = Map<String, Value>;

/// Where a write stands in the log: partition and offset.
pub type LogPlace = (u64, u64);

/// What a client asked for: the closed set that the judge's model understands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteAction {
    /// Refused `exists` on a document.
    Create(Body),
    Put(Body),
    /// Refused `missing` on none.
    Replace(Body),
    /// Merges flat fields, refused `missing` on none.
    Update(Body),
    /// Merges `changes`, or makes the document of `default` and `changes`.
    Upsert {
        changes: Body,
        default: Body,
    },
    /// Refused `missing` on none.
    DeleteFields(Vec<String>),
    /// Refused `missing` on none.
    Delete,
    /// Two documents and a row, whole or not at all: each becomes number `n`, and `by` is added to
    /// what the documents hold.
    Pair(PairStep),
    /// A pair whose `by` was sent as a word: a dead letter, which an operator mends to `by` or gives
    /// up.
    BrokenPair(PairStep),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PairStep {
    pub n: i64,
    pub by: i64,
    /// A field that the view may have been told to refuse behind the pipeline's back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addr: Option<String>,
}

/// A write that was acknowledged.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AcknowledgedWrite {
    pub client: usize,
    /// `documents/ID` or `pairs/ID`.
    pub key: String,
    pub action: WriteAction,
    pub request: String,
    /// Milliseconds of the run: when it was first sent, and when the acknowledgement was there.
    pub sent: u64,
    pub acknowledged: u64,
    /// The gateway that acknowledged it.
    pub gateway: usize,
    /// Its place in the log's order is that of its arrival there.
    pub spooled: bool,
}

/// A status as clients see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenStatus {
    /// The request id is not known.
    Unknown,
    Queued,
    Parked,
    Applying,
    DeadLettered,
    Applied,
    /// With its stable code.
    Refused(String),
}

impl SeenStatus {
    /// Nothing may follow it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Applied | Self::Refused(_))
    }

    /// It waits for an operator, or behind what does.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Parked | Self::DeadLettered)
    }
}

/// One look at a request. `write` is its number in the history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatusLook {
    pub write: usize,
    /// When it was asked for, and when the answer was there.
    pub asked: u64,
    pub at: u64,
    pub status: SeenStatus,
    pub place: Option<LogPlace>,
    /// The revision that the result tells, if applied.
    pub revision: Option<u64>,
}

/// A document as somebody read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenDocument {
    pub body: Body,
    pub revision: Option<u64>,
}

/// A read of a key's documents (one, or both of a pair) that was to show at least one write.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenRead {
    pub at: u64,
    /// The write whose token it carried.
    pub write: usize,
    pub documents: Vec<Option<SeenDocument>>,
}

/// One notification: of which request, about which document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HeardChange {
    pub at: u64,
    pub request: String,
    pub id: String,
}

/// What one subscriber heard of a collection, over all its connections, in the order it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Subscription {
    pub collection: String,
    /// When it was first active.
    pub active: u64,
    pub heard: Vec<HeardChange>,
    /// Why a gateway did not let it go on where it was.
    pub turned_away: Vec<String>,
}

/// A key at the end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FinalState {
    pub key: String,
    /// One document, or both of a pair.
    pub record: Vec<Option<SeenDocument>>,
    pub view: Vec<Option<Body>>,
    /// A pair's row.
    pub row: Option<Body>,
}

/// Everything of one run, or a piece of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RunHistory {
    pub writes: Vec<AcknowledgedWrite>,
    pub looks: Vec<StatusLook>,
    pub reads: Vec<TokenRead>,
    pub subscriptions: Vec<Subscription>,
    pub finals: Vec<FinalState>,
    /// Keys with a write of which nobody knows whether it was taken: it had no idempotency key, and
    /// no answer.
    #[serde(default)]
    pub uncertain: BTreeSet<String>,
    /// It is a piece from the middle: what its keys held before is not known.
    #[serde(default)]
    pub begins_later: bool,
    /// It is a piece that ends before the run did: what its keys came to is not known.
    #[serde(default)]
    pub ends_early: bool,
}
