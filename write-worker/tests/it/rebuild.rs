//! A store that lost what it held gets it again from the log, at the log's versions, while a worker
//! goes on writing.

pub mod map_view;
mod remap;

use crate::harness::{World, applied, collection};
use ::rebuild::{
    RebuildError, RebuildOptions, RebuildPorts, RebuildReport, RebuildScope, RebuiltStore,
    run_rebuild,
};
use event_schema::{mutation::DocumentKey, topics};
use map_view::MapView;
use serde_json::json;
use std::sync::{Arc, Mutex};
use store::{Record, StoredDocument, View};

impl World {
    fn rebuild_ports(&self, record: &Arc<dyn Record>, view: &Arc<MapView>) -> RebuildPorts {
        RebuildPorts {
            log: self.log.clone(),
            layout: self.layout.clone(),
            record: record.clone(),
            view: Some(view.clone()),
            tables: self.catalog.tables().to_vec(),
            clock: Arc::new(runtime::SystemClock),
        }
    }

    /// Documents of all kinds: made, changed, deleted; answers their names.
    async fn write_cities(&self, from: u32, until: u32) -> Vec<String> {
        let mut requests = Vec::new();
        let ids: Vec<String> = (from..until).map(|n| format!("c{n}")).collect();
        for (n, id) in ids.iter().enumerate() {
            requests.push(self.create(id, json!({"n": 1})).await);
            if n % 3 == 0 {
                requests.push(self.update(id, json!({"n": 2})).await);
            }
            if n % 5 == 0 {
                let named = json!({"index": "geo", "collection": "cities", "_id": id});
                requests.push(self.write("document.delete", named).await);
            }
        }
        assert!(self.resolved(&requests).await.iter().all(applied));
        ids
    }

    async fn stored(&self, record: &dyn Record, ids: &[String]) -> Vec<Option<StoredDocument>> {
        let key = |id: &String| DocumentKey {
            index: "geo".into(),
            collection: "cities".into(),
            incarnation: "abcd1234".into(),
            id: id.clone(),
        };
        let keys: Vec<DocumentKey> = ids.iter().map(key).collect();
        record.documents(&keys).await.unwrap()
    }

    /// The view holds of each what the record does.
    async fn assert_same(&self, view: &MapView, ids: &[String]) {
        let stored = self.stored(self.real.as_ref(), ids).await;
        for (id, stored) in ids.iter().zip(stored) {
            let stored = stored.unwrap();
            let body = stored.body.as_ref().map(|body| body.get().to_owned());
            let expected = Some((stored.meta.version.0, body));
            assert_eq!(view.held_now(id), expected, "{id}");
        }
    }
}

fn of(scope: RebuildScope) -> RebuildOptions {
    RebuildOptions {
        scope,
        is_dry_run: false,
        is_partial: false,
        resume: None,
    }
}

