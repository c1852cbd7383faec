//! What holds for every event, id, position and token.

use bytes::Bytes;
use event_schema::{
    Raw,
    codec::{self, Parts},
    envelope::{Attributes, Transaction, TransactionData},
    id::{EntityKey, RequestId},
    offset::{ChangesOffset, TransactionsOffset},
    position::{Position, Version},
    signing::Keyring,
    token::{BadToken, Token},
};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::borrow::Cow;

fn keys() -> Keyring {
    Keyring::new(1, *b"a secret of thirty-two bytes.....")
}

fn bodies() -> impl Strategy<Value = Raw> {
    let texts = [
        "{}",
        "{\"a\": 1.10 }",
        "[1,\n2]",
        "\"\\u00e9\"",
        "123456789012345678901234567890",
        "1E400",
        "null",
        "{\"a\":1,\"a\":2}",
    ];
    prop::sample::select(texts.to_vec()).prop_map(|text| serde_json::from_str(text).unwrap())
}

fn maps() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec(("\\PC{0,4}", any::<i64>().prop_map(Value::from)), 0..3)
        .prop_map(|pairs| pairs.into_iter().collect())
}

prop_compose! {
    fn transactions()(
        unique in any::<[u8; 16]>(), generation in 1u16..2048, partition in any::<u16>(), tenant in "\\PC{0,8}", operation in "\\PC{0,8}", key in ".{0,16}",
        time in -62_135_596_800_000i64..253_402_300_799_999, trace in prop::option::of("\\PC{0,8}"), request in bodies(), generated in maps(),
        incarnations in maps(), volatile in prop::option::of(bodies()), if_version in prop::option::of(any::<u64>()), principal in ".{0,8}", seen in any::<u64>(),
    ) -> Transaction {
        Transaction {
            attributes: Attributes {
                id: RequestId::mint(&keys(), generation, partition, unique),
                tenant, operation, catalog: "c".into(), key: EntityKey(key), time, traceparent: trace,
            },
            seen: TransactionsOffset::new(seen),
            // JSON has no way to say "a volatile that is null".
            data: TransactionData { request, generated, incarnations, volatile: volatile.filter(|v| v.get() != "null"), if_version, claim: None, reply: None, origin: None, principal, unconfirmed: None },
        }
    }
}

