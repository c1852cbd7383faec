//! Every answer of Elasticsearch, told apart: done, conflict, passing, final, or to be taken apart.
//! The only place that looks into vendor errors. It goes by status and `error.type`; the one text
//! it reads are the two numbers of an over-large request, which stand nowhere else.

use crate::{STORE, client::Answer};
use serde::Deserialize;
use store::StoreError;

/// `error` of an item or of a whole answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Trouble {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) reason: Option<String>,
    pub(crate) caused_by: Option<Box<Trouble>>,
    root_cause: Vec<Trouble>,
}

/// What became of one item of a bulk request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Done,
    /// A version stands that is as high or higher: read it to tell done from alarm.
    Conflict,
    Transient(String),
    Permanent {
        code: String,
        message: String,
    },
    /// Too large together with others: alone it may be taken.
    Split {
        code: String,
        message: String,
    },
}

/// What became of a request as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// Look at the items.
    Answered,
    /// One item spoils it for all: take it apart. Of a single item: final.
    Split {
        code: String,
        message: String,
    },
    /// The node has no memory left for it now: in parts it may be taken, later it may be taken
    /// whole.
    Crowded(String),
    Transient(String),
}

impl Trouble {
    /// Of a whole answer; what is no error object shows as its beginning.
    pub(crate) fn read(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Answer {
            error: Trouble,
        }
        match serde_json::from_slice::<Answer>(body) {
            Ok(answer) => answer.error,
            Err(_) => {
                let text: String = String::from_utf8_lossy(body).chars().take(200).collect();
                Self {
                    kind: String::new(),
                    reason: Some(text),
                    ..Self::default()
                }
            }
        }
    }

    /// The words of the outermost and the innermost cause.
    pub(crate) fn message(&self) -> String {
        let first = self.root_cause.first().unwrap_or(self);
        let mut text = first.reason.clone().unwrap_or_else(|| first.kind.clone());
        let mut inner = first.caused_by.as_deref().or(self.caused_by.as_deref());
        while let Some(cause) = inner {
            if cause.caused_by.is_none()
                && let Some(reason) = &cause.reason
                && !text.contains(reason.as_str())
            {
                text = format!("{text}: {reason}");
            }
            inner = cause.caused_by.as_deref();
        }
        text
    }

    /// The innermost type that is known to be the reason: a search wraps it.
    pub(crate) fn root_kind(&self) -> &str {
        self.root_cause
            .first()
            .map_or(self.kind.as_str(), |root| root.kind.as_str())
    }

    fn transient(&self, status: u16) -> String {
        format!("{status} {}: {}", self.kind, self.message())
    }
}

/// An item of a bulk request that was answered.
pub(crate) fn classify_item(status: u16, error: Option<&Trouble>) -> Item {
    let Some(error) = error else {
        return match status {
            200..=299 => Item::Done,
            _ => Item::Transient(format!("status {status} without an error")),
        };
    };
    match (status, error.kind.as_str()) {
        (409, _) => Item::Conflict,
        // What a field or a pipeline asks for (a model, a policy) is not there.
        (404, kind @ "resource_not_found_exception") => Item::Permanent {
            code: kind.to_owned(),
            message: error.message(),
        },
        // An operator closed it, or has not made it yet: the write is good.
        (400, "index_closed_exception") | (404, _) => Item::Transient(error.transient(status)),
        (401, _) | (403, "security_exception") => {
            Item::Transient(format!("rights are missing: {}", error.transient(status)))
        }
        // Blocks, overload, missing shards.
        (403 | 408, _) => Item::Transient(error.transient(status)),
        (413, _) => Item::Split {
            code: "too_large".to_owned(),
            message: error.message(),
        },
        (429, _) if over_large(error) => Item::Split {
            code: "too_large".to_owned(),
            message: error.message(),
        },
        (429, _) => Item::Transient(error.transient(status)),
        (400..=499, kind) => Item::Permanent {
            code: kind.to_owned(),
            message: error.message(),
        },
        // The server stumbled over this document: asked again by itself it says whether for good.
        (500, kind) if STUMBLES.contains(&kind) => Item::Split {
            code: kind.to_owned(),
            message: error.message(),
        },
        _ => Item::Transient(error.transient(status)),
    }
}

