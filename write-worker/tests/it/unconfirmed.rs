//! What was taken while its caller could not be looked at is decided after a look: the caller's
//! session, key or certificate, the user, and the right, as the record store has them then.

use crate::harness::{World, applied};
use event_schema::{
    id::RequestId,
    mutation::{RowAction, RowKey, RowMutation},
    offset::ChangesOffset,
    outcome::{LedgerEntry, RefusalCode, Verdict},
    position::Version,
    security::SESSIONS,
    unconfirmed::{Unconfirmed, UnconfirmedCredential, UnconfirmedRight},
};
use serde_json::{Value, json};
use std::{sync::atomic::Ordering, time::Duration};
use store::{RowWrite, document::Write};

/// When each write says that it was taken.
const TAKEN: i64 = 1_700_000_000_000;
const FOR_LONG: i64 = 4_102_444_800_000;

fn rights(create: bool) -> Value {
    let writer = json!({"controllers": {"document": {"actions": {"create": create}}}});
    let policy =
        json!({"roleId": "writer", "restrictedTo": [{"index": "geo", "collections": ["cities"]}]});
    json!({"rights": {
        "roles": {"writer": writer},
        "profiles": {"writers": {"policies": [policy]}, "none": {"policies": []}},
    }})
}

fn session(name: &str) -> UnconfirmedCredential {
    UnconfirmedCredential::Session {
        sid: format!("sid-{name}"),
        jti: format!("jti-{name}"),
        sessions: "s1".into(),
    }
}

fn fingerprint(digit: &str) -> String {
    digit.repeat(64)
}

fn api_key(name: &str) -> UnconfirmedCredential {
    UnconfirmedCredential::ApiKey {
        id: format!("key-{name}"),
        fingerprint: fingerprint("a"),
        birth: "b1".into(),
    }
}

const CERTIFICATE_FROM: i64 = 1_690_000_000_000;

fn certificate(_: &str) -> UnconfirmedCredential {
    UnconfirmedCredential::Certificate {
        birth: "b1".into(),
        from: CERTIFICATE_FROM,
    }
}

fn user(name: &str) -> Value {
    json!({"kuid": name, "user": {"profileIds": ["writers"]}, "sessions": "s1", "birth": "b1"})
}

fn stored_key(name: &str, digit: &str) -> Value {
    let key = json!({
        "userId": name, "birth": "b1", "description": "", "expiresAt": -1, "ttl": -1,
        "fingerprint": fingerprint(digit),
    });
    json!({"id": format!("key-{name}"), "key": key})
}

impl World {
    async fn with_rights() -> Self {
        let world = Self::new().await;
        world.own_collections().await;
        world
    }

    async fn done(&self, operation: &str, request: Value) {
        let id = self.write(operation, request).await;
        let entry = self.resolved(&[id]).await.remove(0);
        assert!(applied(&entry), "{operation}: {entry:?}");
    }

    /// A write that a gateway took on trust.
    async fn taken(
        &self,
        name: &str,
        credential: UnconfirmedCredential,
        profiles: Option<&[&str]>,
    ) -> RequestId {
        let request = json!({"index": "geo", "collection": "cities", "body": {"by": name}});
        let (mut event, id) = self.event("document.create", request, None);
        event.data.principal = name.to_owned();
        event.data.unconfirmed = Some(Unconfirmed {
            credential,
            right: UnconfirmedRight {
                controller: "document".into(),
                action: "create".into(),
            },
            profiles: profiles.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
            rights_revision: 1,
            looked_at: TAKEN - 60_000,
        });
        self.append(&event).await;
        id
    }

    /// In the store itself, whoever has the partition of the account.
    async fn end_session_of(&self, name: &str) {
        let key = json!({"sid": format!("sid-{name}"), "jti": "*"});
        let ended = RowMutation {
            key: RowKey {
                table: SESSIONS.to_owned(),
                key: key.as_object().unwrap().clone(),
            },
            action: RowAction::Put,
            cells: serde_json::from_value(json!({"at": TAKEN})).unwrap(),
            before: None,
            expires_before: None,
            expires: None,
        };
        let ended = RowWrite {
            mutation: ended,
            version: Version::new(1, ChangesOffset::new(0)),
            step: 0,
        };
        self.real.apply(&[Write::Row(ended)]).await;
    }

    async fn decided(&self, name: &str, credential: UnconfirmedCredential) -> LedgerEntry {
        let id = self.taken(name, credential, None).await;
        self.resolved(&[id]).await.remove(0)
    }
}

