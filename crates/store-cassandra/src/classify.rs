//! Every answer of the driver and the server, told apart: passing, final, or not prepared. The only
//! place that looks into vendor errors; it must never look at the text of a message.

use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind as Setup, DbError,
    ExecutionError, MetadataError, NewSessionError, PrepareError, RequestAttemptError,
};
use store::ItemVerdict;

/// What went wrong with one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CassandraFailure {
    /// Passing, or of unknown outcome: what timed out has mostly been applied a little later.
    Transient(String),
    /// The server does not let this client in, or lacks a right: an operator's to mend, the write is
    /// good.
    Denied(String),
    /// Will never be taken.
    Permanent { code: &'static str, message: String },
    /// `Invalid` of a statement that was prepared once: a bad value, a batch too large, or a table
    /// that is gone. Needs a second look.
    Suspect(String),
    /// The tables are not there or not as the statement needs them.
    NotPrepared(String),
}

impl CassandraFailure {
    pub(crate) fn into_verdict(self) -> ItemVerdict {
        match self {
            Self::Transient(why) => ItemVerdict::Transient(why),
            Self::Denied(why) => ItemVerdict::Transient(format!("rights are missing: {why}")),
            Self::Permanent { code, message } => ItemVerdict::permanent(code, message),
            Self::Suspect(message) => ItemVerdict::permanent("invalid", message),
            // A migration mends it, and then the same write is good: nothing to give up.
            Self::NotPrepared(why) => ItemVerdict::Transient(format!(
                "not prepared, `consign catalog migrate` mends it: {why}"
            )),
        }
    }
}

/// Of a statement that was to be prepared. The text is ours: `Invalid` here means that the tables
/// differ.
pub(crate) fn preparing_failure(error: &PrepareError) -> CassandraFailure {
    match error {
        PrepareError::AllAttemptsFailed { first_attempt } => match attempt_failure(first_attempt) {
            CassandraFailure::Suspect(why) => CassandraFailure::NotPrepared(why),
            other => other,
        },
        other => CassandraFailure::Transient(other.to_string()),
    }
}

/// Of a statement or batch that was run.
pub(crate) fn executing_failure(error: &ExecutionError) -> CassandraFailure {
    match error {
        ExecutionError::LastAttemptError(e) => attempt_failure(e),
        ExecutionError::PrepareError(e) => preparing_failure(e),
        ExecutionError::BadQuery(e) => CassandraFailure::Permanent {
            code: "unwritable",
            message: e.to_string(),
        },
        // Nobody to ask, no answer in time, schemas that do not agree yet.
        other => CassandraFailure::Transient(other.to_string()),
    }
}

/// Of a session that could not be made; `certificate`: why a node's was refused, if one was.
pub(crate) fn connecting_failure(
    nodes: &str,
    error: &NewSessionError,
    certificate: Option<String>,
) -> CassandraFailure {
    if let Some(reason) = certificate {
        return CassandraFailure::Denied(format!(
            "the certificate of {nodes} is refused: {reason}"
        ));
    }
    let why = format!("cannot connect to {nodes}: {error}");
    let is_denied = match error {
        NewSessionError::MetadataError(MetadataError::ConnectionPoolError(
            ConnectionPoolError::Broken {
                last_connection_error,
            },
        )) => lets_nobody_in(last_connection_error),
        _ => false,
    };
    if is_denied {
        CassandraFailure::Denied(why)
    } else {
        CassandraFailure::Transient(why)
    }
}

/// A handshake that fails in TLS, and a log-in that the server refuses or asks for in vain.
fn lets_nobody_in(error: &ConnectionError) -> bool {
    match error {
        ConnectionError::IoError(error) => error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<openssl::ssl::Error>())
            .is_some_and(|tls| tls.ssl_error().is_some()),
        ConnectionError::ConnectionSetupRequestError(error) => matches!(
            error.error,
            Setup::DbError(DbError::AuthenticationError | DbError::Unauthorized, _)
                | Setup::MissingAuthentication
        ),
        _ => false,
    }
}

fn attempt_failure(error: &RequestAttemptError) -> CassandraFailure {
    match error {
        RequestAttemptError::DbError(error, message) => answered_failure(error, message),
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_) => CassandraFailure::Permanent {
            code: "unwritable",
            message: error.to_string(),
        },
        // Broken connections, answers that cannot be read, a statement prepared anew meanwhile: the
        // outcome is unknown.
        other => CassandraFailure::Transient(other.to_string()),
    }
}

fn answered_failure(error: &DbError, message: &str) -> CassandraFailure {
    let message = if message.is_empty() {
        error.to_string()
    } else {
        message.to_owned()
    };
    match error {
        DbError::Invalid => CassandraFailure::Suspect(message),
        DbError::SyntaxError => CassandraFailure::Permanent {
            code: "syntax",
            message,
        },
        DbError::AlreadyExists { .. } => CassandraFailure::Permanent {
            code: "already_exists",
            message,
        },
        DbError::FunctionFailure { .. } => CassandraFailure::Permanent {
            code: "function_failure",
            message,
        },
        DbError::AuthenticationError | DbError::Unauthorized => CassandraFailure::Denied(message),
        // An operator's to mend; the write is good.
        DbError::ConfigError => CassandraFailure::Transient(message),
        // Down, busy, slow, of unknown outcome, or unknown to this driver: never a reason to give a
        // write up.
        other => CassandraFailure::Transient(format!("{other}: {message}")),
    }
}

#[cfg(test)]
mod tests;
