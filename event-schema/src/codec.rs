//! Events to log records and back: CloudEvents 1.0 in Kafka binary mode. `ce_*` headers carry the
//! attributes, the value is the JSON data, the key is the entity key; a person can read it with any
//! Kafka tool. Old bytes must decode for ever: see `fixtures/`.

use crate::decision::{Change, DeadLetter};
use crate::envelope::{Attributes, Informative, InformativeData, Transaction, TransactionData};
use crate::id::{EntityKey, RequestId};
use crate::membership::{MembershipRecord, RoomMembership};
use crate::notification::Mail;
use crate::offset::TransactionsOffset;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::{borrow::Cow, cell::RefCell};

mod security;

pub use crate::parts::Parts;
pub use security::{decode_security, encode_security};

/// Why bytes are not an event. Each is a dead letter with this as its reason.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("the record has no `{0}` header")]
    MissingHeader(&'static str),
    #[error("the `{0}` header is not what it must be: {1}")]
    BadHeader(&'static str, String),
    #[error("the record's key is not what it must be")]
    BadKey,
    #[error("unknown event type `{0}`")]
    UnknownType(String),
    /// Not wrong: it waits for a reader that knows more.
    #[error("its reader must know level {level}; this one knows {LEVEL}: upgrade it")]
    NewerLevel { level: u16 },
    #[error(
        "the record has no `{LEVEL_HEADER}` header: it was written before formats were fixed; use a new topic prefix (or data folder)"
    )]
    NoLevel,
    #[error("the record has no value")]
    NoValue,
    #[error("the value is not this event's JSON: {0}")]
    BadValue(#[from] serde_json::Error),
}

pub const TRANSACTION: &str = "consign.transaction.v1";
pub const INFORMATIVE: &str = "consign.informative.v1";
pub const DECISION: &str = "consign.decision.v1";
pub const OPEN: &str = "consign.open.v1";
pub const MARK: &str = "consign.mark.v1";
pub const VOID: &str = "consign.void.v1";
pub const FEEDBACK: &str = "consign.feedback.v1";
pub const DEAD_LETTER: &str = "consign.dead-letter.v1";
pub const CATALOG: &str = "consign.catalog.v1";
pub const PUSH: &str = "consign.push.v1";
pub const PRESENCE: &str = "consign.presence.v1";
pub const PROGRESS: &str = "consign.progress.v1";
pub const SUBSCRIPTION: &str = "consign.subscription.v1";
pub const HEARTBEAT: &str = "consign.heartbeat.v1";
pub const PARTITION_CLAIM: &str = "consign.partition-claim.v1";
pub const SECURITY_CHANGE: &str = "consign.security-change.v1";
pub const SECURITY_BEACON: &str = "consign.security-beacon.v1";

/// The highest level that this version reads. It rises when a record means something that an older
/// reader would get wrong; new members that may be ignored do not raise it. A record says the least that
/// it needs, so that others still read all that they can:
///
/// 1. everything that is not named here;
/// 2. transactions whose caller was not confirmed, and what was refused for that.
pub const LEVEL: u16 = 2;

const FIRST_LEVEL: &str = "1";
const SECOND_LEVEL: &str = "2";

/// On every record: the least level that its reader must know.
pub const LEVEL_HEADER: &str = "consign-level";

/// On a transaction: [`Transaction::seen`].
pub const SEEN_HEADER: &str = "consign-seen";
/// Of a record without a value that stands in the place of one that the log would never take: JSON
/// with the reason, and where the body is kept.
pub const UNSHIPPABLE_HEADER: &str = "consign-unshippable";

/// On a tombstone of a membership: the volatile of the request to leave.
const LEAVING: &str = "consign-volatile";

pub fn encode_transaction(event: &Transaction) -> Parts {
    let mut parts = parts_with(TRANSACTION, &event.attributes, &event.data);
    parts
        .headers
        .push((SEEN_HEADER.into(), event.seen.to_string().into()));
    if event.data.unconfirmed.is_some() {
        raise_level(&mut parts);
    }
    parts
}

pub fn encode_informative(event: &Informative) -> Parts {
    parts_with(INFORMATIVE, &event.attributes, &event.data)
}

