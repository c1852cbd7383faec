//! Which of several refused decisions of one taking is judged by which.

use crate::harness::{PARTITIONS, World, applied, unmappable};
use event_schema::{
    id::EntityKey,
    outcome::{RefusalCode, Verdict},
};
use serde_json::json;

/// Something else that was refused earlier in the batch keeps what came before on a document from
/// no store: had it been asked, it would have refused that, and what comes later rests on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_rests_on_what_a_store_refuses_is_decided_again_whatever_is_refused_before() {
    let world = World::new().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    *world.faults.record_poison.lock().unwrap() = Some("venom".into());
    let partition = |id: &str| EntityKey(format!("geo/cities/{id}")).partition(PARTITIONS);
    let ids: Vec<String> = (0..100).map(|n| format!("k{n}")).collect();
    let together: Vec<&String> = ids.iter().filter(|id| partition(id) == 0).take(2).collect();
    let [other, one] = together[..] else {
        panic!("two of a hundred share a partition")
    };
    // One batch: of the second document only the last state is written.
    let earlier = world.create(other, json!({"x": "poison"})).await;
    let made = world.create(one, json!({"x": "venom"})).await;
    let later = world.update(one, json!({"x": "poison"})).await;
    let worker = world.worker("w1");
    let entries = world.resolved(&[earlier, later]).await;
    assert!(unmappable(&entries[0]), "{:?}", entries[0].verdict);
    assert!(
        matches!(&entries[1].verdict, Verdict::Refused(refusal) if refusal.code == RefusalCode::Missing),
        "{:?}",
        entries[1].verdict
    );
    world
        .becomes(made, |verdict| matches!(verdict, Verdict::DeadLettered(_)))
        .await;
    assert_eq!(world.body(one).await, None);
    let now = world.create(other, json!({"x": "fine"})).await;
    assert!(applied(&world.resolved(&[now]).await[0]));
    worker.stop().await;
}
