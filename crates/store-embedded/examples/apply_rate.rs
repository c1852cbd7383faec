//! How fast `apply_all` writes documents, rows and ledger, beside bare batched SQLite inserts of
//! the same bytes in the same run; and how long searches of the cities take. `cargo run --release
//! -p store-embedded --example apply_rate [batches] [decisions per batch]`

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

use event_schema::outcome::{LedgerEntry, Verdict};
use flate2::read::GzDecoder;
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::{
    env,
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    time::Instant,
};
use store::{
    SearchRequest, View as _,
    contract::{Fixture, tables},
    document::Write,
};
use store_embedded::{Config, EmbeddedStore};

type Failure = Box<dyn std::error::Error>;

/// Keys and what is kept under them.
type Texts = Vec<(String, String)>;

struct Batch {
    writes: Vec<Write>,
    entries: Vec<LedgerEntry>,
}

/// One decision: a document of 1 KiB, two rows, a ledger entry.
fn batch(f: &Fixture, from: u64, count: u64) -> Batch {
    let pad = "x".repeat(900);
    let mut made = Batch {
        writes: Vec::new(),
        entries: Vec::new(),
    };
    for n in from..from + count {
        // Ids as they come from clients: in no order.
        let id = format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let body =
            format!(r#"{{"id":"{id}","n":{n},"name":"name {n}","tags":["a","b"],"text":"{pad}"}}"#);
        made.writes.push(f.put(&id, n, &body));
        let item = n.wrapping_mul(0x9e37_79b9).cast_signed();
        made.writes.push(f.put_row(
            item,
            json!({"name": format!("name {n}"), "count": 1, "total": n, "tags": ["a", "b"]}),
            n,
        ));
        made.writes.push(f.put_row(
            -item - 1,
            json!({"name": format!("other {n}"), "open": true, "links": {"k": "v"}}),
            n,
        ));
        made.entries.push(f.entry(n, n, Verdict::Applied));
    }
    made
}

fn bare(path: &Path) -> Result<Connection, Failure> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -16 * 1024)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    connection.execute_batch(
        "CREATE TABLE documents (id TEXT PRIMARY KEY, body TEXT); CREATE TABLE rows (key TEXT PRIMARY KEY, cells TEXT);
         CREATE TABLE ledger (request BLOB PRIMARY KEY, entry TEXT);",
    )?;
    Ok(connection)
}

/// The texts are made before the clock starts: only inserting is measured.
fn spelled(batch: &Batch) -> (Texts, Texts, Vec<([u8; 16], String)>) {
    let (mut documents, mut rows) = (Vec::new(), Vec::new());
    for write in &batch.writes {
        match write {
            Write::Document(write) => documents.push((
                write.key.id.clone(),
                write
                    .body
                    .as_ref()
                    .map_or_else(String::new, |body| body.get().to_owned()),
            )),
            Write::Row(write) => rows.push((
                Value::Object(write.mutation.key.key.clone()).to_string(),
                Value::Object(write.mutation.cells.clone()).to_string(),
            )),
        }
    }
    let ledger = batch
        .entries
        .iter()
        .map(|entry| {
            (
                entry.request.unique(),
                serde_json::to_string(entry).unwrap_or_default(),
            )
        })
        .collect();
    (documents, rows, ledger)
}

fn insert(connection: &mut Connection, batch: &Batch) -> Result<f64, Failure> {
    let (documents, rows, ledger) = spelled(batch);
    let started = Instant::now();
    let transaction = connection.transaction()?;
    {
        let mut put = transaction.prepare_cached("INSERT INTO documents VALUES (?, ?)")?;
        documents
            .iter()
            .try_for_each(|(id, body)| put.execute(params![id, body]).map(drop))?;
        let mut put = transaction.prepare_cached("INSERT INTO rows VALUES (?, ?)")?;
        rows.iter()
            .try_for_each(|(key, cells)| put.execute(params![key, cells]).map(drop))?;
        let mut put = transaction.prepare_cached("INSERT INTO ledger VALUES (?, ?)")?;
        ledger
            .iter()
            .try_for_each(|(request, entry)| put.execute(params![request, entry]).map(drop))?;
    }
    transaction.commit()?;
    Ok(started.elapsed().as_secs_f64())
}