/// Decisions and voids are keyed by their entity key, so that tools can group them; control records
/// of a whole partition have no key.
pub fn encode_change(change: &Change) -> Parts {
    let (kind, id, value) = match change {
        Change::Decision(decision) => (DECISION, Some(decision.request), to_bytes(decision)),
        Change::Open(open) => (OPEN, None, to_bytes(open)),
        Change::Mark(mark) => (MARK, None, to_bytes(mark)),
        Change::Void(void) => (VOID, Some(void.request), to_bytes(void)),
    };
    let mut headers = base_headers(kind);
    headers.extend(id.map(|id| ("ce_id".into(), id.to_string().into())));
    let key = change.key().map(|key| Bytes::from(key.0.clone()));
    let mut parts = Parts {
        key,
        value: Some(value),
        headers,
    };
    let is_of_second_level = match change {
        Change::Decision(decision) => decision.verdict.is_of_second_level(),
        Change::Void(void) => void.ends.is_of_second_level(),
        Change::Open(_) | Change::Mark(_) => false,
    };
    if is_of_second_level {
        raise_level(&mut parts);
    }
    parts
}

/// Addressed by its key: the instance it is for.
pub fn encode_mail(mail: &Mail) -> Parts {
    let (kind, instance, value) = match mail {
        Mail::Feedback(feedback) => (FEEDBACK, &feedback.instance, to_bytes(feedback)),
        Mail::Push(push) => (PUSH, &push.instance, to_bytes(push)),
        Mail::Presence(presence) => (PRESENCE, &presence.instance, to_bytes(presence)),
        Mail::Progress(progress) => (PROGRESS, &progress.instance, to_bytes(progress)),
    };
    let mut parts = Parts {
        key: Some(Bytes::from(instance.clone())),
        value: Some(value),
        headers: base_headers(kind),
    };
    if matches!(mail, Mail::Feedback(feedback) if feedback.entry.verdict.is_of_second_level()) {
        raise_level(&mut parts);
    }
    parts
}

/// Keyed so that compaction keeps the newest of each membership, instance and partition.
pub fn encode_membership(record: &MembershipRecord) -> Parts {
    let (kind, key, value) = match record {
        MembershipRecord::Subscribed(membership, subscription) => {
            (SUBSCRIPTION, membership.key(), Some(to_bytes(subscription)))
        }
        MembershipRecord::Unsubscribed(membership, _) => (SUBSCRIPTION, membership.key(), None),
        MembershipRecord::Heartbeat(beat) => (
            HEARTBEAT,
            format!("gateway/{}", beat.reply.instance),
            Some(to_bytes(beat)),
        ),
        MembershipRecord::GatewayExpired { instance } => {
            (HEARTBEAT, format!("gateway/{instance}"), None)
        }
        MembershipRecord::PartitionClaimed(claim) => (
            PARTITION_CLAIM,
            format!("claim/{}", claim.partition),
            Some(to_bytes(claim)),
        ),
    };
    let mut headers = base_headers(kind);
    if let MembershipRecord::Unsubscribed(_, Some(volatile)) = record {
        headers.push((LEAVING.into(), volatile.get().to_owned().into()));
    }
    Parts {
        key: Some(key.into()),
        value,
        headers,
    }
}

/// Keyed by the event's entity key.
pub fn encode_dead_letter(letter: &DeadLetter) -> Parts {
    Parts {
        key: Some(letter.key.0.clone().into()),
        value: Some(to_bytes(letter)),
        headers: base_headers(DEAD_LETTER),
    }
}

/// A catalog's definitions, keyed by their version: the newest record of each version is all that
/// need be kept.
pub fn encode_catalog(version: &str, definitions: &serde_json::Value) -> Parts {
    Parts {
        key: Some(version.to_owned().into()),
        value: Some(to_bytes(definitions)),
        headers: base_headers(CATALOG),
    }
}

pub fn decode_catalog(parts: &Parts) -> Result<serde_json::Value, DecodeError> {
    expect_type(parts, CATALOG)?;
    decode_value(parts)
}

pub fn decode_transaction(parts: &Parts) -> Result<Transaction, DecodeError> {
    expect_type(parts, TRANSACTION)?;
    let seen = header_text(parts, SEEN_HEADER)?;
    let seen = seen
        .parse()
        .map_err(|_| DecodeError::BadHeader(SEEN_HEADER, format!("`{seen}` is not an offset")))?;
    Ok(Transaction {
        attributes: decode_attributes(parts)?,
        seen: TransactionsOffset::new(seen),
        data: decode_value::<TransactionData>(parts)?,
    })
}

