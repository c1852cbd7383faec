//! Bytes → event, or the reason why nobody can. Never fails the batch: one bad record is one dead
//! letter.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use event_log::Record;
use event_schema::{
    codec::{self, DecodeError, Parts},
    decision::OriginalRecord,
    envelope::Transaction,
    id::RequestId,
    outcome::DeadReason,
};

/// A record that is no event.
#[derive(Debug)]
pub(crate) struct Undecodable {
    /// Its id, if at least that can be read: then its ledger row can say what became of it.
    pub request: Option<RequestId>,
    pub operation: String,
    pub reason: DeadReason,
}

pub(crate) fn decode(record: &Record) -> Result<Transaction, Box<Undecodable>> {
    let parts = parts(record);
    codec::decode_transaction(&parts).map_err(|error| {
        Box::new(Undecodable {
            request: codec::header(&parts, "ce_id")
                .ok()
                .and_then(|id| RequestId::parse_trusted(id).ok()),
            operation: codec::header(&parts, "ce_operation")
                .unwrap_or("unknown")
                .to_owned(),
            reason: DeadReason {
                code: code(&error).into(),
                message: error.to_string(),
                store: None,
            },
        })
    })
}

/// The record without its place; shares its bytes.
pub(crate) fn parts(record: &Record) -> Parts {
    Parts {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.clone(),
    }
}

/// The record byte for byte, for a dead letter.
pub(crate) fn original(record: &Record) -> OriginalRecord {
    OriginalRecord {
        key: record.key.as_ref().map(|key| BASE64.encode(key)),
        value: record.value.as_ref().map(|value| BASE64.encode(value)),
        headers: record
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), BASE64.encode(value)))
            .collect(),
    }
}

fn code(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::MissingHeader(_) | DecodeError::BadHeader(..) | DecodeError::BadKey => {
            "undecodable_headers"
        }
        DecodeError::UnknownType(_) => "unknown_event_type",
        DecodeError::NoValue | DecodeError::BadValue(_) => "undecodable_value",
    }
}
