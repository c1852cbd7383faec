//! The embedded default beside a real Elasticsearch: random mappings, documents and searches must
//! have the same verdicts, the same hits in the same order, the same totals. A run draws what its
//! seed says, always the same without a setting, so that a change of ours is what turns it red.
//!
//! `CONSIGN_COMPARE_SEED=N` draws others (`0`: new ones, the seed is printed),
//! `CONSIGN_COMPARE_CASES=N` makes a run longer or shorter, `CONSIGN_COMPARE_SHOW=N` shrinks and
//! prints that many differences.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

mod aggregations;
mod compare;
mod highlights;
mod indexed;
mod languages;
mod raced;
mod searches;
mod shrink;
mod values;
mod world;

use compare::{About, Case, Difference, Outcome, Stores, Tally};
use seeded_dice::SeededDice;
use serde_json::{Value, json};
use std::{collections::BTreeMap, env, time::Instant};
use store::Record;
use store_elasticsearch::{Config, Elasticsearch};
use store_embedded::EmbeddedStore;
use testbed::Servers;
use world::Members;

/// Searches in one collection.
const SEARCHES: usize = 60;

/// Seeds that once drew something on which the two differed: a run without a setting begins with
/// them.
const ONCE_DIFFERED: [u64; 19] = [
    9_087, 9_123, 40_007, 40_020, 50_034, 50_065, 50_111, 50_192, 60_010, 60_049, 60_053, 60_144,
    60_199, 80_050, 80_101, 80_131, 80_202, 80_211, 80_233,
];

fn setting(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not {text}")),
    )
}

async fn stores(folder: &tempfile::TempDir) -> Stores {
    let mut config = store_embedded::Config::new(folder.path().join("consign.db"));
    // However few documents there are, they are found by indexes.
    config.index_from = 0;
    let embedded = EmbeddedStore::open(config).expect("the store opens");
    let migrated = Record::migrate(&embedded, &store::contract::tables()).await;
    migrated.expect("the tables are made");
    let config = Config {
        urls: vec![Servers::shared().addresses().elasticsearch_url()],
        prefix: format!("{}.", testbed::unique("cmp").to_lowercase()),
        replicas: Some(0),
        ..Config::default()
    };
    Stores {
        embedded,
        elasticsearch: Elasticsearch::new(config).expect("a configuration"),
    }
}

/// What one seed draws.
fn draw(seed: u64) -> Case {
    let mut dice = SeededDice::new(seed);
    let world = world::draw(&mut dice);
    let searches = (0..SEARCHES)
        .map(|_| searches::draw(&mut dice, &world))
        .collect();
    let documents = world.documents.into_iter().enumerate();
    let text = world.mappings.to_string();
    let is_text = text.contains("\"fields\"") || text.contains("\"copy_to\"");
    Case {
        mappings: world.mappings,
        settings: world::settings(&mut SeededDice::new(seed ^ 0x5e77)),
        documents: documents
            .map(|(n, members)| (format!("d{n}"), spell_shortest(members, is_text)))
            .collect(),
        searches,
    }
}