/// The transaction whose body the log would never take, and why: a record of its attributes stands
/// in its place. Nothing, if it is none.
pub fn decode_stand_in(parts: &Parts) -> Option<(Transaction, String)> {
    let why: serde_json::Value = header_text(parts, UNSHIPPABLE_HEADER)
        .ok()
        .and_then(|text| serde_json::from_str(text).ok())?;
    expect_type(parts, TRANSACTION).ok()?;
    let seen = header_text(parts, SEEN_HEADER).ok()?.parse().ok()?;
    let of = |name: &str| why[name].as_str().unwrap_or_default().to_owned();
    let (number, bytes) = (&why["number"], &why["bytes"]);
    let reason = format!(
        "the log would never take it ({}): its {bytes} bytes are kept as `unshippable/{number}` in the spool {}",
        of("reason"),
        of("spool")
    );
    let data = TransactionData {
        request: crate::to_raw(&serde_json::Value::Null),
        generated: Default::default(),
        incarnations: Default::default(),
        volatile: None,
        if_version: None,
        claim: None,
        reply: None,
        origin: None,
        principal: String::new(),
        unconfirmed: None,
    };
    let transaction = Transaction {
        attributes: decode_attributes(parts).ok()?,
        seen: TransactionsOffset::new(seen),
        data,
    };
    Some((transaction, reason))
}

pub fn decode_informative(parts: &Parts) -> Result<Informative, DecodeError> {
    expect_type(parts, INFORMATIVE)?;
    Ok(Informative {
        attributes: decode_attributes(parts)?,
        data: decode_value::<InformativeData>(parts)?,
    })
}

pub fn decode_change(parts: &Parts) -> Result<Change, DecodeError> {
    match record_type(parts)? {
        DECISION => Ok(Change::Decision(decode_value(parts)?)),
        OPEN => Ok(Change::Open(decode_value(parts)?)),
        MARK => Ok(Change::Mark(decode_value(parts)?)),
        VOID => Ok(Change::Void(decode_value(parts)?)),
        other => Err(DecodeError::UnknownType(other.to_owned())),
    }
}

pub fn decode_mail(parts: &Parts) -> Result<Mail, DecodeError> {
    match record_type(parts)? {
        FEEDBACK => Ok(Mail::Feedback(decode_value(parts)?)),
        PUSH => Ok(Mail::Push(decode_value(parts)?)),
        PRESENCE => Ok(Mail::Presence(decode_value(parts)?)),
        PROGRESS => Ok(Mail::Progress(decode_value(parts)?)),
        other => Err(DecodeError::UnknownType(other.to_owned())),
    }
}

pub fn decode_membership(parts: &Parts) -> Result<MembershipRecord, DecodeError> {
    let key = parts
        .key
        .as_deref()
        .and_then(|key| std::str::from_utf8(key).ok())
        .ok_or(DecodeError::BadKey)?;
    match record_type(parts)? {
        SUBSCRIPTION => {
            let membership = RoomMembership::parse(key).ok_or(DecodeError::BadKey)?;
            match parts.value {
                Some(_) => Ok(MembershipRecord::Subscribed(
                    membership,
                    decode_value(parts)?,
                )),
                None => Ok(MembershipRecord::Unsubscribed(
                    membership,
                    header_text(parts, LEAVING)
                        .ok()
                        .map(serde_json::from_str)
                        .transpose()?,
                )),
            }
        }
        HEARTBEAT if parts.value.is_some() => Ok(MembershipRecord::Heartbeat(decode_value(parts)?)),
        HEARTBEAT => Ok(MembershipRecord::GatewayExpired {
            instance: key
                .strip_prefix("gateway/")
                .ok_or(DecodeError::BadKey)?
                .to_owned(),
        }),
        PARTITION_CLAIM => Ok(MembershipRecord::PartitionClaimed(decode_value(parts)?)),
        other => Err(DecodeError::UnknownType(other.to_owned())),
    }
}

pub fn decode_dead_letter(parts: &Parts) -> Result<DeadLetter, DecodeError> {
    expect_type(parts, DEAD_LETTER)?;
    decode_value(parts)
}

