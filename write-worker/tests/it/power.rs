//! A cut of the power: the log keeps all that it acknowledged, the store on files loses the last of
//! its transactions, wherever its own log of them was torn. Whoever takes the partitions then must
//! end with every document, row and ledger entry as they were told, nothing twice.

use crate::harness::{PARTITIONS, World};
use event_schema::{
    codec,
    decision::Change,
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    outcome::{LedgerEntry, Verdict},
};
use serde_json::json;
use std::{fs, path::Path, sync::Arc};
use store::Record;
use store_embedded::{Config, EmbeddedStore};

/// Where the log of the store is torn, in parts of what was written since everything before was on
/// the disk.
const TEARS: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_power_cut_takes_from_the_store_is_applied_again() {
    let world = World::new().await;
    world.own_collections().await;
    // Tables and collections are on the disk when they are answered: no cut of the power reaches
    // behind this.
    let safe = wal(&world);
    let store = open(&world.folder.path().join("store.db"));
    let worker = world.worker_on("before", store.clone(), store.clone());
    let ids = load(&world).await;
    let told = World::resolved_in(store.as_ref(), &ids).await;
    let refused = told
        .iter()
        .filter(|entry| matches!(entry.verdict, Verdict::Refused(_)))
        .count();
    assert!(
        refused > 0 && refused < told.len() / 2,
        "{refused} of {}",
        told.len()
    );
    worker.stop().await;

    let written = written(&world).await;
    let stood = state(store.as_ref(), &written).await;
    let (decided, end) = (decisions(&world).await, wal(&world));
    let mut lost = Vec::new();
    for tear in 0..=TEARS {
        let folder = tempfile::tempdir().unwrap();
        let file = tear_at(&world, safe + (end - safe) * tear / TEARS, folder.path());
        let torn = open(&file);
        lost.push(
            torn.ledger(&ids)
                .await
                .unwrap()
                .iter()
                .filter(|entry| entry.is_none())
                .count(),
        );
        let worker = world.worker_on(&format!("after {tear}"), torn.clone(), torn.clone());
        let after = World::resolved_in(torn.as_ref(), &ids).await;
        worker.stop().await;
        for (before, after) in told.iter().zip(&after) {
            assert_eq!(entry(before), entry(after), "tear {tear}");
        }
        assert_eq!(state(torn.as_ref(), &written).await, stood, "tear {tear}");
    }
    assert_eq!((lost[0], lost[TEARS as usize]), (ids.len(), 0), "{lost:?}");
    assert!(
        lost.windows(2).all(|two| two[0] >= two[1])
            && lost.iter().any(|lost| (1..ids.len()).contains(lost)),
        "{lost:?}"
    );
    assert_eq!(
        decisions(&world).await,
        decided,
        "something was judged twice"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_written_once_even_if_its_mark_is_lost() {
    let world = World::new().await;
    let safe = wal(&world);
    let store = open(&world.folder.path().join("store.db"));
    let worker = world.worker_on("before", store.clone(), world.view.clone());
    let dead = world.damaged("a").await;
    assert!(matches!(
        World::resolved_in(store.as_ref(), &[dead]).await[0].verdict,
        Verdict::DeadLettered(_)
    ));
    // On the disk by now, and marked some time later: that is what the power takes.
    let answered = wal(&world);
    let more = world.create("b", json!({"text": "well"})).await;
    World::resolved_in(store.as_ref(), &[more]).await;
    worker.stop().await;
    assert_eq!(world.dead_letters().await.len(), 1);

    let folder = tempfile::tempdir().unwrap();
    let torn = open(&tear_at(&world, answered.max(safe), folder.path()));
    let worker = world.worker_on("after", torn.clone(), world.view.clone());
    World::resolved_in(torn.as_ref(), &[dead, more]).await;
    worker.stop().await;
    assert_eq!(
        world.dead_letters().await.len(),
        1,
        "the same letter was written again"
    );
}

fn open(file: &Path) -> Arc<EmbeddedStore> {
    Arc::new(EmbeddedStore::open(Config::new(file)).unwrap())
}

/// How long the store's own log of transactions is.
fn wal(world: &World) -> u64 {
    fs::metadata(world.folder.path().join("store.db-wal"))
        .unwrap()
        .len()
}

/// The store as a cut of the power leaves it that lets only so many bytes of its log get to the
/// disk.
fn tear_at(world: &World, length: u64, folder: &Path) -> std::path::PathBuf {
    for name in ["store.db", "store.db-wal"] {
        fs::copy(world.folder.path().join(name), folder.join(name)).unwrap();
    }
    fs::File::options()
        .write(true)
        .open(folder.join("store.db-wal"))
        .unwrap()
        .set_len(length)
        .unwrap();
    folder.join("store.db")
}

/// Documents alone, created, changed, deleted and refused, and groups with rows.
async fn load(world: &World) -> Vec<RequestId> {
    let mut ids = Vec::new();
    for round in 0..6 {
        for key in 0..10 {
            let name = format!("k{key}");
            ids.push(match (round, key % 3) {
                (0, _) | (4, 0) => world.create(&name, json!({"round": round})).await,
                (3, 0) => {
                    world
                        .write(
                            "document.delete",
                            json!({"index": "geo", "collection": "cities", "_id": name}),
                        )
                        .await
                }
                _ => {
                    world
                        .update(&name, json!({(format!("r{round}")): round}))
                        .await
                }
            });
        }
        let user = json!({"userName": format!("user{round}"), "firstName": "Meera", "phone": format!("98450{round:05}"), "phoneVerified": true});
        ids.push(world.write("user.create", user).await);
        ids.push(world.create("k1", json!({"again": round})).await);
        World::resolved_in(world.real.as_ref(), &ids).await;
    }
    ids
}

/// What must not change; when it was applied may.
fn entry(entry: &LedgerEntry) -> impl PartialEq + std::fmt::Debug {
    (
        entry.request,
        entry.position,
        entry.version,
        entry.verdict.clone(),
        entry.result.as_ref().map(|result| result.get().to_owned()),
    )
}

struct Written {
    documents: Vec<DocumentKey>,
    rows: Vec<RowKey>,
}

/// Every document and row that a decision names.
async fn written(world: &World) -> Written {
    let mut written = Written {
        documents: Vec::new(),
        rows: Vec::new(),
    };
    for change in changes(world).await {
        if let Change::Decision(decision) = change {
            written
                .documents
                .extend(decision.documents.into_iter().map(|change| change.key));
            written
                .rows
                .extend(decision.rows.into_iter().map(|row| row.key));
        }
    }
    assert!(!written.rows.is_empty(), "no group was decided");
    written
}

async fn decisions(world: &World) -> usize {
    changes(world)
        .await
        .iter()
        .filter(|change| matches!(change, Change::Decision(_)))
        .count()
}

async fn changes(world: &World) -> Vec<Change> {
    let mut changes = Vec::new();
    for partition in 0..PARTITIONS {
        for record in world.changes(partition).await {
            let parts = codec::Parts {
                key: record.key,
                value: record.value,
                headers: record.headers,
            };
            changes.push(codec::decode_change(&parts).unwrap());
        }
    }
    changes
}

/// Documents with their versions and revisions, and rows.
async fn state(record: &dyn Record, written: &Written) -> String {
    let documents = record.documents(&written.documents).await.unwrap();
    let rows = record.rows(&written.rows).await.unwrap();
    format!("{documents:?} {rows:?}")
}
