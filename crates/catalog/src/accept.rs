//! From a bare request to what an event carries: validated, with generated ids and times, and the key it belongs to.

use event_schema::{Raw, id::EntityKey};
use serde::Serialize;
use serde_json::{Map, Value};

/// All that differs between two acceptances of the same bytes. Generated ids derive from `unique`, so a true repeat makes the same ones.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// The request's 16 unique bytes (`RequestId::unique`).
    pub unique: [u8; 16],
    /// Unix milliseconds.
    pub now: i64,
}

/// What one event will carry.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The operation its event names: the single form for each child of a many-document request.
    pub operation: String,
    /// The 16 unique bytes of its request id: the seed's for a single request, `RequestId::child(seed, n)` for child n.
    pub unique: [u8; 16],
    pub request: Raw,
    pub generated: Map<String, Value>,
    pub key: EntityKey,
    /// (index, collection) of every document it may touch.
    pub collections: Vec<(String, String)>,
    pub volatile: Option<Raw>,
    pub if_version: Option<u64>,
}

/// A request as it was understood.
#[derive(Clone, Debug)]
pub enum AcceptedRequest {
    One(Box<Accepted>),
    /// One event and one verdict for each document, in the request's order.
    Many(Vec<Result<Accepted, Invalid>>),
}

/// One rule that a request breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// JSON pointer (RFC 6901) into the request.
    pub pointer: String,
    /// The schema keyword or named rule that is broken: `required`, `type`, `additionalProperties`, `format` …
    pub rule: String,
    /// A sentence for people, naming the offending value where it is short.
    pub message: String,
}

/// A request that breaks rules: at least one violation, the first found first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.first().map_or("invalid request", |v| v.message.as_str()))]
pub struct Invalid(pub Vec<Violation>);
