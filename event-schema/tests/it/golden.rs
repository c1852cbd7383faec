//! Golden records: bytes as some release wrote them. They must decode for ever. A file under
//! `fixtures/` never changes: what is written differently from now on gets another file beside it
//! (run once with `WRITE_FIXTURES=1`, which writes missing files only).

use bytes::Bytes;
use event_schema::{
    Raw, RequestTail,
    codec::{self, Parts},
    decision::{
        Change, ClaimedValues, DeadLetter, Decision, Mark, Open, OriginalRecord, Part, TopicIds,
        UniqueValue, Void, VoidEnd,
    },
    envelope::{
        Attributes, Claim, Informative, InformativeData, Origin, Reply, Transaction,
        TransactionData,
    },
    held::REPLAY,
    id::{EntityKey, RequestId},
    membership::{
        Heartbeat, MembershipRecord, PartitionClaim, PresenceFilter, RoomMembership, Subscription,
    },
    mutation::{DocumentAction, DocumentChange, DocumentKey, RowAction, RowKey, RowMutation},
    notification::{
        Event, FeedOwner, FeedPosition, Mail, Notice, Presence, PresenceChange, Progress, Push,
        RoomMatch, Scope, State,
    },
    offset::{ChangesOffset, Epoch, InformativeOffset, TransactionsOffset},
    outcome::{DeadReason, Feedback, LedgerEntry, Parked, Refusal, RefusalCode, Times, Verdict},
    position::{Position, Version},
    replay::Replay,
    security::{SecurityBeacon, SecurityChange, SecurityRecord, SecuritySubject},
    signing::Keyring,
    unconfirmed::{Unconfirmed, UnconfirmedCredential, UnconfirmedRight},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fs, path::PathBuf};

/// A record as a file: texts are the bytes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    pub key: Option<String>,
    pub headers: Vec<(String, String)>,
    pub value: String,
}

impl Golden {
    fn of(parts: &Parts) -> Self {
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            key: parts.key.as_ref().map(text),
            headers: parts
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
            value: text(parts.value.as_ref().unwrap()),
        }
    }

    pub fn parts(&self) -> Parts {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.clone().into(), value.clone().into()));
        Parts {
            key: self.key.clone().map(Bytes::from),
            value: Some(self.value.clone().into()),
            headers: headers.collect(),
        }
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1")
}

/// Every golden record there is, by file name.
pub fn all() -> Vec<(String, Golden)> {
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let golden = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        (
            path.file_stem().unwrap().to_string_lossy().into_owned(),
            golden,
        )
    };
    files.into_iter().map(read).collect()
}

/// Decodes by the record's own type and encodes what came out.
fn again(parts: &Parts) -> Parts {
    match codec::header_text(parts, "ce_type").unwrap() {
        codec::TRANSACTION => codec::encode_transaction(&codec::decode_transaction(parts).unwrap()),
        codec::INFORMATIVE => codec::encode_informative(&codec::decode_informative(parts).unwrap()),
        codec::FEEDBACK | codec::PUSH | codec::PRESENCE | codec::PROGRESS => {
            codec::encode_mail(&codec::decode_mail(parts).unwrap())
        }
        codec::SUBSCRIPTION | codec::HEARTBEAT | codec::PARTITION_CLAIM => {
            codec::encode_membership(&codec::decode_membership(parts).unwrap())
        }
        codec::DEAD_LETTER => codec::encode_dead_letter(&codec::decode_dead_letter(parts).unwrap()),
        codec::SECURITY_CHANGE | codec::SECURITY_BEACON => {
            codec::encode_security(&codec::decode_security(parts).unwrap())
        }
        codec::CATALOG => codec::encode_catalog(
            &String::from_utf8_lossy(parts.key.as_ref().unwrap()),
            &codec::decode_catalog(parts).unwrap(),
        ),
        _ => codec::encode_change(&codec::decode_change(parts).unwrap()),
    }
}

