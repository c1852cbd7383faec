//! What an operation does to other keys, and values that only one key may have.

use crate::{
    faulty::Abyss,
    harness::{World, applied},
};
use catalog::Catalog;
use event_log::NewRecord;
use event_schema::{
    codec,
    decision::{Change, Decision, UniqueValue},
    id::{EntityKey, RequestId},
    mutation::RowKey,
    offset::TransactionsOffset,
    outcome::{LedgerEntry, RefusalCode, Verdict},
    position::Position,
    topics,
};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use store::unique::{self, Holder, ValueOutcome};

const DEFINITIONS: &str = "
tables:
  - {name: teams, owner: team, partition_key: [id], columns: {id: text, members: int}}
  - {name: people, owner: person, partition_key: [id], columns: {id: text, name: text, mail: text, team: text}}
operations:
  - name: team.make
    summary: Makes a team that no one is in.
    request: {type: object, properties: {id: {type: string}}}
    key: {of: team, id: $request/id}
    write: [{row: {table: teams, key: {id: $request/id}}, put: {members: 0}}]
    examples: [{title: One, request: {id: t}}]
  - name: team.count
    internal: true
    summary: Counts one more member of a team.
    request: {type: object, properties: {id: {type: string}}}
    key: {of: team, id: $request/id}
    write: [{row: {table: teams, key: {id: $request/id}}, expect: present, merge: {members: {add: [$before/members, 1]}}}]
    examples: [{title: One, request: {id: t}}]
  - name: person.join
    summary: Makes a person who is in a team.
    request: {type: object, properties: {id: {type: string}, name: {type: string}, mail: {type: string}, team: {type: string}}}
    key: {of: person, id: $request/id}
    claims:
      - {take: {space: name, value: $request/name}, rule: name_taken, at: /name, say: the name is taken}
      - {take: {space: mail, value: $request/mail}, rule: mail_taken, at: /mail, say: the mail is taken}
    write: [{row: {table: people, key: {id: $request/id}}, put: {name: $request/name, mail: $request/mail, team: $request/team}}]
    parts: [{operation: team.count, when: {present: $request/team}, request: {id: $request/team}}]
    examples: [{title: One, request: {id: p, team: t}}]
  - name: person.rename
    summary: Gives a person another name.
    request: {type: object, properties: {id: {type: string}, name: {type: string}}}
    key: {of: person, id: $request/id}
    claims:
      - {take: {space: name, value: $request/name}, rule: name_taken, at: /name, say: the name is taken}
      - {release: {space: name, value: $current/person/name}}
    write: [{row: {table: people, key: {id: $request/id}}, as: person, expect: present, merge: {name: $request/name}}]
    examples: [{title: One, request: {id: p, name: n}}]
";

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("teams.yaml"), DEFINITIONS).unwrap();
    World::of(Catalog::load(&[folder.path().to_owned()]).unwrap()).await
}

impl World {
    async fn verdict(&self, operation: &str, request: Value) -> LedgerEntry {
        let id = self.write(operation, request).await;
        self.resolved(&[id]).await.remove(0)
    }

    async fn members(&self, team: &str) -> Option<i64> {
        let key = RowKey {
            table: "teams".into(),
            key: Map::from_iter([("id".to_owned(), json!(team))]),
        };
        let row = self.real.rows(&[key]).await.unwrap().remove(0)?;
        row.cells["members"].as_i64()
    }

    /// Waits until no one holds a name: what is let go is let go after the ledger tells of it.
    async fn is_free(&self, value: &str) {
        let values = [name(value)];
        let free = async {
            while unique::find_owners(self.real.as_ref(), &values)
                .await
                .unwrap()
                != [None]
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), free).await;
        waited.unwrap_or_else(|_| panic!("{value} is never let go"));
    }

    /// How far the newest mark says that parts of a partition's decisions went.
    async fn marked_parts(&self, partition: u16) -> BTreeMap<u16, TransactionsOffset> {
        let mark = self.real.mark(1, partition).await.unwrap();
        mark.expect("a mark").parts
    }

    /// The decisions of a request, oldest first.
    pub(crate) async fn decisions(&self, request: RequestId) -> Vec<Decision> {
        let mut all = Vec::new();
        for record in self.changes(request.partition()).await {
            let parts = codec::Parts {
                key: record.key,
                value: record.value,
                headers: record.headers,
            };
            match codec::decode_change(&parts).unwrap() {
                Change::Decision(decision) if decision.request == request => all.push(decision),
                _ => {}
            }
        }
        all
    }
}

fn rule(entry: &LedgerEntry) -> Option<&str> {
    match &entry.verdict {
        Verdict::Refused(refusal) => refusal.rule.as_deref(),
        _ => None,
    }
}

fn name(value: &str) -> UniqueValue {
    UniqueValue {
        space: "name".into(),
        value: value.into(),
    }
}

fn holder(key: &str, request: RequestId) -> Holder {
    let position = Position {
        generation: 1,
        partition: 0,
        offset: TransactionsOffset::new(7),
    };
    Holder::new(&EntityKey(key.into()), &request, &position)
}