fn records() -> impl Strategy<Value = Parts> {
    let kinds = [
        codec::TRANSACTION,
        codec::INFORMATIVE,
        codec::DECISION,
        codec::OPEN,
        codec::MARK,
        codec::VOID,
        codec::FEEDBACK,
        codec::DEAD_LETTER,
        codec::CATALOG,
        "x",
    ];
    let name = prop::sample::select(vec![
        "ce_id",
        "ce_time",
        "ce_partitionkey",
        "ce_tenant",
        "ce_operation",
        "ce_catalog",
        "traceparent",
    ]);
    let bytes = || prop::collection::vec(any::<u8>(), 0..24).prop_map(Bytes::from);
    let value = prop_oneof![bytes(), "[{}\\[\\]\",:a-z0-9]{0,40}".prop_map(Bytes::from)];
    (
        prop::sample::select(kinds.to_vec()),
        prop::collection::vec((name, bytes()), 0..8),
        prop::option::of(bytes()),
        prop::option::of(value),
    )
        .prop_map(|(kind, headers, key, value)| {
            let mut all: Vec<(Cow<'static, str>, Bytes)> = headers
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect();
            all.push(("ce_type".into(), kind.into()));
            all.push((codec::LEVEL_HEADER.into(), "1".into()));
            Parts {
                key,
                value,
                headers: all,
            }
        })
}

prop_compose! {
    fn tokens()(offsets in prop::collection::btree_map(any::<u16>(), any::<u64>(), 0..5), tenant in "[ab]", principal in prop::option::of(".{0,4}"), expires in any::<u64>(), one in any::<bool>(), spool in prop::option::of((any::<u64>(), any::<u64>()))) -> Token {
        let request = one.then(|| RequestId::mint(&keys(), 1, 2, [3; 16]));
        Token { tenant, principal, expires, generation: 1, offsets: offsets.into_iter().collect(), spool, request }
    }
}

proptest! {
    #[test]
    fn a_transaction_comes_back_whole(event in transactions()) {
        let back = codec::decode_transaction(&codec::encode_transaction(&event)).unwrap();
        prop_assert_eq!(&back.attributes, &event.attributes);
        prop_assert_eq!(format!("{:?}", back.data), format!("{:?}", event.data));
        prop_assert_eq!(codec::encode_transaction(&back), codec::encode_transaction(&event));
    }

    #[test]
    fn no_record_is_too_strange(parts in records()) {
        let _ = codec::decode_transaction(&parts);
        let _ = codec::decode_informative(&parts);
        let _ = codec::decode_change(&parts);
        let _ = codec::decode_mail(&parts);
        let _ = codec::decode_membership(&parts);
        let _ = codec::decode_dead_letter(&parts);
        let _ = codec::decode_catalog(&parts);
    }

    #[test]
    fn times_come_back_and_none_is_too_strange(near in -62_135_596_800_000i64..253_402_300_799_999, any in any::<i64>()) {
        prop_assert_eq!(codec::from_rfc3339(&codec::rfc3339(near)), Some(near));
        prop_assert!(codec::from_rfc3339(&codec::rfc3339(any)).is_some());
    }

    #[test]
    fn request_ids_come_back_and_cannot_be_made_up(unique in any::<[u8; 16]>(), generation in any::<u16>(), partition in any::<u16>(), noise in "\\PC{0,40}") {
        let id = RequestId::mint(&keys(), generation, partition, unique);
        let back = RequestId::parse(&id.to_string(), &keys()).unwrap();
        prop_assert_eq!((back, back.generation(), back.partition(), back.unique()), (id, generation, partition, unique));
        prop_assert!(RequestId::parse(&noise, &keys()).is_err());
        prop_assert!(RequestId::parse(&id.to_string(), &Keyring::new(1, *b"another secret..")).is_err());
    }

    #[test]
    fn children_differ_from_each_other_and_their_parent(parent in any::<[u8; 16]>(), n in any::<u64>(), m in any::<u64>()) {
        let child = RequestId::child(&parent, n);
        prop_assert_ne!(child, parent);
        prop_assert_eq!(child == RequestId::child(&parent, m), n == m);
    }

    #[test]
    fn versions_order_as_generation_and_offset_do(a in (1u16..2048, 0u64..1 << 44), b in (1u16..2048, 0u64..1 << 44), step in any::<(u8, u8)>()) {
        let (va, vb) = (Version::new(a.0, ChangesOffset::new(a.1)), Version::new(b.0, ChangesOffset::new(b.1)));
        prop_assert_eq!(va.cmp(&vb), a.cmp(&b));
        prop_assert_eq!((va.generation(), va.offset().get()), a);
        prop_assert_eq!(va.timestamp(step.0).cmp(&vb.timestamp(step.1)), (a, step.0).cmp(&(b, step.1)));
        prop_assert!(va.timestamp(0) > 0);
    }

    #[test]
    fn positions_compare_only_within_a_partition(a in (1u16..3, 0u16..3, 0u64..9), b in (1u16..3, 0u16..3, 0u64..9)) {
        let position = |(generation, partition, offset)| Position { generation, partition, offset: TransactionsOffset::new(offset) };
        let answer = position(a).at_or_before(&position(b));
        prop_assert_eq!(answer, ((a.0, a.1) == (b.0, b.1)).then_some(a.2 <= b.2));
    }

    #[test]
    fn keys_stay_within_the_partitions(key in ".{0,64}", count in 1u16..=u16::MAX) {
        prop_assert!(EntityKey(key.clone()).partition(count) < count);
        prop_assert_eq!(EntityKey(key.clone()).partition(count), EntityKey(key).partition(count));
    }

    #[test]
    fn tokens_open_for_their_owner_until_they_expire(token in tokens(), now in any::<u64>()) {
        let text = token.sign(&keys());
        match Token::open(&text, &keys(), &token.tenant, token.principal.as_deref().unwrap_or("anybody"), now) {
            Ok(opened) => prop_assert!(opened == token && now <= token.expires),
            Err(error) => prop_assert!(error == BadToken::Expired && now > token.expires),
        }
        prop_assert!(Token::open(&text, &keys(), "c", token.principal.as_deref().unwrap_or_default(), 0).is_err());
    }

    #[test]
    fn a_token_with_anything_changed_is_none(token in tokens(), at in any::<prop::sample::Index>(), noise in "\\PC{0,64}") {
        let mut text = token.sign(&keys()).into_bytes();
        let at = at.index(text.len());
        // The last character of an encoded part may hold bits that are not used: it must not be
        // read leniently either.
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        let text = String::from_utf8(text).unwrap();
        prop_assert!(Token::open(&text, &keys(), &token.tenant, token.principal.as_deref().unwrap_or_default(), 0).is_err(), "{text}");
        prop_assert!(Token::open(&noise, &keys(), "a", "", 0).is_err());
    }
}
