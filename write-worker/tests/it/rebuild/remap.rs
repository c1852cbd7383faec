//! A second index under new mappings takes the place of the first while a worker goes on writing.

use super::map_view::{MapView, numbers};
use crate::harness::{World, applied, collection};
use ::rebuild::{NewMappings, RebuildError, RebuildReport, remap_collection};
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::{Succession, View};

/// The cities' `n` becomes a number.
fn cities_of_numbers() -> NewMappings {
    NewMappings {
        index: "geo".into(),
        collection: "cities".into(),
        mappings: numbers(),
        is_dry_run: false,
    }
}

/// A second index under new mappings takes the place of the first while documents are written: none is
/// missing at any moment, and none is stale in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_mappings_come_with_a_second_index_while_writes_go_on() {
    let world = World::new().await;
    let view = Arc::new(MapView::default());
    view.create_collection(&collection()).await.unwrap();
    let worker = world.worker_on("w1", world.record.clone(), view.clone());
    let before = world.write_cities(0, 60).await;
    let asked = cities_of_numbers();
    let ports = world.rebuild_ports(&world.real, &view);

    let malformed = NewMappings {
        mappings: json!({"numbers": true}),
        ..asked.clone()
    };
    let refused = remap_collection(&ports, &malformed, &|_| {}).await;
    assert!(matches!(refused, Err(RebuildError::NothingNamed(_))));
    // What does not fit ends it before anything is changed.
    let odd = world.create("odd", json!({"n": "word"})).await;
    assert!(applied(&world.resolved(&[odd]).await[0]));
    let report = remap_collection(&ports, &asked, &|_| {}).await.unwrap();
    assert_eq!((report.is_done, report.counts.refused), (false, 1));
    let stands = world.real.collection("geo", "cities").await.unwrap();
    assert_eq!(stands.as_ref(), Some(&collection()), "it was taken back");
    let mended = world.update("odd", json!({"n": 3})).await;
    assert!(applied(&world.resolved(&[mended]).await[0]));

    let missed: Mutex<Vec<String>> = Mutex::default();
    let observe = |_: &RebuildReport| {
        let gone = before.iter().filter(|id| view.held_now(id).is_none());
        missed.lock().unwrap().extend(gone.cloned());
    };
    let (report, during) = tokio::join!(
        remap_collection(&ports, &asked, &observe),
        world.write_cities(100, 160)
    );
    let report = report.unwrap();
    assert!(report.is_done, "{report:?}");
    // A deleted document needs no marker in a new index.
    let missed = missed.into_inner().unwrap();
    let stored = world.stored(world.real.as_ref(), &before).await;
    for (id, stored) in before.iter().zip(stored) {
        assert!(
            stored.unwrap().body.is_none() || !missed.contains(id),
            "{id}"
        );
    }
    let all = [before, during, vec!["odd".to_owned()]].concat();
    let stored = world.stored(world.real.as_ref(), &all).await;
    for (id, stored) in all.iter().zip(stored) {
        let stored = stored.unwrap();
        match (view.held_now(id), stored.body) {
            (None, None) => {}
            (held, _) => assert_eq!(held.map(|one| one.0), Some(stored.meta.version.0), "{id}"),
        }
    }
    let stands = world.real.collection("geo", "cities").await.unwrap();
    let stands = stands.unwrap();
    assert_eq!(stands.mappings, Some(numbers()));
    assert!(stands.changing.is_none());
    let places: Vec<String> = view.places.lock().unwrap().keys().cloned().collect();
    assert_eq!(places, ["geo/cities"], "the first index is gone");
    worker.stop().await;
}

