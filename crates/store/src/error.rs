//! How a store answers: one verdict per item of a batch, and one error for a call that failed as a
//! whole.

/// What became of one item. Drivers classify vendor answers in their `classify.rs`; nobody else
/// looks at vendor errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemVerdict {
    /// It stands, or a newer version stood already: nothing more to do.
    Done,
    /// May work later, the outcome may be unknown: repeat the same write at the same version.
    Transient(String),
    /// Will never be taken as it stands.
    Permanent { code: String, message: String },
    /// The same version stands with another request in it: two owners, or a restored store. Stop
    /// the partition and call a person.
    Alarm(String),
}

impl ItemVerdict {
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Permanent {
            code: code.into(),
            message: message.into(),
        }
    }
}

/// A call that failed as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Down, overloaded, no quorum, timed out: try again later.
    #[error("{store} is out of reach: {why}")]
    Unavailable { store: &'static str, why: String },
    /// The store answers, and does not take this client: its credentials, its certificate authority
    /// or its rights are wrong. Nothing is wrong with the call; an operator mends it, and the same
    /// call is good.
    #[error("{store} denies access: {why}")]
    Denied { store: &'static str, why: String },
    /// The call itself is wrong for this store; trying again changes nothing.
    #[error("{store} refuses: {why}")]
    Refused { store: &'static str, why: String },
    /// A search that this driver does not know how to answer: never a wrong answer instead.
    #[error("the search clause `{clause}` is not supported here")]
    Unsupported { clause: String, pointer: String },
    /// A search that is malformed.
    #[error("the search is malformed: {message}")]
    BadSearch { message: String, pointer: String },
    /// Tables, keyspace or indices are missing or differ: `consign catalog migrate`.
    #[error("{store} is not prepared: {why}")]
    NotMigrated { store: &'static str, why: String },
    /// What is stored cannot be read back.
    #[error("{store} holds something unreadable: {why}")]
    Damaged { store: &'static str, why: String },
}
