//! How long searches take with indexes of the fields and without any, over the 34,006 cities or
//! copies of them that differ; what the indexes take, and what they cost whoever writes. `cargo run
//! --release -p store-embedded --example search_rate [documents]`

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::{
    env,
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    time::{Duration, Instant},
};
use store::{
    Record, SearchRequest, View,
    contract::{Fixture, tables},
    document::Write,
};
use store_embedded::{Config, EmbeddedStore};

type SearchFailure = Box<dyn std::error::Error>;

const WORDS: [&str; 12] = [
    "north", "south", "east", "west", "old", "new", "upper", "lower", "great", "little", "saint",
    "port",
];

/// Always the same numbers.
struct DrawnNumbers(u64);

impl DrawnNumbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

fn cities() -> Result<Vec<Value>, SearchFailure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/cities.jsonl.gz");
    let lines = BufReader::new(GzDecoder::new(File::open(path)?)).lines();
    let lines = lines.collect::<Result<Vec<String>, _>>()?;
    let some = lines.iter().filter(|line| !line.is_empty());
    Ok(some
        .map(|line| serde_json::from_str(line))
        .collect::<Result<_, _>>()?)
}

/// The cities themselves, then others like them.
fn document(cities: &[Value], n: u64, numbers: &mut DrawnNumbers) -> (String, Value) {
    let count = cities.len() as u64;
    let mut city = cities[(n % count) as usize].clone();
    let id = format!("{n:09}");
    if n >= count {
        let word = WORDS[numbers.below(12) as usize];
        city["name"] = format!("{} {word}", city["name"].as_str().unwrap_or_default()).into();
        let people = city["population"].as_i64().unwrap_or(0);
        city["population"] = (people + numbers.below(5_000).cast_signed()).into();
        for degrees in ["lat", "lon"] {
            let moved = city["location"][degrees].as_f64().unwrap_or(0.0)
                + (numbers.below(10_000) as f64 - 5_000.0) / 10_000.0;
            city["location"][degrees] = moved.clamp(-89.0, 89.0).into();
        }
    }
    city["id"] = id.clone().into();
    (id, city)
}

fn mappings() -> Value {
    json!({"properties": {
        "name": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
        "country": {"type": "keyword"},
        "population": {"type": "long"},
        "location": {"type": "geo_point"},
    }})
}

async fn fill(
    store: &EmbeddedStore,
    f: &Fixture,
    cities: &[Value],
    range: std::ops::Range<u64>,
    version: u64,
) -> Duration {
    let (mut numbers, mut spent) = (DrawnNumbers(range.start * 977 + 12_345), Duration::ZERO);
    let all: Vec<u64> = range.collect();
    for part in all.chunks(500) {
        let writes: Vec<Write> = part
            .iter()
            .map(|n| {
                let (id, mut city) = document(cities, *n, &mut numbers);
                // A document that is replaced has other people each time.
                let people = city["population"].as_u64().unwrap_or(0);
                city["population"] = (people + version % 1_000).into();
                f.put(&id, version + n, &city.to_string())
            })
            .collect();
        let begun = Instant::now();
        store.apply_all(writes, &[], None).await;
        spent += begun.elapsed();
    }
    spent
}

/// A search of each kind, about one of the cities.
fn searches(city: &Value, after: &[Value]) -> Vec<(&'static str, Value)> {
    let name = city["name"].as_str().unwrap_or_default();
    let word = name.split(' ').next().unwrap_or_default();
    let start: String = name.chars().take(4).collect();
    let by_people = json!([{"population": "desc"}, {"_id": "asc"}]);
    let country = json!({"term": {"country": city["country"]}});
    let people = city["population"].as_i64().unwrap_or(0);
    let near = json!({"geo_distance": {"distance": "20km", "location": city["location"]}});
    let between = json!({"range": {"population": {"gte": people, "lt": people + people / 10}}});
    vec![
        ("term", json!({"query": country})),
        ("range", json!({"query": between})),
        (
            "prefix",
            json!({"query": {"prefix": {"name.keyword": start}}}),
        ),
        ("match", json!({"query": {"match": {"name": word}}})),
        ("geo_distance", json!({"query": near})),
        ("sorted first page", json!({"sort": by_people})),
        (
            "sorted page of a country",
            json!({"query": country, "sort": by_people}),
        ),
        (
            "search_after",
            json!({"sort": by_people, "search_after": after}),
        ),
        (
            "terms of all",
            json!({"size": 0, "aggs": {"by": {"terms": {"field": "country"}}}}),
        ),
        (
            "terms of a range",
            json!({"size": 0, "query": between, "aggs": {"by": {"terms": {"field": "country"}}}}),
        ),
    ]
}

