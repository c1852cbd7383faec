//! Dead letters that lock their key: what comes later is parked, a replay lets it follow in order.

use crate::{
    faulty::Abyss,
    harness::{World, applied},
};
use catalog::Catalog;
use event_schema::{
    held::{self, HeldEvent, HeldKind, HeldMode, HeldPlace, HoldIntent, LockState},
    id::{EntityKey, RequestId},
    mutation::DocumentKey,
    outcome::{LedgerEntry, RefusalCode, Verdict},
};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

async fn world() -> World {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/catalog");
    let world = World::of(Catalog::load(&[folder.into()]).unwrap()).await;
    world.own_collections().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    world
}

fn key(id: &str) -> EntityKey {
    EntityKey(format!("town/{id}"))
}

async fn write(world: &World, operation: &str, id: &str, body: Value) -> RequestId {
    let operation = format!("town.{operation}");
    world
        .write(&operation, json!({"id": id, "body": body}))
        .await
}

/// The document, with its revision.
async fn document(world: &World, collection: &str, id: &str) -> Option<(u64, Value)> {
    let key = DocumentKey {
        index: "land".into(),
        collection: collection.into(),
        incarnation: "abcd1234".into(),
        id: id.into(),
    };
    let stored = world.real.documents(&[key]).await.unwrap().remove(0)?;
    let body = serde_json::from_str(stored.body?.get()).unwrap();
    Some((stored.meta.revision, body))
}

fn parked(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Parked(_))
}

fn dead(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::DeadLettered(_))
}

fn refused_as(code: RefusalCode) -> impl Fn(&Verdict) -> bool {
    move |verdict| matches!(verdict, Verdict::Refused(refusal) if refusal.code == code)
}

fn is_applied(verdict: &Verdict) -> bool {
    *verdict == Verdict::Applied
}

fn intent_of(held: &HeldEvent, mode: HeldMode) -> HoldIntent {
    HoldIntent {
        request: held.request,
        place: HeldPlace::of(mode, &held.position),
        attempts: held.attempts,
        as_new: false,
        edited: None,
        reason: Some("mended".into()),
        job: None,
    }
}

/// What stands at the head of a key's queue.
async fn head(world: &World, id: &str) -> HoldIntent {
    intent_of(&world.held(&key(id)).await[0], HeldMode::Strict)
}

/// The event at the head of a key's queue, as it is kept.
async fn held_event(world: &World, id: &str) -> Value {
    let place = head(world, id).await.place;
    let row = held::held_key(&key(id), &place);
    let found = world.real.rows(&[row]).await.unwrap().remove(0).unwrap();
    json!(held::read_original(&found.cells).unwrap())
}

async fn replay(world: &World, id: &str) -> RequestId {
    let intent = head(world, id).await;
    world.intend(held::REPLAY, &key(id), &intent).await
}

fn mend(world: &World) {
    *world.faults.poison.lock().unwrap() = None;
}

