//! A flood of dead letters: which partition waits because of one, and what a person lets pass. Both
//! are kept as texts in the record store, so that every worker and gateway finds them. Formats and
//! names only; when there is a flood, the worker decides.

use serde::{Deserialize, Serialize};

/// Why a partition waits: one more event would have become a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterFlood {
    pub partition: u16,
    /// The event of `transactions` that waits at its place, and all behind it with it.
    pub offset: u64,
    pub operation: String,
    /// Of the cause: see [`crate::cause_fingerprint`].
    pub fingerprint: String,
    pub code: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// So many dead letters of the operation came before it, within the worker's window.
    pub letters: u64,
    /// Unix milliseconds.
    pub since: i64,
    /// When the partition went on, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<i64>,
}

impl DeadLetterFlood {
    /// Under which name the newest flood of a partition is kept.
    pub fn name(generation: u16, partition: u16) -> String {
        format!("flood/{generation}/{partition}")
    }

    /// What lets it pass, each by itself.
    pub fn passes(&self) -> [FloodPassage; 3] {
        [
            FloodPassage::All,
            FloodPassage::Operation(self.operation.clone()),
            FloodPassage::Fingerprint(self.fingerprint.clone()),
        ]
    }
}

/// Which dead letters are let pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloodPassage {
    All,
    Operation(String),
    Fingerprint(String),
}

impl FloodPassage {
    /// Under which name the permission is kept, for as long as it holds.
    pub fn name(&self) -> String {
        match self {
            Self::All => "flood-pass/all".to_owned(),
            Self::Operation(name) => format!("flood-pass/operation/{name}"),
            Self::Fingerprint(name) => format!("flood-pass/fingerprint/{name}"),
        }
    }
}

/// A person's permission, for the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FloodPermission {
    pub passage: FloodPassage,
    pub principal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Unix milliseconds.
    pub since: i64,
    pub until: i64,
}
