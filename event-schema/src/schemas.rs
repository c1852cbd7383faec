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
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        (
            codec::TRANSACTION,
            of::<TransactionData>(codec::TRANSACTION, "transactions", &of_transactions()),
        ),
        (
            codec::INFORMATIVE,
            of::<InformativeData>(codec::INFORMATIVE, "informative", &OF_REQUESTS),
        ),
        (
            codec::DECISION,
            of::<Decision>(codec::DECISION, "changes", &["ce_id"]),
        ),
        (codec::OPEN, of::<Open>(codec::OPEN, "changes", &[])),
        (codec::MARK, of::<Mark>(codec::MARK, "changes", &[])),
        (codec::VOID, of::<Void>(codec::VOID, "changes", &["ce_id"])),
        (
            codec::FEEDBACK,
            of::<Feedback>(codec::FEEDBACK, "mailbox", &[]),
        ),
        (
            codec::DEAD_LETTER,
            of::<DeadLetter>(codec::DEAD_LETTER, "dead-letters", &[]),
        ),
        (codec::PUSH, of::<Push>(codec::PUSH, "mailbox", &[])),
        (
            codec::PRESENCE,
            of::<Presence>(codec::PRESENCE, "mailbox", &[]),
        ),
        (
            codec::PROGRESS,
            of::<Progress>(codec::PROGRESS, "mailbox", &[]),
        ),
        (
            codec::SUBSCRIPTION,
            of::<Subscription>(codec::SUBSCRIPTION, "rooms", &[]),
        ),
        (
            codec::HEARTBEAT,
            of::<Heartbeat>(codec::HEARTBEAT, "rooms", &[]),
        ),
        (
            codec::PARTITION_CLAIM,
            of::<PartitionClaim>(codec::PARTITION_CLAIM, "rooms", &[]),
        ),
        (
            codec::CATALOG,
            of::<serde_json::Map<String, serde_json::Value>>(codec::CATALOG, "catalog", &[]),
        ),
    ]
}

/// The same as files: name and text, ready to be written.
pub fn files() -> Vec<(String, String)> {
    let text = |schema: Schema| {
        serde_json::to_string_pretty(&schema).expect("a schema is plain JSON") + "\n"
    };
    schemas()
        .into_iter()
        .map(|(name, schema)| (format!("{name}.json"), text(schema)))
        .collect()
}

fn of<T: schemars::JsonSchema>(
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