#[test]
fn old_bytes_decode_for_ever() {
    let all = all();
    assert!(
        all.len() >= samples().len(),
        "golden records are never deleted"
    );
    for (name, golden) in all {
        let parts = golden.parts();
        let once = again(&parts);
        let (old, new): (Value, Value) = (
            serde_json::from_str(&golden.value).unwrap(),
            serde_json::from_slice(once.value.as_ref().unwrap()).unwrap(),
        );
        for (field, value) in old.as_object().unwrap() {
            assert_eq!(
                new.get(field),
                Some(value),
                "{name}: {field} is lost or means something else"
            );
        }
        assert_eq!(again(&once), once, "{name}: stable from then on");
        for header in &golden.headers {
            assert!(
                Golden::of(&once).headers.contains(header),
                "{name}: {header:?}"
            );
        }
    }
}

#[test]
fn what_is_written_today_is_golden() {
    let golden: Vec<Golden> = all().into_iter().map(|(_, golden)| golden).collect();
    for (name, parts) in samples() {
        let today = Golden::of(&parts);
        let path = folder().join(format!("{name}.json"));
        if !path.exists() && std::env::var_os("WRITE_FIXTURES").is_some() {
            fs::write(path, serde_json::to_string_pretty(&today).unwrap() + "\n").unwrap();
        } else {
            assert!(
                golden.contains(&today),
                "{name} is written as no golden record is: give it a file of another name\n{today:#?}"
            );
        }
    }
}

/// One record of each kind, and of each shape that a kind can have.
fn samples() -> Vec<(&'static str, Parts)> {
    let change = |change: Change| codec::encode_change(&change);
    vec![
        ("transaction", codec::encode_transaction(&transaction(true))),
        (
            "transaction-least",
            codec::encode_transaction(&transaction(false)),
        ),
        (
            "transaction-unconfirmed",
            codec::encode_transaction(&unconfirmed(session())),
        ),
        (
            "transaction-unconfirmed-key",
            codec::encode_transaction(&unconfirmed(UnconfirmedCredential::ApiKey {
                id: "k1".into(),
                fingerprint: "5f1c".into(),
                birth: "8a".into(),
            })),
        ),
        (
            "transaction-unconfirmed-certificate",
            codec::encode_transaction(&unconfirmed(UnconfirmedCredential::Certificate {
                birth: "8a".into(),
                from: TIME,
            })),
        ),
        ("informative", codec::encode_informative(&informative())),
        (
            "decision-applied",
            change(Change::Decision(decision(Verdict::Applied))),
        ),
        ("decision-refused", change(Change::Decision(refused()))),
        ("decision-revoked", change(Change::Decision(revoked()))),
        ("decision-dead", change(Change::Decision(dead()))),
        (
            "decision-claiming",
            change(Change::Decision(Decision {
                claim: Some(Claim {
                    key: "5f1c".into(),
                    until: TIME + 86_400_000,
                }),
                ..decision(Verdict::Applied)
            })),
        ),
        ("decision-replayed", change(Change::Decision(replayed()))),
        (
            "open",
            change(Change::Open(Open {
                owner: "worker-1".into(),
                time: TIME,
            })),
        ),
        ("mark", change(Change::Mark(mark(true)))),
        ("mark-least", change(Change::Mark(mark(false)))),
        (
            "void-dead",
            change(Change::Void(void(VoidEnd::Dead(reason())))),
        ),
        (
            "void-refused",
            change(Change::Void(void(VoidEnd::Refused(refusal())))),
        ),
        (
            "void-revoked",
            change(Change::Void(void(VoidEnd::Refused(revocation())))),
        ),
        ("void-anew", change(Change::Void(void(VoidEnd::Anew)))),
        ("void-held", change(Change::Void(void(VoidEnd::Held)))),
        (
            "feedback-applied",
            codec::encode_mail(&Mail::Feedback(feedback(Verdict::Applied))),
        ),
        (
            "feedback-dead",
            codec::encode_mail(&Mail::Feedback(feedback(Verdict::DeadLettered(reason())))),
        ),
        (
            "feedback-parked",
            codec::encode_mail(&Mail::Feedback(feedback(Verdict::Parked(Parked {
                behind: id(),
            })))),
        ),
        (
            "feedback-revoked",
            codec::encode_mail(&Mail::Feedback(feedback(Verdict::Refused(revocation())))),
        ),
        ("push", codec::encode_mail(&Mail::Push(Box::new(push())))),
        ("presence", codec::encode_mail(&Mail::Presence(presence()))),
        (
            "progress",
            codec::encode_mail(&Mail::Progress(Progress {
                instance: "5f".into(),
                notifier: "a1".into(),
                owners: vec![feed_owner()],
                missed: Vec::new(),
                rooms: 17,
            })),
        ),
        (
            "subscription",
            codec::encode_membership(&MembershipRecord::Subscribed(membership(), subscription())),
        ),
        (
            "heartbeat",
            codec::encode_membership(&MembershipRecord::Heartbeat(Heartbeat {
                reply: reply(),
                time: TIME,
            })),
        ),
        (
            "partition-claim",
            codec::encode_membership(&MembershipRecord::PartitionClaimed(PartitionClaim {
                notifier: "a1".into(),
                partition: 3,
            })),
        ),
        (
            "security-change",
            codec::encode_security(&SecurityRecord::Changed(
                SecuritySubject::Session("0b8f".into()),
                SecurityChange {
                    version: Version::new(1, ChangesOffset::new(140)),
                },
            )),
        ),
        (
            "security-beacon",
            codec::encode_security(&SecurityRecord::Beacon {
                instance: "5f".into(),
                beacon: SecurityBeacon {
                    number: 7,
                    folded: 212,
                    asks: true,
                },
            }),
        ),
        ("dead-letter", codec::encode_dead_letter(&dead_letter(true))),
        (
            "dead-letter-unreadable",
            codec::encode_dead_letter(&dead_letter(false)),
        ),
        (
            "catalog",
            codec::encode_catalog(
                "0a1b2c3d4e5f",
                &json!({"language": 1, "operations": [], "tables": [], "collections": []}),
            ),
        ),
    ]
}

