//! Highlights of both: texts of sentences short and long, with signs that end a sentence and signs
//! that do not, in fields of several analyzers, and the options of fragments.

use super::{Case, Tally, compare, fresh_seed, setting, stores, world::Members};
use seeded_dice::SeededDice;
use serde_json::{Value, json};

/// Collections, each with its documents and searches.
const WORLDS: u64 = 6;
const DOCUMENTS: usize = 10;
const SEARCHES: usize = 40;

const WORDS: [&str; 26] = [
    "quick",
    "Brown",
    "fox",
    "FOX",
    "lazy",
    "dog",
    "jumps",
    "over",
    "the",
    "The",
    "Éclair",
    "well-known",
    "don't",
    "3.14",
    "1,000",
    "US$5",
    "5%",
    "e.g.",
    "v1.2",
    "foo_bar",
    "(paren)",
    "\"quoted\"",
    "a/b",
    "A.B.C.",
    "[x]",
    "word",
];

const ENDS: [&str; 13] = [
    " ", " ", " ", " ", " ", " ", ", ", ". ", "! ", "? ", "... ", ".
", "; ",
];

fn text(dice: &mut SeededDice) -> String {
    let words = match dice.below(4) {
        0 => 1 + dice.below(4),
        1 => dice.below(90),
        _ => dice.below(25),
    };
    let few = dice.chance(1, 3);
    let mut text = String::new();
    for _ in 0..words {
        text.push_str(dice.pick::<&str>(&WORDS));
        text.push_str(if few { " " } else { dice.pick::<&str>(&ENDS) });
    }
    text
}

fn document(dice: &mut SeededDice) -> Members {
    let mut members = Members::new();
    for field in ["t", "w", "s", "k", "free"] {
        if dice.chance(1, 6) {
            continue;
        }
        let value = match dice.below(4) {
            0 => json!([text(dice), text(dice), null, text(dice)]),
            _ => json!(text(dice)),
        };
        members.push((field.to_owned(), value.to_string()));
    }
    members
}

fn clause(dice: &mut SeededDice) -> Value {
    let field = *dice.pick(&["t", "t", "t", "w", "s", "free", "t.s"]);
    let words = [
        "quick fox",
        "fox",
        "dog lazy",
        "3.14",
        "well known",
        "the",
        "éclair",
        "foo_bar",
        "x",
        "a",
    ];
    let text = *dice.pick(&words);
    match dice.below(7) {
        0 => json!({"term": {field: text}}),
        1 => json!({"terms": {field: [text, "brown"]}}),
        2 => json!({"match": {field: {"query": text, "operator": "and"}}}),
        3 => json!({"multi_match": {"query": text, "fields": ["t", "w^2", "free"]}}),
        _ => json!({"match": {field: text}}),
    }
}

fn query(dice: &mut SeededDice) -> Value {
    match dice.below(5) {
        0 => {
            json!({"bool": {"must": clause(dice), "should": [clause(dice)], "must_not": [{"term": {"t": "dog"}}]}})
        }
        1 => {
            json!({"bool": {"should": [clause(dice), clause(dice)], "filter": {"exists": {"field": "t"}}}})
        }
        2 => json!({"constant_score": {"filter": clause(dice)}}),
        3 => json!({"dis_max": {"queries": [clause(dice), clause(dice)]}}),
        _ => clause(dice),
    }
}

fn options(dice: &mut SeededDice) -> Value {
    let mut options = json!({});
    if dice.chance(1, 2) {
        options["number_of_fragments"] = json!(*dice.pick(&[0, 1, 2, 3, 20]));
    }
    if dice.chance(1, 2) {
        options["fragment_size"] = json!(*dice.pick(&[0, 1, 10, 18, 40, 150, 1000]));
    }
    if dice.chance(1, 4) {
        options["order"] = json!(*dice.pick(&["score", "none"]));
    }
    if dice.chance(1, 5) {
        options["pre_tags"] = json!(["<b>"]);
        options["post_tags"] = json!(["</b>", "</i>"]);
    }
    options
}

fn search(dice: &mut SeededDice) -> Value {
    let mut highlight = options(dice);
    let mut fields = json!({"t": options(dice)});
    for field in ["w", "s", "k", "free", "t.s", "nowhere"] {
        if dice.chance(1, 2) {
            fields[field] = json!({});
        }
    }
    highlight["fields"] = fields;
    json!({"query": query(dice), "highlight": highlight, "size": 100, "sort": ["_id"]})
}

fn draw(seed: u64) -> Case {
    let mut dice = SeededDice::new(seed);
    let mappings = json!({"properties": {
        "t": {"type": "text", "fields": {"s": {"type": "text", "analyzer": "simple"}}},
        "w": {"type": "text", "analyzer": "whitespace"},
        "s": {"type": "text", "analyzer": "stop"},
        "k": {"type": "keyword", "normalizer": "lowercase", "ignore_above": 300},
    }});
    let documents = (0..DOCUMENTS).map(|n| (format!("d{n}"), document(&mut dice)));
    Case {
        settings: Default::default(),
        mappings,
        documents: documents.collect(),
        searches: (0..SEARCHES).map(|_| search(&mut dice)).collect(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn highlights_are_those_of_elasticsearch() {
    let folder = tempfile::tempdir().expect("a folder");
    let stores = stores(&folder).await;
    let first = match setting("CONSIGN_COMPARE_SEED") {
        None => 1,
        Some(0) => fresh_seed(),
        Some(seed) => seed,
    };
    let (mut tally, mut differences) = (Tally::default(), 0);
    let cases = setting("CONSIGN_COMPARE_CASES");
    let worlds = cases.map_or(WORLDS, |cases| cases.div_ceil(SEARCHES as u64));
    for seed in first..first + worlds {
        let case = draw(seed);
        for difference in compare::run(&stores, &case, &mut tally).await {
            differences += 1;
            if differences > 3 {
                continue;
            }
            if let compare::About::Search(n) = difference.about {
                println!("seed {seed}: {}", case.searches[n]);
            }
            println!(
                "  embedded:      {}\n  elasticsearch: {}",
                difference.embedded, difference.elasticsearch
            );
        }
    }
    println!(
        "from seed {first}: {} searches, refused by name: {:?}",
        tally.searches, tally.unsupported
    );
    assert_eq!(differences, 0);
    // Of a few worlds all may hold texts that are refused.
    let refused: usize = tally.unsupported.values().sum();
    assert!(worlds < WORLDS || refused * 2 < tally.searches);
}