fn view_of_cities() -> RebuildScope {
    RebuildScope {
        index: Some("geo".into()),
        collection: Some("cities".into()),
        ..RebuildScope::whole(RebuiltStore::View)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_lost_its_index_holds_everything_again_while_writes_go_on() {
    let world = World::new().await;
    let view = Arc::new(MapView::default());
    view.create_collection(&collection()).await.unwrap();
    let worker = world.worker_on("w1", world.record.clone(), view.clone());
    let before = world.write_cities(0, 30).await;
    world.assert_same(&view, &before).await;

    view.lose_all();
    // The partitions wait for an index, and go on once the rebuild has made it.
    let waiting = world.create("late", json!({"n": 1})).await;
    let ports = world.rebuild_ports(&world.real, &view);
    let dry = RebuildOptions {
        is_dry_run: true,
        ..of(view_of_cities())
    };
    let report = run_rebuild(&ports, dry, &|_| {}).await.unwrap();
    assert!(report.counts.differing >= 30, "{report:?}");
    assert_eq!(view.held_now("c1"), None, "a dry run wrote");

    let (rebuilt, during) = tokio::join!(
        run_rebuild(&ports, of(view_of_cities()), &|_| {}),
        world.write_cities(100, 130)
    );
    let rebuilt = rebuilt.unwrap();
    assert!(
        rebuilt.is_done && rebuilt.counts.refused == 0,
        "{rebuilt:?}"
    );
    assert!(applied(&world.resolved(&[waiting]).await[0]));
    let all = [before, during, vec!["late".to_owned()]].concat();
    world.assert_same(&view, &all).await;

    let dry = RebuildOptions {
        is_dry_run: true,
        ..of(view_of_cities())
    };
    let report = run_rebuild(&ports, dry, &|_| {}).await.unwrap();
    assert_eq!(report.counts.differing, 0, "{report:?}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_was_cut_short_goes_on_where_it_was() {
    let world = World::new().await;
    let view = Arc::new(MapView::default());
    view.create_collection(&collection()).await.unwrap();
    let worker = world.worker_on("w1", world.record.clone(), view.clone());
    let ids = world.write_cities(0, 40).await;
    worker.stop().await;
    let ports = world.rebuild_ports(&world.real, &view);
    let whole = run_rebuild(&ports, of(view_of_cities()), &|_| {})
        .await
        .unwrap();

    view.lose_all();
    let kept: Mutex<Option<RebuildReport>> = Mutex::default();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let stop = Mutex::new(Some(stop));
    let observe = |report: &RebuildReport| {
        let mut kept = kept.lock().unwrap();
        // As a kill: what is told after the first batch is lost.
        if kept.is_none() {
            *kept = Some(report.clone());
            _ = stop.lock().unwrap().take().unwrap().send(());
        }
    };
    tokio::select! {
        biased;
        _ = stopped => {}
        _ = run_rebuild(&ports, of(view_of_cities()), &observe) => {}
    }
    let kept = kept.into_inner().unwrap().unwrap();
    assert!(
        !kept.is_done && kept.fraction() > 0.0 && kept.fraction() < 1.0,
        "{kept:?}"
    );
    let written = kept.counts.documents;
    let before = view.writes();
    let resumed = RebuildOptions {
        resume: Some(kept),
        ..of(view_of_cities())
    };
    let resumed = run_rebuild(&ports, resumed, &|_| {}).await.unwrap();
    assert!(resumed.is_done, "{resumed:?}");
    assert_eq!(resumed.counts, whole.counts, "nothing is written twice");
    let again = view.writes() - before;
    assert_eq!(again, whole.counts.documents - written, "only the rest is");
    world.assert_same(&view, &ids).await;
    let other = RebuildOptions {
        resume: Some(resumed),
        ..of(RebuildScope::whole(RebuiltStore::View))
    };
    let refused = run_rebuild(&ports, other, &|_| {}).await;
    assert!(matches!(refused, Err(RebuildError::NothingNamed(_))));
}

/// Another store that is empty but for its collections becomes what the first one is: versions,
/// markers, states that a void took back, rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_made_again_from_a_whole_log() {
    let world = World::new().await;
    *world.faults.poison.lock().unwrap() = Some("poison".into());
    let worker = world.worker("w1");
    let mut ids = world.write_cities(0, 20).await;
    let kept = world.create("kept", json!({"n": 1})).await;
    let undone = world.update("kept", json!({"x": "poison"})).await;
    let entries = world.resolved(&[kept, undone]).await;
    assert!(applied(&entries[0]) && !applied(&entries[1]), "{entries:?}");
    ids.push("kept".to_owned());

    let config = store_embedded::Config::new(world.folder.path().join("again.db"));
    let again: Arc<dyn Record> = Arc::new(store_embedded::EmbeddedStore::open(config).unwrap());
    again.migrate(&[]).await.unwrap();
    again.create_collection(&collection()).await.unwrap();
    let ports = world.rebuild_ports(&again, &Arc::default());
    let scope = RebuildScope::whole(RebuiltStore::Record);
    let report = run_rebuild(&ports, of(scope), &|_| {}).await.unwrap();
    assert!(report.is_done && report.counts.documents > 0, "{report:?}");
    let (first, second) = (
        world.stored(world.real.as_ref(), &ids).await,
        world.stored(again.as_ref(), &ids).await,
    );
    for ((id, first), second) in ids.iter().zip(first).zip(second) {
        let (first, second) = (first.unwrap(), second.unwrap_or_else(|| panic!("{id}")));
        assert_eq!(first.meta, second.meta, "{id}");
        let text = |one: &StoredDocument| one.body.as_ref().map(|body| body.get().to_owned());
        assert_eq!(text(&first), text(&second), "{id}");
    }
    worker.stop().await;
}

/// No marker stands against what the log tells of a purged document: neither a view that holds all the
/// rest nor a new record ever shows it, however the log is cut into batches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_purged_is_written_again_at_no_moment() {
    let world = World::new().await;
    let view = Arc::new(MapView::default());
    view.create_collection(&collection()).await.unwrap();
    let worker = world.worker_that_purges_at_once("w1", view.clone());
    let first = world.create("a", json!({"n": 1})).await;
    assert!(applied(&world.resolved(&[first]).await[0]));
    // More records of its partition than are read at once.
    for _ in 0..11 {
        let mut requests = Vec::new();
        for n in 0..100 {
            requests.push(world.update("a", json!({"n": n})).await);
        }
        assert!(world.resolved(&requests).await.iter().all(applied));
    }
    let deleted = crate::purge::delete(&world, "a").await;
    world.resolved(&[deleted]).await;
    world.marked(deleted).await;
    assert_eq!(crate::purge::purge(&world, "a").await, crate::purge::gone());
    world.marked(world.create("b", json!({"n": 1})).await).await;

    let ports = world.rebuild_ports(&world.real, &view);
    let dry = RebuildOptions {
        is_dry_run: true,
        ..of(view_of_cities())
    };
    let report = run_rebuild(&ports, dry, &|_| {}).await.unwrap();
    assert_eq!(report.counts.differing, 0, "{report:?}");
    let shown = |_: &RebuildReport| assert_eq!(view.held_now("a"), None, "a view shows it");
    run_rebuild(&ports, of(view_of_cities()), &shown)
        .await
        .unwrap();

    let config = store_embedded::Config::new(world.folder.path().join("again.db"));
    let again: Arc<dyn Record> = Arc::new(store_embedded::EmbeddedStore::open(config).unwrap());
    again.migrate(&[]).await.unwrap();
    again.create_collection(&collection()).await.unwrap();
    let ports = world.rebuild_ports(&again, &Arc::default());
    let runtime = tokio::runtime::Handle::current();
    let shown = |_: &RebuildReport| {
        let ids = ["a".to_owned()];
        let held = world.stored(again.as_ref(), &ids);
        let held = tokio::task::block_in_place(|| runtime.block_on(held));
        assert!(held[0].is_none(), "a record shows it");
    };
    let scope = RebuildScope::whole(RebuiltStore::Record);
    run_rebuild(&ports, of(scope), &shown).await.unwrap();
    worker.stop().await;
}

/// What the log no longer tells of, the view gets from the record; the record gets it from nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_older_than_the_log_comes_from_the_record() {
    let world = World::new().await;
    let view = Arc::new(MapView::default());
    view.create_collection(&collection()).await.unwrap();
    let worker = world.worker_on("w1", world.record.clone(), view.clone());
    let old = world.write_cities(0, 30).await;
    worker.stop().await;
    let topic = world.layout.name(&topics::CHANGES);
    for partition in 0..world.layout.partitions {
        let admin = &world.log.admin;
        let end = admin.offsets(&topic, partition).await.unwrap().end;
        admin
            .delete_before(&topic, partition, end - 1)
            .await
            .unwrap();
    }
    view.lose_all();
    let ports = world.rebuild_ports(&world.real, &view);
    let whole = of(RebuildScope::whole(RebuiltStore::Record));
    let refused = run_rebuild(&ports, whole, &|_| {}).await;
    let trimmed = matches!(refused, Err(RebuildError::LogIsTrimmed { .. }));
    assert!(trimmed, "{refused:?}");
    let report = run_rebuild(&ports, of(view_of_cities()), &|_| {})
        .await
        .unwrap();
    assert_eq!(report.counts.copied, 24, "the deleted ones are not copied");
    for (id, stored) in old
        .iter()
        .zip(world.stored(world.real.as_ref(), &old).await)
    {
        let stored = stored.unwrap();
        let version = stored.body.is_some().then_some(stored.meta.version.0);
        assert_eq!(view.held_now(id).map(|held| held.0), version, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_cannot_be_named() {
    let world = World::new().await;
    let ports = world.rebuild_ports(&world.real, &Arc::default());
    let nothing = |scope: RebuildScope| async {
        let refused = run_rebuild(&ports, of(scope), &|_| {}).await;
        matches!(refused, Err(RebuildError::NothingNamed(_)))
    };
    let view = RebuildScope::whole(RebuiltStore::View);
    let index = RebuildScope {
        index: Some("nowhere".into()),
        ..view.clone()
    };
    assert!(nothing(index).await);
    let table = RebuildScope {
        table: Some("held".into()),
        ..view
    };
    assert!(nothing(table).await);
}