/// Makes and changes documents, one after the other, and looks in the view for all of them each time
/// that one is told as applied. Answers which were missing or stale.
async fn make_cities(world: &World, view: &MapView, maker: u32, ends: &AtomicBool) -> Vec<String> {
    let (mut made, mut missed) = (Vec::new(), Vec::new());
    while !ends.load(Ordering::Relaxed) {
        let id = format!("m{maker}-{}", made.len());
        for request in [
            world.create(&id, json!({"n": 1})).await,
            world.update(&id, json!({"n": 2})).await,
        ] {
            let entries = world.resolved(&[request]).await;
            assert!(applied(&entries[0]), "{entries:?}");
            let held = view.held_now(&id).map(|held| held.0);
            let told = entries[0].version.0;
            if held < Some(told) {
                missed.push(format!("{id}: {held:?}, not {told}"));
            }
        }
        made.push(id);
        let gone = made.iter().filter(|id| view.held_now(id).is_none());
        missed.extend(gone.cloned());
    }
    assert!(made.len() > 1, "no load");
    missed
}

/// Whoever heard that a document is applied finds it, though writes to the first index arrive late and
/// the change of places takes its time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_as_applied_is_found_whichever_index_is_searched() {
    let world = World::new().await;
    let view = Arc::new(MapView::default());
    view.create_collection(&collection()).await.unwrap();
    let worker = world.worker_on("w1", world.record.clone(), view.clone());
    world.write_cities(0, 20).await;
    *view.pause.lock().unwrap() = Duration::from_millis(400);
    let asked = cities_of_numbers();
    let ports = world.rebuild_ports(&world.real, &view);
    let ends = AtomicBool::new(false);
    let rebuild = async {
        // The makers are under way.
        tokio::time::sleep(Duration::from_millis(700)).await;
        let report = remap_collection(&ports, &asked, &|_| {}).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        ends.store(true, Ordering::Relaxed);
        report
    };
    let makers = (0..8).map(|maker| make_cities(&world, &view, maker, &ends));
    let (report, missed) = tokio::join!(rebuild, futures::future::join_all(makers));
    assert!(report.unwrap().is_done);
    let lacked = view.lacked.lock().unwrap().clone();
    assert!(lacked.is_empty(), "the second lacked {lacked:?}");
    let missed = missed.concat();
    assert!(missed.is_empty(), "missing or stale: {missed:?}");
    worker.stop().await;
}

/// A rebuild that died when the record named its mappings and the first index was still there is over:
/// the next one, under others, is no continuation of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_mappings_get_an_index_of_their_own_where_an_earlier_rebuild_was_never_ended() {
    let world = World::new().await;
    let view = Arc::new(MapView::default());
    view.create_collection(&collection()).await.unwrap();
    let worker = world.worker_on("w1", world.record.clone(), view.clone());
    let before = world.write_cities(0, 20).await;
    let asked = cities_of_numbers();
    let ports = world.rebuild_ports(&world.real, &view);
    view.never_ends.store(true, Ordering::SeqCst);
    let is_at_its_end = async {
        while view.never_ends.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ended = remap_collection(&ports, &asked, &|_| {}) => panic!("{ended:?}"),
        () = is_at_its_end => {}
    }
    let stands = world.real.collection("geo", "cities").await.unwrap();
    let stands = stands.unwrap();
    assert_eq!(
        (&stands.mappings, &stands.changing),
        (&Some(numbers()), &None)
    );
    assert_eq!(view.succession(&stands).await, Ok(Succession::Promoted));

    let others = json!({"properties": {"n": {"type": "long"}, "name": {"type": "keyword"}}});
    let other = NewMappings {
        mappings: others.clone(),
        ..asked
    };
    let report = remap_collection(&ports, &other, &|_| {}).await.unwrap();
    assert!(report.is_done, "{report:?}");
    assert_eq!(view.searched_under(), Some(others.clone()));
    let stands = world.real.collection("geo", "cities").await.unwrap();
    assert_eq!(stands.unwrap().mappings, Some(others));
    let stored = world.stored(world.real.as_ref(), &before).await;
    for (id, stored) in before.iter().zip(stored) {
        let stored = stored.unwrap();
        if stored.body.is_some() {
            let held = view.held_now(id).map(|held| held.0);
            assert_eq!(held, Some(stored.meta.version.0), "{id}");
        }
    }
    worker.stop().await;
}
