//! From an event and the current state to a verdict and mutations. Pure: the same event over the same state plans the same for ever.

use event_schema::{
    Raw,
    mutation::{DocumentChange, DocumentKey, RowKey, RowMutation},
    outcome::Verdict,
};
use serde_json::{Map, Value};

/// What must be read before an event can be planned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    pub documents: Vec<DocumentKey>,
    pub rows: Vec<RowKey>,
}

/// A document as it stands when an event is planned.
#[derive(Clone, Debug)]
pub struct CurrentDocument {
    /// Of the last write, deletions included; 0 where there never was one.
    pub revision: u64,
    /// `None`: there is no such document now.
    pub body: Option<Raw>,
}

/// The state that an event is planned over: stores plus what earlier events of the batch decided. Only asked for what `needs` named.
pub trait Current {
    fn document(&self, key: &DocumentKey) -> CurrentDocument;
    /// The whole row without its key columns; `None` if there is none.
    fn row(&self, key: &RowKey) -> Option<Map<String, Value>>;
}

/// What an event comes to.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `Applied` or `Refused`; a refusal has no mutations.
    pub verdict: Verdict,
    pub documents: Vec<DocumentChange>,
    pub rows: Vec<RowMutation>,
    /// What the client is told of an applied request.
    pub result: Option<Raw>,
}

/// An event that can never be planned: a dead letter. Not a refusal, which is an answer to a sound event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("the catalog has no operation `{0}`")]
    UnknownOperation(String),
    #[error("the event does not hold what its operation needs: {0}")]
    BadEvent(String),
}
