//! An audit beside a worker that goes on writing: it judges what stood and what is written meanwhile,
//! names nothing that is only under way, and whatever is damaged meanwhile.

use crate::{
    harness::{Running, World, applied, collection},
    rebuild::map_view::MapView,
};
use audit::{AuditOptions, AuditPhase, AuditPorts, AuditReport, DifferenceKind, run_audit};
use event_schema::{id::RequestId, mutation::DocumentKey, position::Version};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::{DocumentWrite, View, document::Write};
use tokio::{runtime::Handle, task::JoinHandle};

/// Documents that stand when the audit begins.
const STANDING: u32 = 40;
/// Items that it compares at a time.
const BATCH: usize = 8;
/// How late a write arrives in the view: at any moment some are decided, and not there yet.
const LATE: Duration = Duration::from_millis(20);

/// So often is a document changed in the middle of a look, also of those at what differed before.
const CHANGES: u32 = 2;

/// What goes on beside an audit. Documents are made and changed all the time, and of those that the
/// audit is about to compare with the view one is changed each time, in both stores, before the view
/// is read.
struct Traffic {
    world: World,
    view: Arc<MapView>,
    requests: Mutex<Vec<RequestId>>,
    /// Documents that the audit has asked the view for.
    looked_at: Mutex<BTreeSet<String>>,
    /// Those that were changed between the look at the log and that at the view, and how often.
    changed: Mutex<BTreeMap<String, u32>>,
    is_over: AtomicBool,
}

fn key(id: &str) -> DocumentKey {
    let collection = collection();
    DocumentKey {
        index: collection.index,
        collection: collection.collection,
        incarnation: collection.incarnation,
        id: id.into(),
    }
}

impl Traffic {
    async fn begin(others: &[&str]) -> (Arc<Self>, Running, JoinHandle<()>) {
        let world = World::new().await;
        let view = Arc::new(MapView::default());
        view.create_collection(&collection()).await.unwrap();
        let worker = world.worker_on("w1", world.record.clone(), view.clone());
        let mut requests = Vec::new();
        let standing = (0..STANDING).map(|n| format!("c{n}"));
        for id in standing.chain(others.iter().map(|id| (*id).to_owned())) {
            requests.push(world.create(&id, json!({"n": 1})).await);
        }
        assert!(world.resolved(&requests).await.iter().all(applied));
        *view.pause.lock().unwrap() = LATE;
        let traffic = Arc::new(Self {
            world,
            view: view.clone(),
            requests: Mutex::default(),
            looked_at: Mutex::default(),
            changed: Mutex::default(),
            is_over: false.into(),
        });
        let ours = Arc::downgrade(&traffic);
        *view.before_look.lock().unwrap() = Some(Arc::new(move |ids| {
            let traffic = ours.upgrade().expect("the test goes on");
            Box::pin(async move { traffic.change_one_of(ids).await })
        }));
        let writer = tokio::spawn(traffic.clone().write_on());
        (traffic, worker, writer)
    }