async fn searches(folder: &Path) -> Result<(), Failure> {
    let store = EmbeddedStore::open(Config::new(folder.join("cities.db")))?;
    let f = Fixture::with_mappings(
        json!({"properties": {"location": {"type": "geo_point"}, "country": {"type": "keyword"}, "population": {"type": "long"}}}),
    );
    let file =
        File::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/cities.jsonl.gz"))?;
    let lines = BufReader::new(GzDecoder::new(file))
        .lines()
        .collect::<Result<Vec<_>, _>>()?;
    for (batch, lines) in (0..).zip(lines.chunks(2_000)) {
        let id = |line: &str| {
            serde_json::from_str::<Value>(line)
                .ok()
                .and_then(|city| city["id"].as_str().map(str::to_owned))
                .unwrap_or_default()
        };
        let writes: Vec<Write> = (batch * 2_000 + 1..)
            .zip(lines)
            .map(|(n, line)| f.put(&id(line), n, line))
            .collect();
        store::Record::apply(&store, &writes).await;
    }
    for (name, body) in [
        ("match_all", json!({})),
        (
            "term country",
            json!({"query": {"term": {"country": "DE"}}}),
        ),
        (
            "match name",
            json!({"query": {"match": {"name": "new york"}}}),
        ),
        (
            "geo_distance, sorted",
            json!({"query": {"geo_distance": {"distance": "50km", "location": {"lat": 52.5, "lon": 13.4}}},
            "sort": [{"_geo_distance": {"location": {"lat": 52.5, "lon": 13.4}}}]}),
        ),
        (
            "all by population",
            json!({"sort": [{"population": "desc"}, "_id"], "size": 100}),
        ),
        (
            "match alternate_names",
            json!({"query": {"match": {"alternate_names": "berlin"}}}),
        ),
    ] {
        let request: SearchRequest = serde_json::from_value(body)?;
        let mut times = Vec::new();
        let mut total = 0;
        for _ in 0..5 {
            let started = Instant::now();
            total = store.search(&f.collection, &request).await?.count();
            times.push(started.elapsed());
        }
        times.sort();
        println!(
            "search of {} cities, {name}: {:.0} ms ({total} found)",
            lines.len(),
            times[2].as_secs_f64() * 1_000.0
        );
    }
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1).map(|argument| argument.parse::<u64>());
    let batches = arguments.next().transpose()?.unwrap_or(40);
    let count = arguments.next().transpose()?.unwrap_or(500);
    let folder = tempfile::tempdir_in(env::current_dir()?)?;
    let store = EmbeddedStore::open(Config::new(folder.path().join("consign.db")))?;
    store::Record::migrate(&store, &tables()).await?;
    let mut plain = bare(&folder.path().join("bare.db"))?;
    let f = Fixture::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for n in 0..batches {
        let batch = batch(&f, n * count + 1, count);
        let (writes, entries) = (
            batch.writes.clone(),
            batch.entries.iter().collect::<Vec<_>>(),
        );
        let started = Instant::now();
        let applied = store
            .apply_all(writes, &entries, Some(&f.mark((n + 1) * count, n)))
            .await;
        ours.push(started.elapsed().as_secs_f64());
        if !applied.marked {
            return Err(format!("{:?}", applied.writes).into());
        }
        theirs.push(insert(&mut plain, &batch)?);
    }
    println!(
        "{} decisions (a document of 1 KiB, two rows, a ledger entry), {count} a transaction",
        batches * count
    );
    let (mean_ours, mean_theirs) = (
        ours.iter().sum::<f64>() / batches as f64,
        theirs.iter().sum::<f64>() / batches as f64,
    );
    let rate = |seconds: f64| count as f64 / seconds;
    println!(
        "mean: apply_all {:.0}/s, bare inserts {:.0}/s, ratio {:.2}",
        rate(mean_ours),
        rate(mean_theirs),
        mean_theirs / mean_ours
    );
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "median: apply_all {:.0}/s, bare inserts {:.0}/s, ratio {:.2}",
        rate(ours),
        rate(theirs),
        theirs / ours
    );
    searches(folder.path()).await
}
