//! A collection gets a second index under new mappings while its documents are written and searched:
//! no search misses a document that any search has shown, or of which somebody heard that it is
//! applied, at any moment; none shows an older state than that, at any moment.

use super::cities::{self, COLLECTION, City};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use system_tests::{client::Client, cluster::Cluster};
use testbed::Servers;
use tokio::{sync::Mutex, task::JoinHandle};

const WRITERS: usize = 4;
/// Who makes documents, and looks for each at once.
const MAKERS: usize = 6;
/// A writer looks for what it has just written every so many times.
const LOOKED_FOR: usize = 5;
/// Documents of one search.
const SAMPLE: usize = 100;
const PATIENCE: Duration = Duration::from_secs(120);

/// `CONSIGN_TEST_REMAP_CITIES=34006` for all of them.
fn how_many() -> Result<usize> {
    match std::env::var("CONSIGN_TEST_REMAP_CITIES") {
        Ok(text) => Ok(text.parse()?),
        Err(_) => Ok(3_000),
    }
}

fn mappings(name: &str) -> Value {
    json!({"properties": {
        "location": {"type": "geo_point"}, "name": {"type": name}, "visits": {"type": "long"}
    }})
}

/// What the writers and the searcher know of each other.
struct Shared {
    client: Arc<Client>,
    ids: Vec<String>,
    ends: AtomicBool,
    /// Documents that were made meanwhile, and that a search has found.
    made: Mutex<Vec<String>>,
}

/// What a writer wrote: by id, the last number.
type Written = HashMap<String, u64>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_search_misses_a_city_while_new_mappings_come() -> Result<()> {
    let cities: Vec<City> = cities::read_cities()?
        .into_iter()
        .take(how_many()?)
        .collect();
    let cluster = Cluster::on(Servers::shared().addresses(), 1, 2).await?;
    let client = cluster.client()?;
    client
        .collection(COLLECTION, &json!({"mappings": mappings("keyword")}))
        .await?;
    let token = cities::load(&client, &cities).await?;
    let found = cities::counted(&client, &[token]).await?;
    ensure!(found == cities.len() as u64, "{found} cities");

    let shared = Arc::new(Shared {
        client: client.clone(),
        ids: cities.iter().map(|city| city.id.clone()).collect(),
        ends: AtomicBool::new(false),
        made: Mutex::default(),
    });
    let writers: Vec<JoinHandle<Result<Written>>> = (0..WRITERS)
        .map(|n| tokio::spawn(write_cities(shared.clone(), n)))
        .collect();
    let makers: Vec<JoinHandle<Result<usize>>> = (0..MAKERS)
        .map(|n| tokio::spawn(make_cities(shared.clone(), n)))
        .collect();
    let searcher = tokio::spawn(search_all_along(shared.clone()));
    tokio::time::sleep(Duration::from_secs(2)).await;

    std::fs::write(
        cluster.folder().join("new.json"),
        mappings("text").to_string(),
    )?;
    let line = [
        "rebuild",
        "--index",
        "geo",
        "--collection",
        "cities",
        "--mappings",
        "new.json",
    ];
    let began = Instant::now();
    let rebuilt = tokio::task::block_in_place(|| cluster.run("gateway-0", &line));
    let took = began.elapsed();
    // It is the new one that is searched: a text is found by its words.
    tokio::time::sleep(Duration::from_secs(2)).await;
    shared.ends.store(true, Ordering::Relaxed);
    let mut written = Written::new();
    for writer in writers {
        written.extend(writer.await??);
    }
    let mut made = 0;
    for maker in makers {
        made += maker.await??;
    }
    let searches = searcher.await??;
    rebuilt?;
    let writes: u64 = written.values().sum();
    eprintln!(
        "{} cities under new mappings in {took:.1?}: {writes} updates and {made} new documents meanwhile, {searches} searches missed nothing",
        cities.len()
    );
    ensure!(
        writes > 50 && made > 50 && searches > 20,
        "no load: {writes} writes, {made} new documents, {searches} searches"
    );
    let words = json!({"query": {"match": {"name": "new"}}, "size": 0});
    let by_word = client.search(COLLECTION, &words, &[]).await?;
    ensure!(
        by_word["total"].as_u64() > Some(0),
        "the mapping is the old one: {by_word}"
    );
    none_is_stale(&client, &shared.ids, &written).await
}

