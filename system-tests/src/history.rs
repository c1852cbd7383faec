//! What clients did and saw, as plain data: written by the workload, read by the checker. Judges
//! nothing.

use serde_json::{Map, Value};

/// A document's body.
pub type Body = Map<String, Value>;

/// What a client asked for. The closed set that the model understands.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `document.create`: refused `exists` on a document.
    Create(Body),
    /// `document.createOrReplace`
    Put(Body),
    /// `document.replace`: refused `missing` on none.
    Replace(Body),
    /// `document.update`: merges flat fields, refused `missing` on none.
    Update(Body),
    /// `document.upsert`: merges `changes`, or makes the document of `default` and `changes`.
    Upsert { changes: Body, default: Body },
    /// `document.deleteFields`: refused `missing` on none.
    DeleteFields(Vec<String>),
    /// `document.delete`: refused `missing` on none.
    Delete,
}

/// A write that was acknowledged. Unacknowledged ones are retried by the client under their
/// idempotency key until they are.
#[derive(Debug, Clone)]
pub struct Write {
    pub client: usize,
    pub key: String,
    pub action: Action,
    pub request: String,
    /// Milliseconds of the run: when it was first sent, and when the acknowledgement was there.
    pub sent: u64,
    pub acknowledged: u64,
}

/// A verdict as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    Queued,
    Applied,
    /// With its stable code.
    Refused(String),
    DeadLettered,
    /// The request id is not known.
    Unknown,
}

impl Status {
    /// Nothing may follow it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Applied | Self::Refused(_) | Self::DeadLettered)
    }
}

/// One look at a request.
#[derive(Debug, Clone)]
pub struct Look {
    pub at: u64,
    pub request: String,
    pub status: Status,
    /// (partition, offset), once known.
    pub position: Option<(u64, u64)>,
    /// The revision that the result told, if applied.
    pub revision: Option<u64>,
}

/// A document as somebody read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub body: Body,
    pub revision: Option<u64>,
}

/// A read of one document that was to show at least one write.
#[derive(Debug, Clone)]
pub struct Read {
    pub at: u64,
    pub key: String,
    /// The request whose token it carried.
    pub after: String,
    pub found: Option<Document>,
}

/// A document at the end, from the record and from the view.
#[derive(Debug, Clone)]
pub struct Final {
    pub key: String,
    pub record: Option<Document>,
    pub view: Option<Body>,
}

/// Everything of one run.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub writes: Vec<Write>,
    pub looks: Vec<Look>,
    pub reads: Vec<Read>,
    pub finals: Vec<Final>,
}
