//! What SQLite's answers mean. Nobody else looks at them.

use crate::NAME;
use rusqlite::ErrorCode;
use store::{ItemVerdict, StoreError};

/// A failure, by what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The disk is full, the file cannot be written or read now: the same write may pass later.
    Transient(String),
    /// This one write can never pass.
    Permanent { code: &'static str, message: String },
    /// The file is not what was written to it.
    Damaged(String),
}

impl Failure {
    /// For the failures of a writer that is gone.
    pub fn closed() -> Self {
        Self::Transient("the store is closed".to_owned())
    }

    pub fn verdict(&self) -> ItemVerdict {
        match self {
            Self::Transient(why) => ItemVerdict::Transient(why.clone()),
            Self::Permanent { code, message } => ItemVerdict::permanent(*code, message.clone()),
            Self::Damaged(why) => ItemVerdict::Alarm(why.clone()),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, detail) => {
                of_code(failure.code, failure.extended_code, detail)
            }
            unreadable @ (rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::InvalidColumnType(..)) => Self::Damaged(unreadable.to_string()),
            other => Self::Transient(format!("SQLite was used wrongly: {other}")),
        }
    }
}

fn of_code(code: ErrorCode, extended: i32, detail: Option<String>) -> Failure {
    let detail = detail.unwrap_or_else(|| format!("SQLite code {extended}"));
    match code {
        ErrorCode::DiskFull => Failure::Transient(format!("the disk is full ({detail})")),
        ErrorCode::SystemIoFailure => Failure::Transient(format!(
            "the file cannot be read or written ({detail}, code {extended})"
        )),
        ErrorCode::CannotOpen => {
            Failure::Transient(format!("the file cannot be opened ({detail})"))
        }
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
            Failure::Transient(format!("the file may not be written ({detail})"))
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            Failure::Transient(format!("another process has the file ({detail})"))
        }
        ErrorCode::OutOfMemory => Failure::Transient("out of memory".to_owned()),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Failure::Damaged(detail),
        ErrorCode::TooBig => Failure::Permanent {
            code: "too_large",
            message: detail,
        },
        // The rest can only come from a mistake of ours: a person must look, and nothing may be
        // given up meanwhile.
        _ => Failure::Transient(format!("SQLite answered code {extended}: {detail}")),
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Transient(why) => Self::Unavailable { store: NAME, why },
            Failure::Permanent { message, .. } => Self::Refused {
                store: NAME,
                why: message,
            },
            Failure::Damaged(why) => Self::Damaged { store: NAME, why },
        }
    }
}

#[cfg(test)]
mod tests;
