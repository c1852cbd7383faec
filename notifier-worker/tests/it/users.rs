//! Who comes and goes, over several gateways, and after one of them died.

use crate::harness::{Gate, On, World, config};
use event_schema::{membership::PresenceFilter, notification::PresenceChange};
use serde_json::json;

fn heard(gate: &Gate) -> Vec<String> {
    let tell = |presence: &event_schema::notification::Presence| {
        let user = if presence.user == PresenceChange::In {
            "in"
        } else {
            "out"
        };
        let volatile = presence
            .volatile
            .as_ref()
            .map_or("-", |volatile| volatile.get());
        format!(
            "{} {user} {} {volatile}{}",
            presence.room,
            presence.count,
            if presence.explicit { " said" } else { "" }
        )
    };
    gate.presences.iter().map(tell).collect()
}

#[tokio::test]
async fn users_are_counted_over_all_gateways_and_after_one_died() {
    let world = World::on(On::Embedded).await;
    let quick = notifier_worker::Config {
        expiry_ms: 400,
        ..config()
    };
    let first = world.notifier_with("first", quick.clone());
    let mut one = Gate::open(&world, "one", 0).await;
    let two = Gate::open(&world, "two", 1).await;
    let at = one.sit("a", "r", json!({}), PresenceFilter::All).await;
    one.active(at).await;
    two.sit("b", "r", json!({}), PresenceFilter::None).await;
    two.sit("c", "r", json!({}), PresenceFilter::None).await;
    two.leave("b", "r", Some(json!({"bye": 1}))).await;
    one.until("b's coming and going", |gate| gate.presences.len() == 4)
        .await;
    assert_eq!(
        heard(&one),
        [
            "r in 1 {\"who\":\"a\"} said",
            "r in 2 {\"who\":\"b\"} said",
            "r in 3 {\"who\":\"c\"} said",
            "r out 2 {\"bye\":1} said"
        ]
    );

    // One beats on, the other is never heard again; meanwhile another notifier takes over.
    let second = world.notifier_with("second", quick);
    first.cut().await;
    let beating = async {
        loop {
            one.beat().await;
            one.listen(std::time::Duration::from_millis(100)).await;
            if heard(&one)
                .iter()
                .any(|told| told == "r out 1 {\"who\":\"c\"}")
            {
                return;
            }
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, beating)
        .await
        .expect("the dead gateway expires");
    // What the first could not commit any more may be told twice, and is told before.
    let told = heard(&one);
    assert!(
        told[4..told.len() - 1]
            .iter()
            .all(|again| told[..4].contains(again)),
        "{told:?}"
    );
    second.stop().await;
}
