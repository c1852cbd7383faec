//! A dead letter in one line, as it is listed, filtered and grouped.

use serde::{Deserialize, Serialize};

/// A dead letter as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterLine {
    pub request_id: String,
    pub key: String,
    pub operation: String,
    pub code: String,
    /// The same for equal causes.
    pub fingerprint: String,
    pub store: Option<String>,
    pub message: String,
    /// When it failed last, RFC 3339.
    pub time: String,
    /// How often it was tried.
    pub attempts: u32,
    /// How many events of its key are parked behind it.
    pub waiting: u64,
    /// A later event of its key was applied.
    pub overtaken: bool,
}