/// The last owner died when the ledger knew of the parent and the log had nothing of its part; and
/// whoever publishes the part again publishes a repeat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_is_published_after_the_ledger_and_counts_once() {
    let world = world().await;
    let worker = world.worker("makes");
    assert!(applied(
        &world.verdict("team.make", json!({"id": "t"})).await
    ));
    worker.stop().await;

    *world.faults.abyss.lock().unwrap() = Some(Abyss::AfterLedger);
    world.faults.reached.store(false, Ordering::SeqCst);
    let worker = world.worker("dies");
    let id = world
        .write("person.join", json!({"id": "p", "team": "t"}))
        .await;
    while !world.faults.reached.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    worker.cut().await;
    let parent = world.real.ledger(&[id]).await.unwrap().remove(0).unwrap();
    assert_eq!((parent.parts.len(), world.members("t").await), (1, Some(0)));

    *world.faults.abyss.lock().unwrap() = None;
    let worker = world.worker("finishes");
    let part = world.resolved(&parent.parts).await.remove(0);
    assert!(applied(&part), "{part:?}");
    assert_eq!(world.members("t").await, Some(1));
    worker.stop().await;
    let furthest = BTreeMap::from([(parent.parts[0].partition(), part.position.offset)]);
    assert_eq!(world.marked_parts(id.partition()).await, furthest);

    // Who decides next remembers neither the part nor where it went.
    let worker = world.worker("takes");
    let renamed = json!({"id": "p", "name": "tim"});
    assert!(applied(&world.verdict("person.rename", renamed).await));

    // As an owner that did not hear of the acknowledgement would.
    let mut decisions = world.decisions(id).await;
    let part = decisions.pop().unwrap().parts.remove(0);
    let parts = part.event.parts().unwrap();
    let again = NewRecord {
        topic: Arc::from(world.layout.name(&topics::TRANSACTIONS)),
        partition: part.partition,
        key: parts.key,
        value: parts.value,
        headers: parts.headers,
    };
    world.log.publisher.send(again).unwrap().await.unwrap();
    let behind = world
        .verdict("person.join", json!({"id": "q", "team": "t"}))
        .await;
    world.resolved(&behind.parts).await;
    assert_eq!(world.members("t").await, Some(2), "the repeat counted");
    worker.stop().await;
    let marked = world.marked_parts(id.partition()).await;
    let (partition, offset) = furthest.first_key_value().expect("the part");
    assert!(marked.get(partition) >= Some(offset), "{marked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_what_is_not_there_is_refused_and_the_rest_stands() {
    let world = world().await;
    let worker = world.worker("w");
    let parent = world
        .verdict("person.join", json!({"id": "p", "team": "nowhere"}))
        .await;
    assert!(applied(&parent));
    let part = world.resolved(&parent.parts).await.remove(0);
    assert!(
        matches!(&part.verdict, Verdict::Refused(refusal) if refusal.code == RefusalCode::Missing),
        "{part:?}"
    );
    assert_eq!(part.operation, "team.count");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_has_one_owner_until_it_is_let_go() {
    let world = world().await;
    let worker = world.worker("w");
    let bob = json!({"id": "1", "name": "bob", "mail": "a@b.co"});
    assert!(applied(&world.verdict("person.join", bob).await));
    let second = world
        .verdict("person.join", json!({"id": "2", "name": "bob"}))
        .await;
    assert_eq!(rule(&second), Some("name_taken"));
    let third = json!({"id": "3", "name": "rob", "mail": "a@b.co"});
    assert_eq!(
        rule(&world.verdict("person.join", third).await),
        Some("mail_taken")
    );
    world.is_free("rob").await;
    assert!(applied(
        &world
            .verdict("person.join", json!({"id": "4", "name": "rob"}))
            .await
    ));
    let renamed = json!({"id": "1", "name": "tim"});
    assert!(applied(&world.verdict("person.rename", renamed).await));
    world.is_free("bob").await;
    assert!(applied(
        &world
            .verdict("person.join", json!({"id": "5", "name": "bob"}))
            .await
    ));
    let back = json!({"id": "1", "name": "bob"});
    assert_eq!(
        rule(&world.verdict("person.rename", back).await),
        Some("name_taken")
    );
    worker.stop().await;
}

/// A crash between taking a value and deciding leaves a holder behind: it counts as long as nothing
/// is known against it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_whose_request_came_to_nothing_does_not_block_a_name() {
    let world = world().await;
    let worker = world.worker("w");
    let real = world.real.clone();
    let refused = world
        .verdict("person.rename", json!({"id": "9", "name": "x"}))
        .await;
    assert!(matches!(refused.verdict, Verdict::Refused(_)));
    let left = holder("person/9", refused.request);
    let taken = unique::take_value(real.as_ref(), &name("bob"), &left, None).await;
    assert_eq!(taken, Ok(ValueOutcome::Ours));
    assert!(applied(
        &world
            .verdict("person.join", json!({"id": "1", "name": "bob"}))
            .await
    ));

    let (_, unknown) = world.event("person.join", json!({"id": "8"}), None);
    let left = holder("person/8", unknown);
    let taken = unique::take_value(real.as_ref(), &name("kim"), &left, None).await;
    assert_eq!(taken, Ok(ValueOutcome::Ours));
    let refused = world
        .verdict("person.join", json!({"id": "2", "name": "kim"}))
        .await;
    assert_eq!(
        rule(&refused),
        Some("name_taken"),
        "it may still come to something"
    );
    worker.stop().await;
}
