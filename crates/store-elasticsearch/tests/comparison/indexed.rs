//! The embedded default beside itself: once with indexes of all fields that are searched, however
//! few documents there are, and once without any. Random mappings, documents, changes of them and
//! searches must have the same answers to the last digit. Needs no server.

use super::{
    Case, draw,
    world::{Members, text},
};
use seeded_dice::SeededDice;
use serde_json::{Map, Value, json};
use std::env;
use store::{
    ItemVerdict, Record, SearchRequest, StoreError, View, contract::Fixture, document::Write,
};
use store_embedded::{Config, EmbeddedStore};
use tempfile::TempDir;

/// A moment that stays, for `now` in dates.
fn noon() -> i64 {
    1_700_000_000_000
}

struct IndexedAndPlain {
    indexed: EmbeddedStore,
    plain: EmbeddedStore,
    _folders: [TempDir; 2],
}

pub async fn open(index_bytes: usize) -> (EmbeddedStore, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::new(folder.path().join("consign.db"));
    (config.index_bytes, config.index_from, config.now) = (index_bytes, 0, noon);
    let store = EmbeddedStore::open(config).expect("the store opens");
    let migrated = Record::migrate(&store, &store::contract::tables()).await;
    migrated.expect("the tables are made");
    (store, folder)
}

impl IndexedAndPlain {
    async fn open() -> Self {
        let ((indexed, first), (plain, second)) = tokio::join!(open(64 * 1024 * 1024), open(0));
        Self {
            indexed,
            plain,
            _folders: [first, second],
        }
    }

    async fn write(&self, writes: &[Write]) {
        for store in [&self.indexed, &self.plain] {
            let verdicts = Record::apply(store, writes).await;
            let all_done = verdicts.iter().all(|verdict| *verdict == ItemVerdict::Done);
            assert!(all_done, "{verdicts:?}");
        }
    }

    /// What both say, with and without an index.
    async fn ask(&self, fixture: &Fixture, body: &Value) -> [String; 2] {
        let request: SearchRequest = match serde_json::from_value(body.clone()) {
            Ok(request) => request,
            Err(error) => return [error.to_string(), error.to_string()],
        };
        let mut answers = Vec::new();
        for store in [&self.indexed, &self.plain] {
            let found = store.search(&fixture.collection, &request).await;
            let count = store
                .count(&fixture.collection, request.query.as_ref())
                .await;
            let found = found.map(|found| serde_json::to_string(&found).expect("plain JSON"));
            answers.push(format!("{} {}", shown(found), shown(count)));
        }
        answers.try_into().expect("two stores")
    }
}

fn shown<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    answer.map_or_else(|error| error.to_string(), |answer| format!("{answer:?}"))
}

/// Small pages, totals that are cut, pages that begin behind a document.
fn vary(dice: &mut SeededDice, search: &Value) -> Value {
    let mut body: Map<String, Value> = search.as_object().cloned().unwrap_or_default();
    body.shift_remove("walk");
    if dice.chance(1, 2) {
        body.insert("size".to_owned(), json!(dice.below(4)));
    }
    if dice.chance(1, 5) && !body.contains_key("search_after") {
        body.insert("from".to_owned(), json!(dice.below(3)));
    }
    if dice.chance(1, 8) {
        body.insert("track_total_hits".to_owned(), json!(dice.below(3)));
    }
    if dice.chance(1, 12) {
        body.insert("min_score".to_owned(), json!(dice.unit()));
    }
    if dice.chance(1, 10) && body.contains_key("sort") {
        body.insert("track_scores".to_owned(), json!(true));
    }
    body.into()
}

/// Some documents change, some go, some come between the others.
fn change(
    dice: &mut SeededDice,
    fixture: &Fixture,
    bodies: &[Members],
    version: &mut u64,
) -> Vec<Write> {
    let mut writes = Vec::new();
    for _ in 0..dice.below(8) {
        *version += 1;
        let id = match dice.below(3) {
            0 => format!("d{}x", dice.below(bodies.len().max(1))),
            _ => format!("d{}", dice.below(bodies.len().max(1) + 2)),
        };
        writes.push(match dice.below(4) {
            0 => fixture.delete(&id, *version),
            1 if dice.chance(1, 2) => fixture.purge(&id, *version),
            _ if bodies.is_empty() => continue,
            _ => fixture.put(&id, *version, &text(dice.pick(bodies))),
        });
    }
    writes
}

async fn run(both: &IndexedAndPlain, seed: u64, case: &Case) -> (usize, Vec<String>) {
    let mut dice = SeededDice::new(seed ^ 0x1d3e);
    let mut fixture = Fixture::with_mappings(case.mappings.clone());
    fixture.collection.settings = Some(case.settings.clone().into());
    for store in [&both.indexed, &both.plain] {
        if View::create_collection(store, &fixture.collection)
            .await
            .is_err()
        {
            return (0, Vec::new());
        }
    }
    let taken: Vec<Members> = case
        .documents
        .iter()
        .filter(|(id, members)| {
            let write = fixture.document(id, 1, Some(&text(members)));
            let body = write.body.as_ref().expect("a body");
            both.plain.check(&fixture.collection, id, body).is_ok()
        })
        .map(|(_, members)| members.clone())
        .collect();
    let mut version = 0;
    let mut first = Vec::new();
    for (n, members) in taken.iter().enumerate() {
        version += 1;
        first.push(fixture.put(&format!("d{n}"), version, &text(members)));
    }
    both.write(&first).await;
    let (mut asked, mut differences) = (0, Vec::new());
    for search in &case.searches {
        if dice.chance(1, 3) {
            both.write(&change(&mut dice, &fixture, &taken, &mut version))
                .await;
        }
        let body = vary(&mut dice, search);
        let [with, without] = both.ask(&fixture, &body).await;
        asked += 1;
        if with != without {
            differences.push(format!(
                "seed {seed}: {body}\n  {}\n  with:    {with}\n  without: {without}",
                case.mappings
            ));
        }
    }
    for store in [&both.indexed, &both.plain] {
        let dropped = View::drop_collection(store, &fixture.collection).await;
        dropped.expect("the collection is dropped");
    }
    (asked, differences)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_changes_no_answer() {
    let both = IndexedAndPlain::open().await;
    let cases = env::var("CONSIGN_INDEX_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    let first = env::var("CONSIGN_INDEX_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let (cases, first): (u64, u64) = (cases.unwrap_or(120), first.unwrap_or(1));
    let (mut asked, mut differences) = (0, Vec::new());
    for seed in first..first + cases {
        let (searches, found) = run(&both, seed, &draw(seed)).await;
        asked += searches;
        differences.extend(found);
    }
    let (with, without) = (both.indexed.index_figures(), both.plain.index_figures());
    println!("{asked} searches: {with:?} with indexes, {without:?} without");
    differences
        .iter()
        .take(8)
        .for_each(|difference| println!("{difference}"));
    assert_eq!(differences.len(), 0, "answers that differ");
    assert!(with.built > 100 && without.built == 0);
    assert!(
        with.judged * 2 < without.judged,
        "indexes spare most of the reading"
    );
}