const TIME: i64 = 1_773_481_267_512;
const POSITION: Position = Position {
    generation: 1,
    partition: 3,
    offset: TransactionsOffset::new(90),
};

const EPOCH: Epoch = Epoch::begun_at(ChangesOffset::new(40));

fn id() -> RequestId {
    RequestId::mint(
        &Keyring::new(1, *b"a secret of thirty-two bytes....."),
        1,
        3,
        [7; 16],
    )
}

fn text(text: &str) -> Raw {
    serde_json::from_str(text).unwrap()
}

fn attributes(operation: &str, trace: bool) -> Attributes {
    Attributes {
        id: id(),
        tenant: "default".into(),
        operation: operation.into(),
        catalog: "0a1b2c3d4e5f".into(),
        key: EntityKey("geo/cities/2988507".into()),
        time: TIME,
        traceparent: trace
            .then(|| "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn transaction(whole: bool) -> Transaction {
    let request = r#"{"index":"geo","collection":"cities","_id":"2988507","body":{"name":"París","n":1.10,"big":12345678901234567890123}}"#;
    let data = TransactionData {
        request: text(request),
        generated: if whole {
            object(json!({"now": TIME}))
        } else {
            Map::new()
        },
        incarnations: if whole {
            object(json!({"geo/cities": "x1"}))
        } else {
            Map::new()
        },
        volatile: whole.then(|| text(r#"{"sdk": "x"}"#)),
        if_version: whole.then_some(3),
        claim: whole.then(|| Claim {
            key: "00ff".into(),
            until: TIME + 1,
        }),
        reply: whole.then(reply),
        origin: None,
        principal: "anonymous".into(),
        unconfirmed: None,
    };
    Transaction {
        attributes: attributes("document.create", whole),
        seen: TransactionsOffset::new(if whole { 88 } else { 0 }),
        data,
    }
}

fn session() -> UnconfirmedCredential {
    UnconfirmedCredential::Session {
        sid: "0b8f".into(),
        jti: "77".into(),
        sessions: "c4".into(),
    }
}

fn unconfirmed(credential: UnconfirmedCredential) -> Transaction {
    let mut event = transaction(false);
    let is_session = matches!(credential, UnconfirmedCredential::Session { .. });
    event.data.principal = "meera".into();
    event.data.unconfirmed = Some(Unconfirmed {
        credential,
        right: UnconfirmedRight {
            controller: "document".into(),
            action: "create".into(),
        },
        profiles: is_session.then(|| vec!["reader".into()]),
        rights_revision: 7,
        looked_at: TIME - 60_000,
    });
    event
}

fn informative() -> Informative {
    let data = InformativeData {
        request: text(r#"{"index":"geo","collection":"buses","body":{"at":[1,2]}}"#),
        generated: Map::new(),
        volatile: Some(text("{}")),
        origin: None,
        principal: "anonymous".into(),
    };
    Informative {
        attributes: attributes("realtime.publish", true),
        data,
    }
}

fn reply() -> Reply {
    Reply {
        instance: "gateway-5f".into(),
        partition: 2,
    }
}

fn reason() -> DeadReason {
    DeadReason {
        code: "mapping".into(),
        message: "the view cannot map `n`".into(),
        store: Some("elasticsearch".into()),
    }
}

fn document(before: Option<&str>, after: Option<&str>) -> DocumentChange {
    let key = DocumentKey {
        index: "geo".into(),
        collection: "cities".into(),
        incarnation: "x1".into(),
        id: "2988507".into(),
    };
    DocumentChange {
        key,
        action: if after.is_some() {
            DocumentAction::Put
        } else {
            DocumentAction::Remove
        },
        revision_before: 4,
        revision: 5,
        before: before.map(text),
        after: after.map(text),
        purged: false,
    }
}

fn rows() -> Vec<RowMutation> {
    let row = |action, cells: Value, before: Option<Value>, expires| RowMutation {
        key: RowKey {
            table: "otp".into(),
            key: object(json!({"type": "email", "key": "a@b.co"})),
        },
        action,
        cells: object(cells),
        expires_before: before.as_ref().map(|_| TIME - 1),
        before: before.map(object),
        expires,
    };
    vec![
        row(
            RowAction::Put,
            json!({"otp": "123456", "count": null}),
            None,
            Some(TIME),
        ),
        row(
            RowAction::Merge,
            json!({"tags": ["a"]}),
            Some(json!({"otp": "0"})),
            None,
        ),
        row(
            RowAction::Remove,
            json!({}),
            Some(json!({"otp": "0"})),
            None,
        ),
    ]
}

fn origin() -> Origin {
    Origin {
        request: "r1".into(),
        protocol: "websocket".into(),
        controller: "document".into(),
        action: "create".into(),
        silent: false,
    }
}

fn push() -> Push {
    let notice = Notice {
        event: Event::Write,
        action: "update".into(),
        state: State::Done,
        index: "geo".into(),
        collection: "cities".into(),
        id: Some("2988507".into()),
        version: Some(5),
        source: Some(text(r#"{"n":1.10}"#)),
        updated_fields: Some(vec!["n".into()]),
        request: id(),
        origin: Some(origin()),
        volatile: Some(text(r#"{"sdk": "x"}"#)),
        timestamp: TIME,
        write: Some(POSITION),
        traceparent: None,
    };
    let rooms = vec![RoomMatch {
        room: "ab12".into(),
        scope: Scope::In,
    }];
    Push {
        instance: "5f".into(),
        owner: feed_owner(),
        record: 96,
        rooms,
        notice,
    }
}

fn feed_owner() -> FeedOwner {
    FeedOwner {
        partition: 3,
        claim: 11,
        position: FeedPosition {
            resume: ChangesOffset::new(90),
            epoch: Some(Epoch::begun_at(ChangesOffset::new(12))),
            next: ChangesOffset::new(96),
            emitted: 2,
            informative: InformativeOffset::new(7),
        },
    }
}

fn presence() -> Presence {
    Presence {
        instance: "5f".into(),
        room: "ab12".into(),
        index: "geo".into(),
        collection: "cities".into(),
        user: PresenceChange::In,
        count: 2,
        volatile: Some(text(r#"{"who":"me"}"#)),
        explicit: true,
        rooms: 7,
        timestamp: TIME,
    }
}

fn membership() -> RoomMembership {
    RoomMembership {
        instance: "5f".into(),
        connection: "7".into(),
        room: "ab12".into(),
    }
}

fn subscription() -> Subscription {
    let (index, collection) = ("geo".into(), "cities".into());
    Subscription {
        index,
        collection,
        filter: text(r#"{"equals":{"a":1}}"#),
        mailbox: 2,
        users: PresenceFilter::All,
        pending: false,
        volatile: None,
    }
}

/// Tombstones have no value, so no file: their keys say it all.
#[test]
fn who_leaves_is_known_by_the_key() {
    let leaves = |volatile: Option<&str>| {
        codec::encode_membership(&MembershipRecord::Unsubscribed(
            membership(),
            volatile.map(text),
        ))
    };
    let parts = leaves(Some(r#"{"bye":1}"#));
    assert_eq!(
        (parts.key.as_deref(), &parts.value),
        (Some(&b"member/5f/7/ab12"[..]), &None)
    );
    match codec::decode_membership(&parts).unwrap() {
        MembershipRecord::Unsubscribed(who, Some(volatile)) => {
            assert_eq!((who, volatile.get()), (membership(), r#"{"bye":1}"#))
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        codec::decode_membership(&leaves(None)).unwrap(),
        MembershipRecord::Unsubscribed(_, None)
    ));
    let gone = codec::encode_membership(&MembershipRecord::GatewayExpired {
        instance: "5f".into(),
    });
    assert!(
        matches!(codec::decode_membership(&gone).unwrap(), MembershipRecord::GatewayExpired { instance } if instance == "5f")
    );
    for key in ["member/5f/7", "member/5f/7/ab12/x", "ab12", ""] {
        let parts = Parts {
            key: Some(key.to_owned().into()),
            ..parts.clone()
        };
        assert!(codec::decode_membership(&parts).is_err(), "{key:?}");
    }
}

fn decision(verdict: Verdict) -> Decision {
    Decision {
        epoch: EPOCH,
        at: ChangesOffset::new(55),
        key: EntityKey("geo/cities/2988507".into()),
        request: id(),
        operation: "document.create".into(),
        tenant: "default".into(),
        principal: None,
        catalog: "0a1b2c3d4e5f".into(),
        position: POSITION,
        replaces: None,
        by: None,
        silent: false,
        verdict,
        documents: vec![
            document(None, Some(r#"{"n":1.10}"#)),
            document(Some("{}"), None),
        ],
        rows: rows(),
        parts: Vec::new(),
        claims: ClaimedValues::default(),
        claim: None,
        judged_by: Vec::new(),
        judged_by_rows: Vec::new(),
        result: Some(text(r#"{"_id":"2988507","_version":5}"#)),
        volatile: Some(text(r#"{"sdk": "x"}"#)),
        relaxed: false,
        accepted: TIME,
        decided: TIME + 7,
        reply: Some(reply()),
        origin: None,
        traceparent: None,
    }
}

fn refusal() -> Refusal {
    Refusal {
        code: RefusalCode::Exists,
        message: "there is one already".into(),
        rule: None,
        pointer: Some("/_id".into()),
    }
}

fn refused() -> Decision {
    Decision {
        documents: vec![],
        rows: vec![],
        result: None,
        volatile: None,
        reply: None,
        ..decision(Verdict::Refused(refusal()))
    }
}

/// Whoever reads the first level alone does not read these.
#[test]
fn what_an_older_reader_would_get_wrong_says_so() {
    let of_level = |level: &str| {
        let is_level = |(_, parts): &(&'static str, Parts)| {
            codec::header_text(parts, codec::LEVEL_HEADER).unwrap() == level
        };
        let of_level = samples().into_iter().filter(is_level);
        of_level.map(|(name, _)| name).collect::<Vec<_>>()
    };
    let second = [
        "transaction-unconfirmed",
        "transaction-unconfirmed-key",
        "transaction-unconfirmed-certificate",
        "decision-revoked",
        "void-revoked",
        "feedback-revoked",
    ];
    assert_eq!(of_level("2"), second);
    assert_eq!(of_level("1").len(), samples().len() - second.len());
}

fn revoked() -> Decision {
    Decision {
        verdict: Verdict::Refused(revocation()),
        ..refused()
    }
}

fn revocation() -> Refusal {
    Refusal {
        code: RefusalCode::Revoked,
        message: "the caller's session has ended".into(),
        rule: None,
        pointer: None,
    }
}

/// Of a record that no one could decode.
fn dead() -> Decision {
    Decision {
        key: EntityKey(String::new()),
        tenant: String::new(),
        ..decision_of_nothing(Verdict::DeadLettered(reason()))
    }
}

fn decision_of_nothing(verdict: Verdict) -> Decision {
    Decision {
        verdict,
        ..refused()
    }
}

fn replay() -> Replay {
    Replay {
        position: Position {
            offset: TransactionsOffset::new(120),
            ..POSITION
        },
        request: id(),
        operation: REPLAY.into(),
        principal: "anna".into(),
        reason: Some("the mapping is mended".into()),
        job: Some("j1".into()),
        accepted: TIME,
        reply: Some(reply()),
    }
}

/// With everything that a decision can carry.
fn replayed() -> Decision {
    let value = |value: &str| UniqueValue {
        space: "email".into(),
        value: value.into(),
    };
    Decision {
        replaces: Some(ChangesOffset::new(51)),
        by: Some(replay()),
        silent: true,
        parts: vec![Part {
            request: id(),
            partition: 2,
            seen: TransactionsOffset::new(17),
            event: original(true),
        }],
        claims: ClaimedValues {
            take: vec![value("a@b.co")],
            release: vec![value("b@b.co")],
        },
        ..decision(Verdict::Applied)
    }
}

fn mark(whole: bool) -> Mark {
    let topics = TopicIds {
        transactions: Some("cv3XW0Cx".into()),
        changes: Some("1lAhugMZ".into()),
    };
    Mark {
        epoch: EPOCH,
        at: ChangesOffset::new(60),
        generation: 1,
        partition: 3,
        through: ChangesOffset::new(57),
        next: TransactionsOffset::new(91),
        time: TIME,
        reapply_from: ChangesOffset::new(58),
        reapply_epoch: whole.then_some(EPOCH),
        topics: if whole { topics } else { TopicIds::default() },
        tail: if whole {
            tail()
        } else {
            RequestTail::default()
        },
        parts: if whole {
            BTreeMap::from([(2, TransactionsOffset::new(19))])
        } else {
            BTreeMap::new()
        },
    }
}

fn tail() -> RequestTail {
    let mut tail = RequestTail::default();
    tail.push(1, &id());
    tail.push(2, &id());
    tail
}

fn void(ends: VoidEnd) -> Void {
    let anew = ends == VoidEnd::Anew;
    let ends_held = ends == VoidEnd::Held;
    Void {
        epoch: EPOCH,
        at: ChangesOffset::new(58),
        key: EntityKey("geo/cities/2988507".into()),
        request: id(),
        operation: "document.create".into(),
        principal: None,
        position: POSITION,
        decision: ChangesOffset::new(55),
        ends,
        by: ends_held.then(replay),
        relaxed: anew,
        documents: vec![document(Some(r#"{"n":1.10}"#), None)],
        rows: rows(),
        event: anew.then(|| original(true)),
        silent: anew,
        claim: None,
        time: TIME,
        accepted: TIME - 1,
        reply: Some(reply()),
    }
}

fn original(keyed: bool) -> OriginalRecord {
    OriginalRecord {
        key: keyed.then(|| "Z2Vv".to_owned()),
        value: Some("e30=".into()),
        headers: vec![("ce_id".into(), "MQ==".into())],
    }
}

fn feedback(verdict: Verdict) -> Feedback {
    let entry = LedgerEntry {
        request: id(),
        key: EntityKey("geo/cities/2988507".into()),
        operation: "document.create".into(),
        principal: None,
        position: POSITION,
        version: Version::new(1, ChangesOffset::new(55)),
        verdict,
        result: Some(text(r#"{"_id":"2988507","_version":5}"#)),
        parts: Vec::new(),
        times: Times {
            accepted: TIME,
            decided: TIME + 7,
            applied: TIME + 20,
        },
    };
    Feedback {
        instance: "gateway-5f".into(),
        entry,
    }
}

fn dead_letter(readable: bool) -> DeadLetter {
    let key = if readable { "geo/cities/2988507" } else { "" };
    DeadLetter {
        request: id(),
        key: EntityKey(key.into()),
        operation: readable.then(|| "document.create".to_owned()),
        position: POSITION,
        version: Version::new(1, ChangesOffset::new(58)),
        reason: reason(),
        time: TIME,
        original: original(readable),
    }
}