fn is_revoked(entry: &LedgerEntry) -> bool {
    matches!(&entry.verdict, Verdict::Refused(refusal) if refusal.code == RefusalCode::Revoked)
}

/// What takes something away, and of whom it is asked by what.
type Revocation = (
    &'static str,
    fn(&str) -> UnconfirmedCredential,
    fn(&str) -> Vec<(&'static str, Value)>,
);

const REVOCATIONS: [Revocation; 9] = [
    ("session", session, |name| {
        let ended =
            json!({"sid": format!("sid-{name}"), "jti": "*", "at": TAKEN, "until": FOR_LONG});
        vec![("security.endSession", ended)]
    }),
    ("sessions", session, |name| {
        vec![(
            "security.endSessions",
            json!({"kuid": name, "sessions": "s2"}),
        )]
    }),
    ("refreshed", session, |name| {
        let refreshed = json!({
            "kuid": name, "sid": format!("sid-{name}"), "jti": format!("jti-{name}"),
            "sessions": "s1", "at": TAKEN - 1_001, "until": FOR_LONG, "lasts": FOR_LONG,
        });
        vec![("security.refreshSession", refreshed)]
    }),
    ("user", session, |name| {
        vec![("security.deleteUser", json!({"kuid": name}))]
    }),
    ("reborn", session, |name| {
        let again = json!({"kuid": name, "user": {"profileIds": ["writers"]}, "sessions": "s9", "birth": "b9"});
        vec![
            ("security.deleteUser", json!({"kuid": name})),
            ("security.createUser", again),
        ]
    }),
    ("profile", session, |name| {
        vec![(
            "security.writeUser",
            json!({"kuid": name, "user": {"profileIds": ["none"]}}),
        )]
    }),
    ("key", api_key, |name| {
        vec![(
            "security.deleteApiKey",
            json!({"id": format!("key-{name}")}),
        )]
    }),
    ("other-key", api_key, |name| {
        vec![
            (
                "security.deleteApiKey",
                json!({"id": format!("key-{name}")}),
            ),
            ("security.createApiKey", stored_key(name, "b")),
        ]
    }),
    ("certificate", certificate, |name| {
        let from = CERTIFICATE_FROM + 1;
        vec![(
            "security.endSessions",
            json!({"kuid": name, "sessions": "s1", "certificates_from": from}),
        )]
    }),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_away_is_honoured_by_no_decision() {
    let world = World::with_rights().await;
    let worker = world.worker("w1");
    world.done("security.createRights", rights(true)).await;
    for (name, credential, revocation) in REVOCATIONS {
        world.done("security.createUser", user(name)).await;
        let key = stored_key(name, "a");
        if name.contains("key") {
            world.done("security.createApiKey", key).await;
        }
        let before = world.decided(name, credential(name)).await;
        assert!(applied(&before), "{name}: {before:?}");
        for (operation, request) in revocation(name) {
            world.done(operation, request).await;
        }
        let after = world.decided(name, credential(name)).await;
        assert!(is_revoked(&after), "{name}: {after:?}");
        assert!(after.result.is_none(), "{name}: {after:?}");
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_counts_as_it_stands_when_the_write_is_decided() {
    let world = World::with_rights().await;
    let worker = world.worker("w1");
    world.done("security.createRights", rights(true)).await;
    world.done("security.createUser", user("meera")).await;
    let before = world.decided("meera", session("meera")).await;
    assert!(applied(&before), "{before:?}");
    // Elsewhere than the profile reaches.
    let request = json!({"index": "geo", "collection": "rivers", "body": {}});
    let (mut elsewhere, id) = world.event("document.create", request, None);
    elsewhere.data.principal = "meera".into();
    elsewhere.data.unconfirmed = Some(Unconfirmed {
        credential: session("meera"),
        right: UnconfirmedRight {
            controller: "document".into(),
            action: "create".into(),
        },
        profiles: None,
        rights_revision: 1,
        looked_at: TAKEN,
    });
    world.append(&elsewhere).await;
    let elsewhere = world.resolved(&[id]).await.remove(0);
    assert!(is_revoked(&elsewhere), "{elsewhere:?}");
    world.done("security.replaceRights", rights(false)).await;
    let after = world.decided("meera", session("meera")).await;
    assert!(is_revoked(&after), "{after:?}");
    world.done("security.replaceRights", rights(true)).await;
    let again = world.decided("meera", session("meera")).await;
    assert!(applied(&again), "{again:?}");
    worker.stop().await;
}

/// A session that another issuer's word began has an account here and no user.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_principal_of_another_issuer_is_looked_at_in_its_account() {
    let world = World::with_rights().await;
    let worker = world.worker("w1");
    world.done("security.createRights", rights(true)).await;
    let (name, own) = ("corporate:alice", session("alice"));
    let account = json!({"kuid": name, "sessions": "s1", "birth": "b1"});
    world.done("security.openAccount", account).await;
    let taken = world.taken(name, own.clone(), Some(&["writers"])).await;
    let decided = world.resolved(&[taken]).await.remove(0);
    assert!(applied(&decided), "{decided:?}");
    let no_user = world.decided(name, own.clone()).await;
    assert!(is_revoked(&no_user), "{no_user:?}");
    let ended = json!({"kuid": name, "sessions": "s2"});
    world.done("security.endSessions", ended).await;
    let taken = world.taken(name, own, Some(&["writers"])).await;
    let decided = world.resolved(&[taken]).await.remove(0);
    assert!(is_revoked(&decided), "{decided:?}");
    worker.stop().await;
}

/// A write of an outage of the record store is decided behind it: what ended meanwhile counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_while_the_record_store_is_away_counts() {
    let world = World::with_rights().await;
    let worker = world.worker("w1");
    world.done("security.createRights", rights(true)).await;
    world.done("security.createUser", user("meera")).await;
    world.faults.record_away.store(true, Ordering::SeqCst);
    let taken = world.taken("meera", session("meera"), None).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.end_session_of("meera").await;
    world.faults.record_away.store(false, Ordering::SeqCst);
    let decided = world.resolved(&[taken]).await.remove(0);
    assert!(is_revoked(&decided), "{decided:?}");
    worker.stop().await;
}

/// What a worker found before it lost the partition counts for nothing where another one decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_takes_the_partition_looks_again() {
    let world = World::with_rights().await;
    let first = world.worker("w1");
    world.done("security.createRights", rights(true)).await;
    world.done("security.createUser", user("meera")).await;
    let before = world.decided("meera", session("meera")).await;
    assert!(applied(&before), "{before:?}");
    first.stop().await;
    let waiting = world.taken("meera", session("meera"), None).await;
    world.end_session_of("meera").await;
    let second = world.worker("w2");
    let decided = world.resolved(&[waiting]).await.remove(0);
    assert!(is_revoked(&decided), "{decided:?}");
    second.stop().await;
}

/// What is kept of one caller is damaged: that caller's events are refused, and nobody else's wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_of_whom_nothing_can_be_read_keeps_nobody_waiting() {
    let world = World::with_rights().await;
    let worker = world.worker("w1");
    world.done("security.createRights", rights(true)).await;
    for name in ["meera", "arun"] {
        world.done("security.createUser", user(name)).await;
    }
    let damaged = json!({"kuid": "meera", "user": {"profileIds": "writers"}});
    world.done("security.writeUser", damaged).await;
    let refused = world.decided("meera", session("meera")).await;
    assert!(is_revoked(&refused), "{refused:?}");
    let other = world.decided("arun", session("arun")).await;
    assert!(applied(&other), "{other:?}");
    worker.stop().await;
}