    async fn write_on(self: Arc<Self>) {
        let mut n = 0;
        while !self.is_over.load(Ordering::SeqCst) {
            let mut written = vec![self.world.create(&format!("n{n}"), json!({"n": 1})).await];
            // Each once: what goes on changing is never judged.
            if n < STANDING {
                written.push(self.world.update(&format!("c{n}"), json!({"n": 3})).await);
            }
            self.requests.lock().unwrap().extend(written);
            n += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn change_one_of(&self, ids: Vec<String>) {
        let chosen = {
            let mut changed = self.changed.lock().unwrap();
            let is_due = |id: &&String| {
                id.starts_with('c') && changed.get(*id).is_none_or(|times| *times < CHANGES)
            };
            let chosen = ids.iter().find(is_due).cloned();
            if let Some(id) = &chosen {
                *changed.entry(id.clone()).or_default() += 1;
            }
            chosen
        };
        self.looked_at.lock().unwrap().extend(ids);
        if let Some(id) = chosen {
            let request = self.world.update(&id, json!({"n": 2})).await;
            self.requests.lock().unwrap().push(request);
            assert!(applied(&self.world.resolved(&[request]).await[0]));
        }
    }

    async fn audit(&self, observe: &(dyn Fn(AuditPhase) + Send + Sync)) -> AuditReport {
        let ports = AuditPorts {
            log: self.world.log.clone(),
            layout: self.world.layout.clone(),
            record: self.world.real.clone(),
            view: Some(self.view.clone()),
            tables: self.world.catalog.tables().to_vec(),
            clock: Arc::new(runtime::SystemClock),
        };
        let options = AuditOptions {
            batch: BATCH,
            patience: Duration::from_secs(60),
            ..AuditOptions::default()
        };
        let observe = |phase, _: &AuditReport| observe(phase);
        run_audit(&ports, options, &observe).await.unwrap()
    }

    fn looked_at(&self, first: char) -> BTreeSet<String> {
        let looked_at = self.looked_at.lock().unwrap();
        let ours = looked_at.iter().filter(|id| id.starts_with(first));
        ours.cloned().collect()
    }

    /// It compared what stood and what was made meanwhile, and left nothing without a judgement.
    async fn assert_all_judged(&self, report: &AuditReport, writer: JoinHandle<()>) {
        self.is_over.store(true, Ordering::SeqCst);
        writer.await.unwrap();
        let requests = self.requests.lock().unwrap().clone();
        let resolved = self.world.resolved(&requests).await;
        assert!(resolved.iter().all(applied));
        assert!(report.is_complete() && report.unjudged() == 0, "{report:?}");
        let looked_at = self.looked_at.lock().unwrap().len();
        assert_eq!(report.counts.documents, looked_at as u64, "{report:?}");
        assert_eq!(self.looked_at('c').len(), STANDING as usize);
        let (made, changed) = (
            self.looked_at('n').len(),
            self.changed.lock().unwrap().len(),
        );
        assert!(made >= 10 && changed >= 8, "{made} made, {changed} changed");
        assert!(report.counts.requests > u64::from(STANDING), "{report:?}");
    }

    fn lose(&self, id: &str) {
        let mut places = self.view.places.lock().unwrap();
        let lost = places.get_mut("geo/cities").unwrap().remove(id);
        assert!(lost.is_some(), "the view has no {id}");
    }

    fn put_back(&self, written: DocumentWrite) {
        let mut places = self.view.places.lock().unwrap();
        let place = places.get_mut("geo/cities").unwrap();
        place.insert(written.key.id.clone(), written);
    }

    fn viewed(&self, id: &str) -> DocumentWrite {
        self.view.places.lock().unwrap()["geo/cities"][id].clone()
    }

    /// A version that no decision gave it, in the record.
    async fn raise(&self, id: &str) {
        let found = self.world.real.documents(&[key(id)]).await.unwrap();
        let stored = found.into_iter().flatten().next().unwrap();
        let mut raised = DocumentWrite {
            key: key(id),
            meta: stored.meta,
            body: stored.body,
            diverged: false,
            purged: false,
        };
        raised.meta.version = Version(raised.meta.version.0 + 1);
        self.world.real.apply(&[Write::Document(raised)]).await;
    }
}

fn named(report: &AuditReport) -> BTreeSet<(DifferenceKind, String, String)> {
    let findings = report.findings.iter();
    let named = findings.map(|one| (one.kind, one.key.clone(), one.store.clone()));
    named.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_judges_what_is_written_beside_it_and_names_nothing() {
    let (traffic, worker, writer) = Traffic::begin(&[]).await;
    let report = traffic.audit(&|_| {}).await;
    assert_eq!(named(&report), BTreeSet::new());
    traffic.assert_all_judged(&report, writer).await;
    worker.stop().await;
}

/// Before the first item is compared, behind what the audit has read of the log: of what stood, and of
/// what was made a moment before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_beside_an_audit_is_named_and_nothing_else() {
    let (traffic, worker, writer) = Traffic::begin(&["lost", "stale", "raised"]).await;
    let new = (0..8).map(|n| format!("late{n}"));
    let new: Vec<String> = new.collect();
    let is_planted = AtomicBool::new(false);
    let plant = || async {
        let before = traffic.viewed("stale");
        let mut written = vec![traffic.world.update("stale", json!({"n": 2})).await];
        for id in &new {
            written.push(traffic.world.create(id, json!({"n": 1})).await);
        }
        let written = traffic.world.resolved(&written).await;
        assert!(written.iter().all(applied));
        traffic.put_back(before);
        traffic.lose("lost");
        new.iter().for_each(|id| traffic.lose(id));
        traffic.raise("raised").await;
    };
    let runtime = Handle::current();
    let observe = |phase| {
        if phase == AuditPhase::LookingUp && !is_planted.swap(true, Ordering::SeqCst) {
            tokio::task::block_in_place(|| runtime.block_on(plant()));
        }
    };
    let report = traffic.audit(&observe).await;
    let name = |id: &str| format!("document geo/cities/{id}");
    let in_view = |kind, id: &str| (kind, name(id), "map".to_owned());
    let record = traffic.world.real.name().to_owned();
    let mut expected = BTreeSet::from([
        in_view(DifferenceKind::Lost, "lost"),
        in_view(DifferenceKind::Stale, "stale"),
        (DifferenceKind::Extra, name("raised"), record),
    ]);
    // The audit goes through the items in an order of its own: what is made behind the one that it has
    // reached is left to the next.
    let reached: Vec<&String> = {
        let looked_at = traffic.looked_at.lock().unwrap();
        new.iter().filter(|id| looked_at.contains(*id)).collect()
    };
    assert!(!reached.is_empty(), "it looked at nothing that is new");
    let lost = reached.iter().map(|id| in_view(DifferenceKind::Lost, id));
    expected.extend(lost);
    assert_eq!(named(&report), expected);
    traffic.assert_all_judged(&report, writer).await;
    worker.stop().await;
}
