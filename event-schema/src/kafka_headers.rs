//! Headers by which Kafka's own tools know a dead letter: those that its share groups write
//! (KIP-1191), and those by which its origin and why it is there are told (KIP-1317). Beside our own
//! record, which says more; nothing of ours reads them.

use crate::{codec::Parts, decision::DeadLetter};
use bytes::Bytes;

/// What a letter itself does not say.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetterOrigin<'a> {
    /// The topic that the event stood in.
    pub topic: &'a str,
    /// The group that consumed it.
    pub group: &'a str,
    /// How often it was tried.
    pub attempts: u32,
}

/// Adds the headers to the record of a letter.
pub fn add_kafka_headers(parts: &mut Parts, letter: &DeadLetter, origin: &DeadLetterOrigin<'_>) {
    let partition = letter.position.partition.to_string();
    let offset = letter.position.offset.get().to_string();
    let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let (topic, partition, offset) = (text(origin.topic), text(&partition), text(&offset));
    let reason = &letter.reason;
    let named = [
        ("__dlq.errors.topic", topic.clone()),
        ("__dlq.errors.partition", partition.clone()),
        ("__dlq.errors.offset", offset.clone()),
        ("__dlq.errors.group", text(origin.group)),
        (
            "__dlq.errors.delivery.count",
            text(&origin.attempts.to_string()),
        ),
        ("__dlq.errors.message", text(&reason.message)),
        ("_dlq.errors.disposition", text(&reason.code)),
        ("_dlq.errors.original.topic", topic),
        ("_dlq.errors.original.partition", partition),
        ("_dlq.errors.original.offset", offset),
    ];
    let named = named.map(|(name, value)| (name.into(), value));
    parts.headers.extend(named);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        codec,
        decision::OriginalRecord,
        id::{EntityKey, RequestId},
        offset::TransactionsOffset,
        outcome::DeadReason,
        position::{Position, Version},
        signing::Keyring,
    };

    #[test]
    fn a_letter_names_its_origin_as_kafka_does_and_stays_what_it_is() {
        let keys = Keyring::new(1, *b"0123456789abcdef");
        let letter = DeadLetter {
            request: RequestId::mint(&keys, 1, 3, [7; 16]),
            key: EntityKey("user/1".into()),
            operation: Some("user.create".into()),
            position: Position {
                generation: 1,
                partition: 3,
                offset: TransactionsOffset::new(42),
            },
            version: Version(9),
            reason: DeadReason {
                code: "unplannable".into(),
                message: "no number".into(),
                store: None,
            },
            time: 0,
            original: OriginalRecord {
                key: None,
                value: None,
                headers: Vec::new(),
            },
        };
        let mut parts = codec::encode_dead_letter(&letter);
        let origin = DeadLetterOrigin {
            topic: "a.transactions.1",
            group: "a.write-worker",
            attempts: 2,
        };
        add_kafka_headers(&mut parts, &letter, &origin);
        for (name, value) in [
            ("__dlq.errors.topic", "a.transactions.1"),
            ("__dlq.errors.partition", "3"),
            ("__dlq.errors.offset", "42"),
            ("__dlq.errors.group", "a.write-worker"),
            ("__dlq.errors.delivery.count", "2"),
            ("__dlq.errors.message", "no number"),
            ("_dlq.errors.disposition", "unplannable"),
            ("_dlq.errors.original.offset", "42"),
        ] {
            assert_eq!(codec::header_text(&parts, name).ok(), Some(value), "{name}");
        }
        let read = codec::decode_dead_letter(&parts).expect("it still is one");
        assert_eq!(read.request, letter.request);
    }
}
