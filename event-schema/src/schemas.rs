//! The JSON Schema of every event's value, for those who read our topics in other languages.
//! Committed under `schemas/`; a test holds them against the types, so that no event changes
//! unseen.

use crate::{
    codec,
    decision::{DeadLetter, Decision, Mark, Open, Void},
    envelope::{InformativeData, TransactionData},
    membership::{Heartbeat, PartitionClaim, Subscription},
    notification::{Presence, Progress, Push},
    outcome::Feedback,
    security::{SecurityBeacon, SecurityChange},
};
use schemars::{Schema, generate::SchemaSettings};
use serde_json::json;

/// Headers of every event, and those that only some have.
const ALWAYS: [&str; 5] = [
    "ce_specversion",
    "ce_type",
    "ce_source",
    codec::LEVEL_HEADER,
    "content-type",
];
const OF_REQUESTS: [&str; 7] = [
    "ce_id",
    "ce_time",
    "ce_partitionkey",
    "ce_tenant",
    "ce_operation",
    "ce_catalog",
    "traceparent",
];

/// Headers of a transaction: it also says what its log had reached.
fn of_transactions() -> Vec<&'static str> {
    OF_REQUESTS
        .into_iter()
        .chain([codec::SEEN_HEADER])
        .collect()
}

/// Each event's CloudEvents type with the schema of its value. `x-topic` and `x-headers` tell where
/// and with what it travels.
pub fn event_schemas() -> Vec<(&'static str, Schema)> {
    vec![
        (
            codec::TRANSACTION,
            schema_of::<TransactionData>(codec::TRANSACTION, "transactions", &of_transactions()),
        ),
        (
            codec::INFORMATIVE,
            schema_of::<InformativeData>(codec::INFORMATIVE, "informative", &OF_REQUESTS),
        ),
        (
            codec::DECISION,
            schema_of::<Decision>(codec::DECISION, "changes", &["ce_id"]),
        ),
        (codec::OPEN, schema_of::<Open>(codec::OPEN, "changes", &[])),
        (codec::MARK, schema_of::<Mark>(codec::MARK, "changes", &[])),
        (
            codec::VOID,
            schema_of::<Void>(codec::VOID, "changes", &["ce_id"]),
        ),
        (
            codec::FEEDBACK,
            schema_of::<Feedback>(codec::FEEDBACK, "mailbox", &[]),
        ),
        (
            codec::DEAD_LETTER,
            schema_of::<DeadLetter>(codec::DEAD_LETTER, "dead-letters", &[]),
        ),
        (codec::PUSH, schema_of::<Push>(codec::PUSH, "mailbox", &[])),
        (
            codec::PRESENCE,
            schema_of::<Presence>(codec::PRESENCE, "mailbox", &[]),
        ),
        (
            codec::PROGRESS,
            schema_of::<Progress>(codec::PROGRESS, "mailbox", &[]),
        ),
        (
            codec::SUBSCRIPTION,
            schema_of::<Subscription>(codec::SUBSCRIPTION, "rooms", &[]),
        ),
        (
            codec::HEARTBEAT,
            schema_of::<Heartbeat>(codec::HEARTBEAT, "rooms", &[]),
        ),
        (
            codec::PARTITION_CLAIM,
            schema_of::<PartitionClaim>(codec::PARTITION_CLAIM, "rooms", &[]),
        ),
        (
            codec::SECURITY_CHANGE,
            schema_of::<SecurityChange>(codec::SECURITY_CHANGE, "security", &[]),
        ),
        (
            codec::SECURITY_BEACON,
            schema_of::<SecurityBeacon>(codec::SECURITY_BEACON, "security", &[]),
        ),
        (
            codec::CATALOG,
            schema_of::<serde_json::Map<String, serde_json::Value>>(codec::CATALOG, "catalog", &[]),
        ),
    ]
}

/// The same as files: name and text, ready to be written.
pub fn schema_files() -> Vec<(String, String)> {
    let text = |schema: Schema| {
        serde_json::to_string_pretty(&schema).expect("a schema is plain JSON") + "\n"
    };
    event_schemas()
        .into_iter()
        .map(|(name, schema)| (format!("{name}.json"), text(schema)))
        .collect()
}

fn schema_of<T: schemars::JsonSchema>(
    kind: &'static str,
    topic: &'static str,
    headers: &[&'static str],
) -> Schema {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>();
    schema.insert("$id".to_owned(), json!(format!("urn:{kind}")));
    schema.insert("title".to_owned(), json!(kind));
    schema.insert("x-topic".to_owned(), json!(topic));
    schema.insert(
        "x-headers".to_owned(),
        ALWAYS.iter().chain(headers).copied().collect(),
    );
    schema
}