/// Where numbers may become texts, as their shortest spelling: by another only an index finds them.
fn spell_shortest(members: Members, is_text: bool) -> Members {
    let respelled = |part: &str| match part.trim_end_matches([',', ']', '}']) {
        "1e3" => part.replace("1e3", "1000.0"),
        "1.5e12" => part.replace("1.5e12", "1500000000000.0"),
        _ => part.to_owned(),
    };
    if !is_text {
        return members;
    }
    let all = members.into_iter();
    all.map(|(name, value)| {
        let parts = value.split_inclusive(['[', ']', '{', '}', ',', ':']);
        (name, parts.map(respelled).collect())
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_default_answers_as_elasticsearch() {
    let folder = tempfile::tempdir().expect("a folder");
    let stores = stores(&folder).await;
    let wanted = setting("CONSIGN_COMPARE_CASES").unwrap_or(2_000) as usize;
    let first = match setting("CONSIGN_COMPARE_SEED") {
        None => 1,
        Some(0) => fresh_seed(),
        Some(seed) => seed,
    };
    let (begun, mut tally, mut kinds) = (Instant::now(), Tally::default(), BTreeMap::new());
    let drawn_anew = setting("CONSIGN_COMPARE_SEED").is_some();
    let once = ONCE_DIFFERED.iter().copied().filter(|_| !drawn_anew);
    let mut seeds = once.chain(first..);
    let mut seed = first;
    while tally.searches < wanted {
        seed = seeds.next().expect("there are always more");
        let case = draw(seed);
        for difference in compare::run(&stores, &case, &mut tally).await {
            let (count, _) = kinds
                .entry(kind(&difference))
                .or_insert_with(|| (0, (seed, difference)));
            *count += 1;
        }
    }
    println!(
        "seeds {first} to {seed}: {} searches ({} malformed, {} unanswered), {} documents ({} refused, {} late), {} mappings ({} refused) in {:?}",
        tally.searches,
        tally.malformed,
        tally.unanswered,
        tally.documents,
        tally.refused_documents,
        tally.late,
        tally.mappings,
        tally.refused_mappings,
        begun.elapsed(),
    );
    println!("refused by name: {:?}", tally.unsupported);
    for (count, (seed, difference)) in kinds.values() {
        println!("{}", brief(*count, *seed, difference));
    }
    let differences: usize = kinds.values().map(|(count, _)| count).sum();
    let show = setting("CONSIGN_COMPARE_SHOW").unwrap_or(5) as usize;
    for (count, (seed, difference)) in kinds.values().take(show) {
        report(&stores, *count, *seed, difference).await;
    }
    assert_eq!(differences, 0, "differences of {} kinds", kinds.len());
}

/// Differences of one kind are shown once.
fn kind(difference: &Difference) -> String {
    let about = match difference.about {
        About::Mapping => "mapping",
        About::Document(_) => "document",
        About::Search(_) => "search",
    };
    let (ours, theirs) = (&difference.embedded, &difference.elasticsearch);
    match (Outcome::class(ours), Outcome::class(theirs)) {
        ("Found", "Found") => format!("{about} {}", ours.len()),
        ("Found", _) => format!("{about} Found {}", Outcome::words(theirs)),
        (_, "Found") => format!("{about} {} Found", Outcome::words(ours)),
        _ => format!(
            "{about} {} {}",
            Outcome::words(ours),
            Outcome::words(theirs)
        ),
    }
}

/// A difference on few lines, as it was drawn.
fn brief(count: usize, seed: u64, difference: &Difference) -> String {
    let case = draw(seed);
    let what = match difference.about {
        About::Mapping => case.mappings.to_string(),
        About::Document(n) => world::text(&case.documents[n].1),
        About::Search(n) => {
            let search = case.searches[n].to_string();
            let properties = case.mappings["properties"]
                .as_object()
                .into_iter()
                .flatten();
            let named = properties.filter(|(name, _)| search.contains(name.as_str()));
            let fields: Vec<String> = named
                .map(|(name, field)| format!("{name}: {field}"))
                .collect();
            format!("{search}\n    {}", fields.join(", "))
        }
    };
    format!(
        "{count} like this, seed {seed}: {what}\n    embedded:      {}\n    elasticsearch: {}",
        short(&difference.embedded),
        short(&difference.elasticsearch)
    )
}

fn short(text: &str) -> String {
    text.chars().take(2500).collect()
}

async fn report(stores: &Stores, count: usize, seed: u64, difference: &Difference) {
    let (case, found) = shrink::shrink(stores, &draw(seed), difference).await;
    let documents: Vec<String> = case
        .documents
        .iter()
        .map(|(id, members)| format!("{id}: {}", world::text(members)))
        .collect();
    let shown = json!({"mappings": case.mappings, "settings": case.settings, "search": case.searches.first().unwrap_or(&Value::Null)});
    println!(
        "\n{count} like this (CONSIGN_COMPARE_SEED={seed} CONSIGN_COMPARE_CASES=1):\n  {shown}\n  {}\n  embedded:      {}\n  elasticsearch: {}",
        documents.join("\n  "),
        found.embedded,
        found.elasticsearch
    );
}

fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0) % 1_000_000_000
}
