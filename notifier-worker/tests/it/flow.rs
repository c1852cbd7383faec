//! From a decision to the gateways that must hear of it.

use crate::harness::{Gate, Hand, On, World, change};
use event_schema::{decision::Change, envelope::Origin, membership::PresenceFilter};
use serde_json::json;
use std::time::Duration;

async fn a_change_is_told_pending_and_done(on: On) {
    let world = World::on(on).await;
    let notifier = world.notifier("n");
    let mut gate = Gate::open(&world, "g", 1).await;
    gate.subscribe("high", json!({"range": {"n": {"gte": 10}}}))
        .await;
    gate.subscribe("all", json!({})).await;
    assert!(
        notifier.health.report().ready,
        "{:?}",
        notifier.health.report()
    );

    let mut hand = Hand::open(&world, 2, 0).await;
    hand.decide("a", None, Some(json!({"n": 1}))).await;
    hand.decide("a", Some(json!({"n": 1})), Some(json!({"n": 11})))
        .await;
    hand.mark().await;
    hand.decide("a", Some(json!({"n": 11})), Some(json!({"n": 2})))
        .await;
    hand.decide("a", Some(json!({"n": 2})), None).await;
    hand.mark().await;
    gate.until("the deletion", |gate| {
        gate.heard()
            .iter()
            .any(|told| told.starts_with("a done delete"))
    })
    .await;
    assert_eq!(
        gate.heard(),
        [
            "a pending create all:in",
            "a pending update all:in,high:in",
            "a done create all:in",
            "a done update all:in,high:in",
            "a pending update all:in,high:out",
            "a pending delete all:out",
            "a done update all:in,high:out",
            "a done delete all:out",
        ]
    );
    let update = &gate.pushes[1].notice;
    assert_eq!(
        update.updated_fields.as_deref(),
        Some(&["n".to_owned()][..])
    );
    assert_eq!(
        (
            update.write,
            update.version,
            update.volatile.as_ref().unwrap().get()
        ),
        (
            Some(event_schema::position::Position {
                generation: 1,
                partition: 2,
                offset: event_schema::offset::TransactionsOffset::new(1)
            }),
            Some(2),
            "{\"v\":1}"
        )
    );
    assert_eq!(
        gate.pushes[5].notice.source.as_ref().unwrap().get(),
        "{\"n\":2}",
        "of a deletion: what it was"
    );

    world
        .publish(
            3,
            "c",
            Some("bus"),
            json!({"n": 12, "_kuzzle_info": {"author": "-1"}}),
        )
        .await;
    gate.until("the message", |gate| gate.pushes.len() == 9)
        .await;
    assert_eq!(gate.heard()[8], "bus done publish all:in,high:in");
    let message = &gate.pushes[8].notice;
    assert_eq!(
        message.source.as_ref().unwrap().get(),
        "{\"n\":12,\"_kuzzle_info\":{\"author\":\"-1\"}}"
    );
    assert_eq!(
        (
            message.origin.as_ref().unwrap().request.as_str(),
            message.volatile.as_ref().unwrap().get()
        ),
        ("theirs", "{\"v\":1}")
    );
    notifier.stop().await;
}

#[tokio::test]
async fn a_change_is_told_pending_and_done_embedded() {
    a_change_is_told_pending_and_done(On::Embedded).await;
}

#[tokio::test]
async fn a_change_is_told_pending_and_done_on_kafka() {
    a_change_is_told_pending_and_done(On::Kafka).await;
}

#[tokio::test]
async fn each_gateway_is_pushed_to_once_and_hears_only_what_its_own_rooms_do() {
    let world = World::on(On::Embedded).await;
    let notifier = world.notifier("n");
    let (mut one, mut two) = (
        Gate::open(&world, "one", 0).await,
        Gate::open(&world, "two", 0).await,
    );
    for connection in ["x", "y"] {
        one.sit(connection, "all", json!({}), PresenceFilter::None)
            .await;
    }
    one.subscribe("ones", json!({"equals": {"n": 1}})).await;
    two.subscribe("twos", json!({"equals": {"n": 2}})).await;
    let mut hand = Hand::open(&world, 0, 0).await;
    hand.write("a", json!({"n": 1})).await;
    hand.write("b", json!({"n": 2})).await;
    one.until("b", |gate| gate.done() == ["a", "b"]).await;
    two.until("b", |gate| gate.done() == ["b"]).await;
    assert_eq!(one.heard()[0], "a pending create all:in,ones:in");
    assert_eq!(
        two.heard(),
        ["b pending create twos:in", "b done create twos:in"]
    );

    // Nobody is told of what is behind a seat that was left.
    let at = two.leave("c", "twos", None).await;
    two.active(at).await;
    hand.write("c", json!({"n": 2})).await;
    one.until("c", |gate| gate.done().contains(&"c")).await;
    two.listen(Duration::from_millis(50)).await;
    assert_eq!(two.heard().len(), 2);
    notifier.stop().await;
}

#[tokio::test]
async fn grouped_changes_silence_zombies_and_voids() {
    let world = World::on(On::Embedded).await;
    let notifier = world.notifier("n");
    let mut gate = Gate::open(&world, "g", 3).await;
    gate.subscribe("all", json!({})).await;
    let mut zombie = Hand::open(&world, 1, 0).await;
    let mut hand = Hand::open(&world, 1, 0).await;
    zombie.write("zombie", json!({})).await;
    hand.open_again().await;

    let group = hand.decision(vec![
        change("a", None, Some(json!({}))),
        change("b", None, Some(json!({}))),
    ]);
    hand.append(Change::Decision(group)).await;
    let mut silent = hand.decision(vec![change("silent", None, Some(json!({})))]);
    silent.origin = Some(Origin {
        request: "q".into(),
        protocol: "http".into(),
        controller: "document".into(),
        action: "create".into(),
        silent: true,
    });
    hand.append(Change::Decision(silent)).await;
    let refused = hand
        .decide("v", Some(json!({"n": 1})), Some(json!({"n": 2})))
        .await;
    hand.void(
        refused,
        2,
        vec![change("v", Some(json!({"n": 2})), Some(json!({"n": 1})))],
    )
    .await;
    hand.mark().await;
    hand.write("last", json!({})).await;
    gate.until("the last", |gate| gate.done().contains(&"last"))
        .await;
    assert_eq!(
        gate.heard(),
        [
            "a pending create all:in",
            "b pending create all:in",
            "v pending update all:in",
            "v pending update all:in",
            "a done create all:in",
            "b done create all:in",
            "last pending create all:in",
            "last done create all:in",
        ]
    );
    notifier.stop().await;
}

/// What there is no room to keep until it is done comes from the log again.
#[tokio::test]
async fn a_small_memory_forgets_nothing() {
    let world = World::on(On::Embedded).await;
    let notifier = world.notifier_with(
        "n",
        notifier_worker::Config {
            undone_bytes: 1_000,
            batch_records: 7,
            ..crate::harness::config()
        },
    );
    let mut gate = Gate::open(&world, "g", 0).await;
    gate.subscribe("all", json!({})).await;
    let mut hand = Hand::open(&world, 0, 0).await;
    let ids: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    for id in &ids {
        hand.decide(id, None, Some(json!({}))).await;
    }
    hand.mark().await;
    gate.until("all", |gate| gate.done().len() == 50).await;
    assert_eq!(gate.done(), ids);
    notifier.stop().await;
}