/// A town with a dead letter and three events behind it.
async fn locked(world: &World) -> (RequestId, Vec<RequestId>) {
    let founded = write(world, "found", "a", json!({"n": 0})).await;
    let dead_one = write(world, "change", "a", json!({"n": 1, "x": "poison"})).await;
    let mut behind = vec![write(world, "change", "a", json!({"n": 2})).await];
    behind.push(write(world, "appoint", "a", json!({"name": "Ann"})).await);
    world.becomes(founded, is_applied).await;
    world.becomes(dead_one, dead).await;
    for id in &behind {
        world.becomes(*id, parked).await;
    }
    behind.push(write(world, "change", "a", json!({"n": 3})).await);
    world.becomes(behind[2], parked).await;
    (dead_one, behind)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_a_dead_letter_waits_and_is_applied_in_order_when_that_is_replayed() {
    let world = world().await;
    let worker = world.worker("w1");
    let (dead_one, behind) = locked(&world).await;
    let queue = world.held(&key("a")).await;
    let kinds: Vec<_> = queue.iter().map(|held| held.kind).collect();
    assert_eq!(kinds[0], HeldKind::Dead);
    assert_eq!(kinds[1..], [HeldKind::Parked; 3]);
    let requests: Vec<_> = queue[1..].iter().map(|held| held.request).collect();
    assert_eq!(requests, behind);
    let lock = world.lock(&key("a")).await.unwrap();
    assert_eq!((lock.state, lock.waiting), (LockState::Locked, 4));
    assert_eq!(
        document(&world, "towns", "a").await,
        Some((1, json!({"n": 0})))
    );
    assert_eq!(
        document(&world, "mayors", "a").await,
        None,
        "another document of the key waits, too"
    );
    assert_eq!(world.dead_letters().await.len(), 1);
    for entry in world.resolved(&behind).await {
        let Verdict::Parked(parked) = entry.verdict else {
            panic!("{entry:?}");
        };
        assert_eq!(parked.behind, dead_one);
    }
    // Another key flows.
    let other = write(&world, "found", "b", json!({})).await;
    world.becomes(other, is_applied).await;
    mend(&world);
    let replayed = replay(&world, "a").await;
    world.becomes(replayed, is_applied).await;
    for id in behind.iter().chain([&dead_one]) {
        world.becomes(*id, is_applied).await;
    }
    assert_eq!(
        document(&world, "towns", "a").await,
        Some((4, json!({"n": 3, "x": "poison"})))
    );
    assert_eq!(
        document(&world, "mayors", "a").await,
        Some((1, json!({"name": "Ann"})))
    );
    assert_eq!(world.lock(&key("a")).await, None);
    assert!(world.held(&key("a")).await.is_empty());
    let later = write(&world, "change", "a", json!({"n": 4})).await;
    assert!(
        is_applied(&world.resolved(&[later]).await[0].verdict),
        "the key is free"
    );
    worker.stop().await;
}

/// The store refuses the first of them as well: it is the head, and nothing overtakes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_dead_letter_among_the_parked_keeps_those_behind_it_back() {
    let world = world().await;
    let worker = world.worker("w1");
    let first = write(&world, "found", "a", json!({"n": 0, "x": "poison"})).await;
    world.becomes(first, dead).await;
    let second = write(&world, "change", "a", json!({"n": 1, "y": "venom"})).await;
    let third = write(&world, "change", "a", json!({"n": 2})).await;
    world.becomes(third, parked).await;
    *world.faults.poison.lock().unwrap() = Some("venom".into());
    replay(&world, "a").await;
    world.becomes(first, is_applied).await;
    world.becomes(second, dead).await;
    let entry = world.becomes(third, parked).await;
    assert_eq!(document(&world, "towns", "a").await.unwrap().0, 1);
    let queue = world.held(&key("a")).await;
    let requests: Vec<_> = queue.iter().map(|held| (held.request, held.kind)).collect();
    assert_eq!(
        requests,
        [(second, HeldKind::Dead), (third, HeldKind::Parked)],
        "{entry:?}"
    );
    mend(&world);
    replay(&world, "a").await;
    world.becomes(second, is_applied).await;
    world.becomes(third, is_applied).await;
    let expected = json!({"n": 2, "x": "poison", "y": "venom"});
    assert_eq!(document(&world, "towns", "a").await, Some((3, expected)));
    assert_eq!(world.lock(&key("a")).await, None);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_fails_again_is_counted_and_one_that_saw_another_hold_is_refused() {
    let world = world().await;
    let worker = world.worker("w1");
    let (dead_one, behind) = locked(&world).await;
    let seen = head(&world, "a").await;
    let failed = world.intend(held::REPLAY, &key("a"), &seen).await;
    world.becomes(failed, dead).await;
    let queue = world.held(&key("a")).await;
    assert_eq!((queue.len(), queue[0].attempts), (4, 2));
    assert_eq!(queue[0].history[1].replay, Some(failed));
    // The same intent once more, and one that names what is parked.
    let stale = world.intend(held::REPLAY, &key("a"), &seen).await;
    world
        .becomes(stale, refused_as(RefusalCode::Superseded))
        .await;
    let early = intent_of(&queue[1], HeldMode::Strict);
    let early = world.intend(held::REPLAY, &key("a"), &early).await;
    world
        .becomes(early, refused_as(RefusalCode::Superseded))
        .await;
    // Two at once: one is done, the other is refused.
    mend(&world);
    let now = head(&world, "a").await;
    let one = world.intend(held::REPLAY, &key("a"), &now).await;
    let two = world.intend(held::REPLAY, &key("a"), &now).await;
    world.becomes(one, is_applied).await;
    world
        .becomes(two, refused_as(RefusalCode::Superseded))
        .await;
    world.becomes(dead_one, is_applied).await;
    for id in behind {
        world.becomes(id, is_applied).await;
    }
    assert_eq!(document(&world, "towns", "a").await.unwrap().0, 4);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_discarded_dead_letter_lets_the_others_follow_without_it() {
    let world = world().await;
    let worker = world.worker("w1");
    let (dead_one, behind) = locked(&world).await;
    let seen = head(&world, "a").await;
    let discard = world.intend(held::DISCARD, &key("a"), &seen).await;
    let entry = world
        .becomes(dead_one, refused_as(RefusalCode::Discarded))
        .await;
    let Verdict::Refused(refusal) = entry.verdict else {
        unreachable!()
    };
    assert_eq!(refusal.message, "given up by anna: mended");
    world
        .becomes(discard, refused_as(RefusalCode::Discarded))
        .await;
    for id in behind {
        world.becomes(id, is_applied).await;
    }
    assert_eq!(
        document(&world, "towns", "a").await,
        Some((3, json!({"n": 3})))
    );
    assert_eq!(world.lock(&key("a")).await, None);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edited_event_is_applied_in_its_place_and_cannot_move() {
    let world = world().await;
    let worker = world.worker("w1");
    let (dead_one, behind) = locked(&world).await;
    let mut edit = head(&world, "a").await;
    let edited_to = |id: &str, request: RequestId, text: &str| {
        let body = json!({"id": id, "body": {"n": 1, "x": text}});
        let (mut event, _) = world.event("town.change", body, None);
        event.attributes.id = request;
        let parts = event_schema::codec::encode_transaction(&event);
        Some(event_schema::decision::OriginalRecord::of(&parts))
    };
    let edited = |id: &str, request: RequestId| edited_to(id, request, "well");
    edit.edited = edited("b", dead_one);
    let moved = world.intend(held::REPLAY, &key("a"), &edit).await;
    world.becomes(moved, refused_as(RefusalCode::Rule)).await;
    edit.edited = edited("a", behind[0]);
    let other = world.intend(held::REPLAY, &key("a"), &edit).await;
    world.becomes(other, refused_as(RefusalCode::Rule)).await;
    let broken = json!({"id": "a", "body": {"n": 1}});
    let (mut broken, _) = world.event("town.change", broken, None);
    broken.attributes.id = dead_one;
    broken.data.request = event_schema::to_raw(&json!({"id": "a", "body": {"n": 1}, "other": 1}));
    let parts = event_schema::codec::encode_transaction(&broken);
    edit.edited = Some(event_schema::decision::OriginalRecord::of(&parts));
    let invalid = world.intend(held::REPLAY, &key("a"), &edit).await;
    world.becomes(invalid, refused_as(RefusalCode::Rule)).await;
    let (mut of_another, _) =
        world.event("town.change", json!({"id": "a", "body": {"n": 1}}), None);
    of_another.attributes.id = dead_one;
    of_another.data.principal = "another".into();
    let parts = event_schema::codec::encode_transaction(&of_another);
    edit.edited = Some(event_schema::decision::OriginalRecord::of(&parts));
    let another = world.intend(held::REPLAY, &key("a"), &edit).await;
    world.becomes(another, refused_as(RefusalCode::Rule)).await;
    // One that dies as well leaves the event as it was accepted.
    let accepted = held_event(&world, "a").await;
    edit.edited = edited_to("a", dead_one, "poison as well");
    let failed = world.intend(held::REPLAY, &key("a"), &edit).await;
    world.becomes(failed, dead).await;
    let mut edit = head(&world, "a").await;
    assert_eq!(edit.attempts, 2);
    assert_eq!(held_event(&world, "a").await, accepted);
    edit.edited = edited("a", dead_one);
    world.intend(held::REPLAY, &key("a"), &edit).await;
    world.becomes(dead_one, is_applied).await;
    for id in behind {
        world.becomes(id, is_applied).await;
    }
    let expected = json!({"n": 3, "x": "well"});
    assert_eq!(document(&world, "towns", "a").await, Some((4, expected)));
    worker.stop().await;
}

/// Whoever repeats a request that is parked, under its idempotency key, puts nothing more into the queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_of_what_is_parked_waits_no_second_time() {
    let world = world().await;
    let worker = world.worker("w1");
    let founded = write(&world, "found", "a", json!({"n": 0})).await;
    let dead_one = write(&world, "change", "a", json!({"n": 1, "x": "poison"})).await;
    world.becomes(founded, is_applied).await;
    world.becomes(dead_one, dead).await;
    let request = json!({"id": "a", "body": {"n": 2}});
    let (event, repeated) = world.event("town.change", request, Some("key"));
    world.append(&event).await;
    world.becomes(repeated, parked).await;
    world.append(&event).await;
    let last = write(&world, "change", "a", json!({"n": 3})).await;
    world.becomes(last, parked).await;
    let queue = world.held(&key("a")).await;
    let queue: Vec<RequestId> = queue.iter().map(|held| held.request).collect();
    assert_eq!(queue, [dead_one, repeated, last]);
    mend(&world);
    replay(&world, "a").await;
    for id in [dead_one, repeated, last] {
        world.becomes(id, is_applied).await;
    }
    world.append(&event).await;
    let after = write(&world, "change", "a", json!({"n": 4})).await;
    world.becomes(after, is_applied).await;
    world.becomes(repeated, is_applied).await;
    let expected = json!({"n": 4, "x": "poison"});
    assert_eq!(document(&world, "towns", "a").await, Some((5, expected)));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_need_not_stay_in_order_locks_nothing_and_is_refused_when_it_was_overtaken() {
    let world = world().await;
    let worker = world.worker("w1");
    let founded = write(&world, "found", "a", json!({"n": 0})).await;
    world.becomes(founded, is_applied).await;
    let rumour = write(&world, "rumour", "a", json!({"x": "poison"})).await;
    world.becomes(rumour, dead).await;
    let queue = world.held(&key("a")).await;
    let lock = world.lock(&key("a")).await.unwrap();
    assert_eq!(
        (lock.state, lock.open, lock.overtaken),
        (LockState::Free, 1, None)
    );
    let later = write(&world, "change", "a", json!({"n": 1})).await;
    assert!(applied(&world.resolved(&[later]).await[0]));
    assert!(world.lock(&key("a")).await.unwrap().overtaken.is_some());
    mend(&world);
    let mut intent = intent_of(&queue[0], HeldMode::Open);
    let late = world.intend(held::REPLAY, &key("a"), &intent).await;
    world
        .becomes(late, refused_as(RefusalCode::Superseded))
        .await;
    world.becomes(rumour, dead).await;
    intent.as_new = true;
    world.intend(held::REPLAY, &key("a"), &intent).await;
    world.becomes(rumour, is_applied).await;
    let expected = json!({"n": 1, "x": "poison"});
    assert_eq!(document(&world, "towns", "a").await, Some((3, expected)));
    assert_eq!(world.lock(&key("a")).await, None);
    worker.stop().await;
}

/// An event that no one can decode is held under a key of its partition's own, and can be given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_decoded_is_held_and_can_be_given_up() {
    let world = world().await;
    let worker = world.worker("w1");
    let damaged = world.damaged("c").await;
    let entry = world.becomes(damaged, dead).await;
    let queue = world.held(&entry.key).await;
    assert_eq!(queue[0].request, damaged);
    let intent = intent_of(&queue[0], HeldMode::Open);
    let again = world.intend(held::REPLAY, &entry.key, &intent).await;
    world.becomes(again, dead).await;
    let queue = world.held(&entry.key).await;
    let intent = intent_of(&queue[0], HeldMode::Open);
    world.intend(held::DISCARD, &entry.key, &intent).await;
    world
        .becomes(damaged, refused_as(RefusalCode::Discarded))
        .await;
    assert!(world.held(&entry.key).await.is_empty());
    worker.stop().await;
}

/// Whoever is cut off between two effects, the next owner goes on where the queue stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_owner_drains_what_the_last_one_left() {
    for place in [
        Abyss::BeforeRecord,
        Abyss::InRecord,
        Abyss::BeforeLedger,
        Abyss::AfterLedger,
    ] {
        let world = world().await;
        let worker = world.worker("w1");
        let (dead_one, behind) = locked(&world).await;
        mend(&world);
        *world.faults.abyss.lock().unwrap() = Some(place);
        replay(&world, "a").await;
        while !world.faults.reached.load(Ordering::SeqCst) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        worker.cut().await;
        let late = write(&world, "change", "a", json!({"n": 9})).await;
        *world.faults.abyss.lock().unwrap() = None;
        let worker = world.worker("w2");
        for id in behind.iter().chain([&dead_one, &late]) {
            world.becomes(*id, is_applied).await;
        }
        let expected = json!({"n": 9, "x": "poison"});
        assert_eq!(
            document(&world, "towns", "a").await,
            Some((5, expected)),
            "{place:?}"
        );
        assert_eq!(world.lock(&key("a")).await, None);
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_with_long_queues_drain_in_order_while_they_are_written() {
    const KEYS: usize = 10;
    const EACH: usize = 120;
    let world = world().await;
    let worker = world.worker("w1");
    let mut ids = Vec::new();
    for k in 0..KEYS {
        let id = format!("k{k}");
        let dead_one = write(&world, "found", &id, json!({"n": 0, "x": "poison"})).await;
        world.becomes(dead_one, dead).await;
        ids.push(dead_one);
    }
    for n in 1..=EACH {
        for k in 0..KEYS {
            ids.push(write(&world, "change", &format!("k{k}"), json!({"n": n})).await);
        }
    }
    world.becomes(*ids.last().unwrap(), parked).await;
    mend(&world);
    for k in 0..KEYS {
        replay(&world, &format!("k{k}")).await;
        ids.push(write(&world, "change", &format!("k{k}"), json!({"n": EACH + 1})).await);
    }
    let mut entries: Vec<LedgerEntry> = Vec::new();
    for id in ids {
        entries.push(world.becomes(id, is_applied).await);
    }
    for k in 0..KEYS {
        let id = format!("k{k}");
        let expected = json!({"n": EACH + 1, "x": "poison"});
        let revision = EACH as u64 + 2;
        assert_eq!(
            document(&world, "towns", &id).await,
            Some((revision, expected))
        );
        assert_eq!(world.lock(&key(&id)).await, None);
        let of = |entry: &&LedgerEntry| entry.key == key(&id);
        let mut of: Vec<_> = entries.iter().filter(of).collect();
        of.sort_by_key(|entry| entry.position.offset);
        assert!(
            of.is_sorted_by_key(|entry| entry.version),
            "{id} was applied out of order"
        );
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_whose_body_the_log_would_not_take_keeps_its_place_before_what_follows() {
    let world = world().await;
    let worker = world.worker("w1");
    let founded = write(&world, "found", "a", json!({"n": 0})).await;
    world.becomes(founded, is_applied).await;
    let request = json!({"id": "a", "body": {"n": 1}});
    let lost = world.stand_in("town.change", request).await;
    let later = write(&world, "change", "a", json!({"n": 2})).await;
    let entry = world.becomes(lost, dead).await;
    let Verdict::DeadLettered(reason) = entry.verdict else {
        panic!("{entry:?}");
    };
    assert_eq!(reason.code, "unshippable");
    assert!(reason.message.contains("unshippable/7"), "{reason:?}");
    world.becomes(later, parked).await;
    assert_eq!(world.held(&key("a")).await.len(), 2, "the copy is a repeat");
    assert_eq!(world.dead_letters().await.len(), 1);
    // Behind another dead letter it waits in its turn.
    let founded = write(&world, "found", "b", json!({"n": 0})).await;
    let first = write(&world, "change", "b", json!({"x": "poison"})).await;
    world.becomes(founded, is_applied).await;
    world.becomes(first, dead).await;
    let request = json!({"id": "b", "body": {"n": 1}});
    let second = world.stand_in("town.change", request).await;
    world.becomes(second, parked).await;
    mend(&world);
    replay(&world, "b").await;
    world.becomes(first, is_applied).await;
    world.becomes(second, dead).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_drains_together_is_bounded_by_its_size() {
    let world = world().await;
    let worker = world.worker_with_batch_bytes("w1", 100_000);
    let founded = write(&world, "found", "a", json!({"n": 0})).await;
    let first = write(&world, "change", "a", json!({"x": "poison"})).await;
    world.becomes(founded, is_applied).await;
    world.becomes(first, dead).await;
    let text = "x".repeat(40_000);
    let mut behind = Vec::new();
    for n in 0..10 {
        behind.push(write(&world, "change", "a", json!({"n": n, "t": text})).await);
    }
    for id in &behind {
        world.becomes(*id, parked).await;
    }
    world.faults.largest_batch.store(0, Ordering::SeqCst);
    mend(&world);
    replay(&world, "a").await;
    for id in &behind {
        world.becomes(*id, is_applied).await;
    }
    let largest = world.faults.largest_batch.load(Ordering::SeqCst);
    assert!(
        (2..=4).contains(&largest),
        "{largest} were decided together"
    );
    let (_, body) = document(&world, "towns", "a").await.unwrap();
    assert_eq!(body["n"], 9);
    worker.stop().await;
}
