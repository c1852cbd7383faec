//! Measures the engine: registrations, matches and memory by kind and number of filters. Its input
//! can be written to files, so that another engine is measured on the same. Must never time the
//! parsing of JSON.
//!
//! `generate KIND SIZE DIRECTORY` writes `filters.jsonl` and `documents.jsonl`; `run KIND SIZE
//! SECONDS` measures and prints one line of JSON; `phases KIND SIZE` says where the time of a
//! registration goes; `million SECONDS` measures growth and memory up to a million mixed filters.
//! Without arguments: a short run of every kind.

#![allow(
    clippy::disallowed_methods,
    reason = "tests run on real clocks, threads and tasks"
)]

#[path = "match/kinds.rs"]
mod kinds;

use std::io::Write;
use std::time::{Duration, Instant};

use kinds::{KINDS, Kind, Random};
use matching::{Document, Engine, Filter, Options, Scratch};
use serde_json::{Value, json};

/// At least so many registrations are timed.
const REGISTRATIONS: usize = 200_000;

/// Documents of one run.
const DOCUMENTS: usize = 2_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Cargo passes `--bench`; what else comes is ours.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["generate", kind, size, directory] => generate(find(kind)?, size.parse()?, directory)?,
        ["run", kind, size, seconds] => println!("{}", run(find(kind)?, size.parse()?, Duration::from_secs_f64(seconds.parse()?))),
        ["phases", kind, size] => println!("{}", phases(find(kind)?, size.parse()?)),
        ["million", seconds] => million(Duration::from_secs_f64(seconds.parse()?)),
        [] => KINDS.iter().for_each(|kind| println!("{}", run(kind, 10_000, Duration::from_millis(300)))),
        _ => return Err("generate KIND SIZE DIRECTORY | run KIND SIZE SECONDS | phases KIND SIZE | million SECONDS".into()),
    }
    Ok(())
}

fn find(name: &str) -> Result<&'static Kind, String> {
    KINDS
        .iter()
        .find(|kind| kind.name == name)
        .ok_or_else(|| format!("no such kind: {name}"))
}

fn input(kind: &Kind, size: usize) -> (Vec<Value>, Vec<Value>) {
    let mut random = Random::new(42);
    let filters = (0..size)
        .map(|number| (kind.filter)(number, size, &mut random))
        .collect();
    let documents = (0..DOCUMENTS)
        .map(|_| (kind.document)(size, &mut random))
        .collect();
    (filters, documents)
}

fn generate(kind: &Kind, size: usize, directory: &str) -> std::io::Result<()> {
    let (filters, documents) = input(kind, size);
    for (name, values) in [("filters", filters), ("documents", documents)] {
        let mut file =
            std::io::BufWriter::new(std::fs::File::create(format!("{directory}/{name}.jsonl"))?);
        values
            .iter()
            .try_for_each(|value| writeln!(file, "{value}"))?;
        file.flush()?;
    }
    Ok(())
}

/// What one run showed.
#[derive(Debug, Default)]
struct Figures {
    per_second: f64,
    median_us: f64,
    p99_us: f64,
    matches: f64,
    total: u64,
}

fn run(kind: &Kind, size: usize, time: Duration) -> Value {
    let (filters, documents) = input(kind, size);
    let options = Options {
        max_conditions: usize::MAX,
        ..Options::default()
    };
    let before = resident();
    let start = processor_time();
    let engine_of_all = || {
        let mut engine = Engine::new();
        for (id, filter) in (0_u64..).zip(&filters) {
            let filter =
                Filter::parse(filter, &options).expect("the filters of the benchmark are valid");
            engine.register(id, &filter.normalise());
        }
        engine
    };
    let mut engine = engine_of_all();
    let memory = resident() - before;
    // The processor's time is counted in milliseconds: small numbers are registered again and
    // again.
    let rounds = 1 + REGISTRATIONS / size;
    (1..rounds).for_each(|_| drop(engine_of_all()));
    let registering = (processor_time() - start) / rounds as f64;
    let figures = measure(&engine, &documents, time);
    let removing = Instant::now();
    (0..size as u64).for_each(|id| assert!(engine.remove(id)));
    let removing = removing.elapsed().as_secs_f64();
    json!({
        "engine": "consign", "kind": kind.name, "filters": size,
        "registered_per_cpu_s": (size as f64 / registering).round(),
        "removed_per_s": (size as f64 / removing).round(),
        "tests_per_cpu_s": figures.per_second.round(), "p50_us": figures.median_us, "p99_us": figures.p99_us,
        "matches": figures.matches, "first_pass_matches": figures.total, "memory_mb": memory,
    })
}

/// Matches the documents round and round until the time is up.
fn measure(engine: &Engine, documents: &[Value], time: Duration) -> Figures {
    let mut scratch = Scratch::new();
    // The first pass warms caches and compiles the patterns that come up.
    let total: u64 = documents
        .iter()
        .map(|document| engine.matches(&Document::new(document), &mut scratch).len() as u64)
        .sum();
    // The rate is taken without a clock between documents, which would cost as much as some of them;
    // the percentiles have one.
    let mut tests = 0_u64;
    let used = processor_time();
    let start = Instant::now();
    while start.elapsed() < time {
        for document in documents {
            std::hint::black_box(engine.matches(&Document::new(document), &mut scratch));
        }
        tests += documents.len() as u64;
    }
    let per_second = tests as f64 / (processor_time() - used);
    let mut samples = Vec::with_capacity(1 << 22);
    let start = Instant::now();
    let mut last = start;
    while last - start < time / 4 {
        for document in documents {
            std::hint::black_box(engine.matches(&Document::new(document), &mut scratch));
            let now = Instant::now();
            samples.push((now - last).as_nanos() as u64);
            last = now;
        }
    }
    samples.sort_unstable();
    let at = |share: f64| samples[((samples.len() - 1) as f64 * share) as usize] as f64 / 1_000.0;
    Figures {
        per_second,
        median_us: at(0.5),
        p99_us: at(0.99),
        matches: total as f64 / documents.len() as f64,
        total,
    }
}

/// Microseconds a filter takes to be parsed, normalised and registered.
fn phases(kind: &Kind, size: usize) -> Value {
    let (filters, _) = input(kind, size);
    let options = Options {
        max_conditions: usize::MAX,
        ..Options::default()
    };
    let each = |start: f64| ((processor_time() - start) * 1e9 / size as f64).round() / 1e3;
    let start = processor_time();
    let parsed: Vec<Filter> = filters
        .iter()
        .map(|filter| Filter::parse(filter, &options).expect("valid"))
        .collect();
    let parsing = each(start);
    let start = processor_time();
    let forms: Vec<_> = parsed.iter().map(Filter::normalise).collect();
    let normalising = each(start);
    let start = processor_time();
    let mut engine = Engine::new();
    (0_u64..)
        .zip(&forms)
        .for_each(|(id, form)| engine.register(id, form));
    json!({"kind": kind.name, "filters": size, "parse_us": parsing, "normalise_us": normalising, "register_us": each(start)})
}

/// Mixed filters in growing numbers, the number of matches staying the same.
fn million(time: Duration) {
    let kind = find("mixed").expect("the kind is there");
    for size in [10_000, 100_000, 1_000_000] {
        println!("{}", run(kind, size, time));
    }
}

/// Seconds this thread has been on a processor: on a machine that others use too, the clock on the
/// wall measures them.
fn processor_time() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    statistics
        .split(' ')
        .next()
        .and_then(|nanoseconds| nanoseconds.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1e9
}

/// Resident memory of this process in megabytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok())
        .unwrap_or(0.0)
        / 1024.0
}
