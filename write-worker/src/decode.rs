//! Bytes → event, or the reason why not. Never fails the batch: one bad record is one decision.

use bytes::Bytes;
use event_log::Record;
use event_schema::{
    codec::{self, DecodeError, Parts},
    envelope::Transaction,
    id::RequestId,
    outcome::DeadReason,
    position::Position,
};
use std::borrow::Cow;

/// A record that is no event to this worker.
#[derive(Debug)]
pub(crate) enum Undecodable {
    /// A newer gateway wrote it: it waits for a worker that knows more.
    NewerLevel(DecodeError),
    /// No worker will ever decode it.
    Damaged(Box<DamagedEvent>),
}

/// What can be said of a record that is no event.
#[derive(Debug)]
pub(crate) struct DamagedEvent {
    /// Its id, if at least that can be read: then its ledger row can say what became of it.
    pub request: Option<RequestId>,
    pub operation: String,
    pub reason: DeadReason,
}

/// Can this worker read the record, whatever else is wrong with it? Looks at one header.
pub(crate) fn check_level(record: &Record) -> Result<(), Undecodable> {
    codec::known_level(&record.headers).map_err(Undecodable::NewerLevel)
}

/// The event whose body the log would never take, where a record stands in its place: it keeps its
/// key and its place, and is dead.
pub(crate) fn stand_in(record: &Record) -> Option<(Transaction, DeadReason)> {
    // Hardly any record is one, and each is asked: no copy of its parts is made for that.
    let mut headers = record.headers.iter();
    if !headers.any(|(name, _)| *name == codec::UNSHIPPABLE_HEADER) {
        return None;
    }
    let (transaction, message) = codec::decode_stand_in(&record_parts(record))?;
    let reason = DeadReason {
        code: "unshippable".into(),
        message,
        store: None,
    };
    Some((transaction, reason))
}

pub(crate) fn decode_record(record: &Record) -> Result<Transaction, Undecodable> {
    let parts = record_parts(record);
    codec::decode_transaction(&parts).map_err(|error| match error {
        error @ DecodeError::NewerLevel { .. } => Undecodable::NewerLevel(error),
        error => Undecodable::Damaged(Box::new(DamagedEvent {
            request: own_id(&parts.headers),
            operation: codec::header_text(&parts, "ce_operation")
                .unwrap_or("unknown")
                .to_owned(),
            reason: stand_in(record).map_or_else(
                || DeadReason {
                    code: error_code(&error).into(),
                    message: error.to_string(),
                    store: None,
                },
                |(_, reason)| reason,
            ),
        })),
    })
}

/// The request of a record: its own, or else one that follows from where it stands.
pub(crate) fn record_identity(record: &Record, topic_id: &str, position: &Position) -> RequestId {
    own_id(&record.headers).unwrap_or_else(|| RequestId::of_record(topic_id, position))
}

fn own_id(headers: &[(Cow<'static, str>, Bytes)]) -> Option<RequestId> {
    let (_, id) = headers.iter().find(|(name, _)| name == "ce_id")?;
    RequestId::parse_trusted(std::str::from_utf8(id).ok()?).ok()
}

/// The record without its place; shares its bytes.
pub(crate) fn record_parts(record: &Record) -> Parts {
    Parts {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.clone(),
    }
}

fn error_code(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::MissingHeader(_)
        | DecodeError::BadHeader(..)
        | DecodeError::BadKey
        | DecodeError::NoLevel => "undecodable_headers",
        DecodeError::UnknownType(_) | DecodeError::NewerLevel { .. } => "unknown_event_type",
        DecodeError::NoValue | DecodeError::BadValue(_) => "undecodable_value",
    }
}