async fn measure(
    store: &EmbeddedStore,
    f: &Fixture,
    cities: &[Value],
    rounds: usize,
) -> Result<Vec<(&'static str, Duration, u64)>, SearchFailure> {
    let mut numbers = DrawnNumbers(99);
    let mut times: Vec<(&'static str, Vec<Duration>, u64)> = Vec::new();
    for _ in 0..rounds {
        let city = &cities[numbers.below(cities.len() as u64) as usize];
        let after = [city["population"].clone(), json!("000000500")];
        for (n, (kind, body)) in searches(city, &after).into_iter().enumerate() {
            let request: SearchRequest = serde_json::from_value(body)?;
            let judged = store.index_figures().judged;
            let begun = Instant::now();
            store.search(&f.collection, &request).await?;
            let spent = begun.elapsed();
            if n >= times.len() {
                times.push((kind, Vec::new(), 0));
            }
            times[n].1.push(spent);
            times[n].2 += store.index_figures().judged - judged;
        }
    }
    Ok(times
        .into_iter()
        .map(|(kind, mut all, judged)| {
            all.sort_unstable();
            (kind, all[all.len() / 2], judged / rounds as u64)
        })
        .collect())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn open(path: &Path, index_bytes: usize) -> Result<EmbeddedStore, SearchFailure> {
    let mut config = Config::new(path);
    config.index_bytes = index_bytes;
    Ok(EmbeddedStore::open(config)?)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), SearchFailure> {
    let count: u64 = env::args().nth(1).map_or(Ok(34_006), |text| text.parse())?;
    let cities = cities()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("consign.db");
    let f = Fixture::with_mappings(mappings());
    let store = open(&path, 0)?;
    Record::migrate(&store, &tables()).await?;
    let spent = fill(&store, &f, &cities, 0..count, 1).await;
    println!("{count} documents written in {:.1} s", spent.as_secs_f64());
    let rounds = if count > 100_000 { 3 } else { 20 };
    let without = measure(&store, &f, &cities, rounds).await?;
    drop(store);
    let begun = Instant::now();
    let store = open(&path, 1 << 30)?;
    println!("opened in {:.1} ms", millis(begun.elapsed()));
    let begun = Instant::now();
    measure(&store, &f, &cities, 1).await?;
    let figures = store.index_figures();
    println!(
        "{} indexes made within {:.2} s, {:.1} MB",
        figures.built,
        begun.elapsed().as_secs_f64(),
        figures.bytes as f64 / 1e6
    );
    let with = measure(&store, &f, &cities, 100).await?;
    println!("p50 in ms: with indexes, documents read; without, documents read");
    for ((kind, with, few), (_, without, all)) in with.into_iter().zip(without) {
        println!(
            "  {kind:26} {:9.3} {few:9} {:9.1} {all:9}",
            millis(with),
            millis(without)
        );
    }
    drop(store);
    let more = (count / 10).clamp(10_000, 50_000);
    let (mut rates, mut version) = ([Vec::new(), Vec::new()], 2 * count);
    for _ in 0..5 {
        for (bytes, rates) in [0, 1 << 30].into_iter().zip(&mut rates) {
            let store = open(&path, bytes)?;
            if bytes > 0 {
                measure(&store, &f, &cities, 1).await?;
            }
            version += count + 7;
            fill(&store, &f, &cities, 0..1_000, version).await;
            version += count + 7;
            let spent = fill(&store, &f, &cities, 0..more, version).await;
            rates.push(more as f64 / spent.as_secs_f64());
        }
    }
    let [without, with] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    });
    println!(
        "documents replaced each second: {with:.0} with indexes, {without:.0} without: {:.2}",
        with / without
    );
    Ok(())
}