/// Faults of the server's own code, or of a pipeline's, that a document's values bring about.
const STUMBLES: [&str; 9] = [
    "array_index_out_of_bounds_exception",
    "arithmetic_exception",
    "class_cast_exception",
    "fail_processor_exception",
    "index_out_of_bounds_exception",
    "null_pointer_exception",
    "number_format_exception",
    "string_index_out_of_bounds_exception",
    "unsupported_operation_exception",
];

/// The answer to a bulk request as a whole.
pub(crate) fn classify_bulk(status: u16, body: &[u8]) -> Whole {
    let split = |code: &str, error: &Trouble| Whole::Split {
        code: code.to_owned(),
        message: error.message(),
    };
    match status {
        200..=299 => Whole::Answered,
        400 => {
            let error = Trouble::read(body);
            split(
                if error.kind.is_empty() {
                    "bad_request"
                } else {
                    &error.kind
                },
                &error,
            )
        }
        413 => Whole::Split {
            code: "too_large".to_owned(),
            message: "the request is larger than the server takes".to_owned(),
        },
        429 => {
            let error = Trouble::read(body);
            match error.kind.as_str() {
                _ if over_large(&error) => split("too_large", &error),
                "circuit_breaking_exception" => Whole::Crowded(error.transient(status)),
                _ => Whole::Transient(error.transient(status)),
            }
        }
        401 | 403 => Whole::Transient(format!(
            "rights are missing: {}",
            Trouble::read(body).transient(status)
        )),
        // Proxies, a cluster without a master: passing, or an operator's.
        _ => Whole::Transient(Trouble::read(body).transient(status)),
    }
}

/// Refused because it is larger than a node takes at once, not because the node is busy:
/// `…_operation_bytes=70, …, max_…_bytes=50`.
fn over_large(error: &Trouble) -> bool {
    let reason = error.reason.as_deref().unwrap_or_default();
    let number = |name: &str, before: &str| {
        reason.split([',', ' ', '[', ']']).find_map(|part| {
            let (key, value) = part.split_once('=')?;
            if key.starts_with(before) && key.ends_with(name) {
                value.parse::<u64>().ok()
            } else {
                None
            }
        })
    };
    matches!((number("_operation_bytes", ""), number("_bytes", "max_")), (Some(size), Some(limit)) if size > limit)
}

/// Of a read or an administrative request: the error that its answer stands for, unless it is a success.
pub(crate) fn expect_success(answer: &Answer) -> Result<(), StoreError> {
    if answer.status == 200 {
        Ok(())
    } else {
        Err(request_failure(answer.status, &answer.body, refused_error))
    }
}

/// The error of a read, a search or an administrative request that was not answered with success.
pub(crate) fn request_failure(
    status: u16,
    body: &[u8],
    bad: impl FnOnce(String) -> StoreError,
) -> StoreError {
    let error = Trouble::read(body);
    match (status, error.root_kind()) {
        (404, _) => StoreError::NotMigrated {
            store: STORE,
            why: error.message(),
        },
        // The server's own code stumbles over what the search says.
        (500, kind) if error.kind == "search_phase_execution_exception" && is_of_search(kind) => {
            bad(error.message())
        }
        (401, _) | (403, "security_exception") => StoreError::Denied {
            store: STORE,
            why: error.transient(status),
        },
        (400, "index_closed_exception") | (403 | 408 | 429, _) | (500.., _) => {
            StoreError::Unavailable {
                store: STORE,
                why: error.transient(status),
            }
        }
        _ => bad(error.message()),
    }
}

/// The error of an index that is made or mapped anew. Where the server's own code stumbles it is over
/// what the definition says: it would do so again, and documents would wait for the index.
pub(crate) fn failed_definition(status: u16, body: &[u8]) -> StoreError {
    match status {
        500 => refused_error(Trouble::read(body).message()),
        _ => request_failure(status, body, refused_error),
    }
}

/// Is it a fault that the text of a search brings about?
fn is_of_search(kind: &str) -> bool {
    STUMBLES.contains(&kind)
        || ["illegal_argument_exception", "illegal_state_exception"].contains(&kind)
}

pub(crate) fn refused_error(message: String) -> StoreError {
    StoreError::Refused {
        store: STORE,
        why: message,
    }
}

#[cfg(test)]
mod tests;