/// Visits the cities of one writer in turn, over and over; whoever heard that a visit is applied finds
/// it.
async fn write_cities(shared: Arc<Shared>, writer: usize) -> Result<Written> {
    let mine: Vec<&String> = shared.ids.iter().skip(writer).step_by(WRITERS).collect();
    let mut written = Written::new();
    for n in 0.. {
        if shared.ends.load(Ordering::Relaxed) {
            break;
        }
        let id = mine[n % mine.len()];
        let visits = written.get(id).copied().unwrap_or(0) + 1;
        let request =
            json!({"index": "geo", "collection": "cities", "_id": id, "body": {"visits": visits}});
        let key = format!("{id} {visits}");
        let accepted = shared
            .client
            .accept("document.update", &request, &key, PATIENCE)
            .await?;
        written.insert(id.clone(), visits);
        if n % LOOKED_FOR == 0 {
            let found = find_city(&shared.client, id, &[&accepted.token]).await?;
            let shown = &found["hits"][0]["_source"]["visits"];
            ensure!(*shown == visits, "{id} is stale: {found}, not {visits}");
        }
    }
    Ok(written)
}

async fn find_city(client: &Client, id: &str, tokens: &[&str]) -> Result<Value> {
    let asked = json!({"query": {"ids": {"values": [id]}}, "size": 1});
    client.search(COLLECTION, &asked, tokens).await
}

/// Makes documents; whoever heard that one is applied finds it.
async fn make_cities(shared: Arc<Shared>, maker: usize) -> Result<usize> {
    for n in 0.. {
        if shared.ends.load(Ordering::Relaxed) {
            return Ok(n);
        }
        let id = format!("made-{maker}-{n}");
        let body = json!({"name": "new town", "visits": 0});
        let request = json!({"index": "geo", "collection": "cities", "_id": id, "body": body});
        let accepted = shared
            .client
            .accept("document.create", &request, &id, PATIENCE)
            .await?;
        let found = find_city(&shared.client, &id, &[&accepted.token]).await?;
        ensure!(found["total"] == 1, "{id} is not found: {found}");
        shared.made.lock().await.push(id);
    }
    unreachable!("it ends when it is asked to")
}

/// Counts all, and looks for some of them, until the load ends; what one count has shown the next one
/// shows as well. The number of searches.
async fn search_all_along(shared: Arc<Shared>) -> Result<u64> {
    let (mut searches, mut shown) = (0, 0);
    while !shared.ends.load(Ordering::Relaxed) {
        let from = (searches as usize * SAMPLE) % shared.ids.len();
        let mut ids: Vec<String> = shared.ids.iter().skip(from).take(SAMPLE).cloned().collect();
        let made = shared.made.lock().await.clone();
        ids.extend(made.iter().rev().take(SAMPLE).cloned());
        let count = shared.client.count(COLLECTION, &[]).await?;
        let at_least = ((shared.ids.len() + made.len()) as u64).max(shown);
        ensure!(
            count >= at_least,
            "search {searches}: {count} of {at_least} are counted"
        );
        shown = count;
        let asked =
            json!({"query": {"ids": {"values": ids}}, "size": 2 * SAMPLE, "_source": false});
        let found = shared.client.search(COLLECTION, &asked, &[]).await?;
        ensure!(
            found["total"] == ids.len(),
            "search {searches}: {} of {} are found",
            found["total"],
            ids.len()
        );
        searches += 1;
    }
    Ok(searches)
}

/// Each city as it was written last, in the index that is searched.
async fn none_is_stale(client: &Client, ids: &[String], written: &Written) -> Result<()> {
    let began = Instant::now();
    loop {
        let mut stale = Vec::new();
        for some in ids.chunks(500) {
            let asked = json!({"query": {"ids": {"values": some}}, "size": 500});
            let found = client.search(COLLECTION, &asked, &[]).await?;
            let hits = found["hits"].as_array().context("no hits")?;
            ensure!(
                hits.len() == some.len(),
                "{} of {} are found",
                hits.len(),
                some.len()
            );
            for hit in hits {
                let id = hit["_id"].as_str().context("no id")?;
                let visits = hit["_source"]["visits"].as_u64();
                if visits != written.get(id).copied() {
                    stale.push(format!("{id}: {visits:?}, not {:?}", written.get(id)));
                }
            }
        }
        if stale.is_empty() {
            return Ok(());
        }
        // The last writes may be on their way.
        ensure!(
            began.elapsed() < PATIENCE,
            "{} are stale: {:?}",
            stale.len(),
            stale.first()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