/// Those of a batch are looked at together: what waited for the record store is many callers' at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_callers_of_a_batch_are_looked_at_together() {
    const CALLERS: usize = 40;
    let world = World::with_rights().await;
    let worker = world.worker("w1");
    world.done("security.createRights", rights(true)).await;
    let names: Vec<String> = (0..CALLERS).map(|n| format!("caller-{n}")).collect();
    for name in &names {
        world.done("security.createUser", user(name)).await;
    }
    let ended = json!({"sid": "sid-caller-7", "jti": "*", "at": TAKEN, "until": FOR_LONG});
    world.done("security.endSession", ended).await;
    worker.stop().await;
    let mut taken = Vec::new();
    for name in &names {
        taken.push(world.taken(name, session(name), None).await);
    }
    let before = world.faults.row_reads.load(Ordering::SeqCst);
    let worker = world.worker("w2");
    let decided = world.resolved(&taken).await;
    let reads = world.faults.row_reads.load(Ordering::SeqCst) - before;
    for (name, entry) in names.iter().zip(&decided) {
        let (is_refused, ended) = (is_revoked(entry), name == "caller-7");
        assert_eq!(
            (is_refused, applied(entry)),
            (ended, !ended),
            "{name}: {entry:?}"
        );
    }
    assert!(reads < CALLERS / 2, "{reads} reads for {CALLERS} callers");
    worker.stop().await;
}