/// Refuses a record whose level is newer than this reader; whatever else is wrong with it is no
/// matter of levels.
pub fn known_level(headers: &[(Cow<'static, str>, Bytes)]) -> Result<(), DecodeError> {
    let level = headers.iter().find(|(name, _)| name == LEVEL_HEADER);
    let level = level.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse::<u16>().ok());
    match level {
        Some(level) if level > LEVEL => Err(DecodeError::NewerLevel { level }),
        _ => Ok(()),
    }
}

/// The record's type, if its level is known here.
fn record_type(parts: &Parts) -> Result<&str, DecodeError> {
    let kind = header_text(parts, "ce_type")?;
    let level = match header_text(parts, LEVEL_HEADER) {
        Ok(level) => level,
        Err(DecodeError::MissingHeader(_)) => return Err(DecodeError::NoLevel),
        Err(error) => return Err(error),
    };
    known_level(&parts.headers)?;
    match level.parse::<u16>() {
        Ok(_) => Ok(kind),
        Err(_) => Err(DecodeError::BadHeader(
            LEVEL_HEADER,
            format!("`{level}` is not a level"),
        )),
    }
}

/// A header's text, if it is there and is text.
pub fn header_text<'a>(parts: &'a Parts, name: &'static str) -> Result<&'a str, DecodeError> {
    let (_, bytes) = parts
        .headers
        .iter()
        .find(|(n, _)| n == name)
        .ok_or(DecodeError::MissingHeader(name))?;
    std::str::from_utf8(bytes).map_err(|e| DecodeError::BadHeader(name, e.to_string()))
}

/// The record means something that a reader of the first level would get wrong.
fn raise_level(parts: &mut Parts) {
    for (name, value) in &mut parts.headers {
        if *name == LEVEL_HEADER {
            *value = Bytes::from_static(SECOND_LEVEL.as_bytes());
        }
    }
}

fn base_headers(kind: &'static str) -> Vec<(Cow<'static, str>, Bytes)> {
    let mut headers = Vec::with_capacity(12);
    headers.push(("ce_specversion".into(), Bytes::from_static(b"1.0")));
    headers.push(("ce_type".into(), Bytes::from_static(kind.as_bytes())));
    headers.push(("ce_source".into(), Bytes::from_static(b"/consign")));
    headers.push((
        LEVEL_HEADER.into(),
        Bytes::from_static(FIRST_LEVEL.as_bytes()),
    ));
    headers.push((
        "content-type".into(),
        Bytes::from_static(b"application/json"),
    ));
    headers
}

fn parts_with<T: serde::Serialize>(kind: &'static str, attributes: &Attributes, data: &T) -> Parts {
    let mut headers = base_headers(kind);
    headers.push(("ce_id".into(), attributes.id.to_string().into()));
    headers.push(("ce_time".into(), rfc3339(attributes.time).into()));
    headers.push(("ce_partitionkey".into(), attributes.key.0.clone().into()));
    headers.push(("ce_tenant".into(), attributes.tenant.clone().into()));
    headers.push(("ce_operation".into(), attributes.operation.clone().into()));
    headers.push(("ce_catalog".into(), attributes.catalog.clone().into()));
    if let Some(trace) = &attributes.traceparent {
        headers.push(("traceparent".into(), trace.clone().into()));
    }
    Parts {
        key: Some(attributes.key.0.clone().into()),
        value: Some(to_bytes(data)),
        headers,
    }
}

fn decode_attributes(parts: &Parts) -> Result<Attributes, DecodeError> {
    let id = header_text(parts, "ce_id")?;
    let time = header_text(parts, "ce_time")?;
    Ok(Attributes {
        id: RequestId::parse_trusted(id)
            .map_err(|e| DecodeError::BadHeader("ce_id", e.to_string()))?,
        tenant: header_text(parts, "ce_tenant")?.to_owned(),
        operation: header_text(parts, "ce_operation")?.to_owned(),
        catalog: header_text(parts, "ce_catalog")?.to_owned(),
        key: EntityKey(header_text(parts, "ce_partitionkey")?.to_owned()),
        time: from_rfc3339(time).ok_or_else(|| {
            DecodeError::BadHeader("ce_time", format!("`{time}` is not an RFC 3339 time"))
        })?,
        traceparent: header_text(parts, "traceparent").ok().map(str::to_owned),
    })
}

fn expect_type(parts: &Parts, expected: &'static str) -> Result<(), DecodeError> {
    match record_type(parts)? {
        kind if kind == expected => Ok(()),
        other => Err(DecodeError::UnknownType(other.to_owned())),
    }
}

fn decode_value<T: DeserializeOwned>(parts: &Parts) -> Result<T, DecodeError> {
    Ok(serde_json::from_slice(
        parts.value.as_deref().ok_or(DecodeError::NoValue)?,
    )?)
}

thread_local! {
    /// Where records are written: what is kept of one is copied once, at its own length.
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Memory that a thread keeps for the next record.
const WRITTEN_KEPT: usize = 64 << 10;

fn to_bytes<T: serde::Serialize>(value: &T) -> Bytes {
    WRITTEN.with_borrow_mut(|written| {
        // One that ended half-way must leave nothing in front of the next.
        written.clear();
        serde_json::to_writer(&mut *written, value).expect("events are plain JSON");
        let bytes = Bytes::copy_from_slice(written);
        written.clear();
        written.shrink_to(WRITTEN_KEPT);
        bytes
    })
}

/// Unix milliseconds as an RFC 3339 text in UTC.
pub fn rfc3339(millis: i64) -> String {
    let nanos = i128::from(millis) * 1_000_000;
    let time = time::OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    // Years that RFC 3339 cannot write are a broken clock's.
    time.format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}

/// And back; `None` if it is not one.
pub fn from_rfc3339(text: &str) -> Option<i64> {
    let time =
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}

#[cfg(test)]
mod tests;
