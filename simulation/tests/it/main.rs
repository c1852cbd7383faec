//! A thousand histories in every run. `CONSIGN_SIMULATION_SEED=7` runs that one alone and shows what
//! happened in it, `CONSIGN_SIMULATION_SEEDS=20000` runs more of them.

use simulation::history::Interruption;
use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

fn seeds() -> Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("CONSIGN_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CONSIGN_SIMULATION_SEEDS").unwrap_or(1_000),
    }
}

/// Runs all of these, on as many threads as there are processors; answers why some go wrong.
fn run_all(seeds: &Range<u64>, run: impl Fn(u64) -> Result<(), String> + Sync) -> Vec<String> {
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let some = |first: u64| {
        let seeds = seeds.clone().skip(first as usize).step_by(threads as usize);
        seeds.filter_map(|seed| run(seed).err()).collect::<Vec<_>>()
    };
    let some = &some;
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || some(first)))
            .collect();
        let joined = running
            .into_iter()
            .map(|thread| thread.join().expect("it reports"));
        joined.flatten().collect()
    })
}

fn assert_none(found: &[String]) {
    let first = found.first().cloned().unwrap_or_default();
    let all: Vec<&str> = found.iter().filter_map(|why| why.lines().next()).collect();
    assert!(
        found.is_empty(),
        "{} histories go wrong:\n{}\nthe first:\n{first}",
        found.len(),
        all.join("\n")
    );
}

/// What it says of a seed that goes wrong, and how that one is run alone.
fn failed(seed: u64, test: &str, why: &str) -> String {
    format!("seed {seed}: {why}\nCONSIGN_SIMULATION_SEED={seed} cargo test -p simulation {test}")
}

#[test]
fn every_history_comes_to_what_a_plain_reading_of_the_log_makes() {
    let purged = AtomicU64::new(0);
    let run = |seed| {
        let told =
            simulation::history::run(seed).map_err(|why| failed(seed, "every_history", &why))?;
        if told.contains("lost their markers") {
            purged.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let seeds = seeds();
    assert_none(&run_all(&seeds, run));
    // Beside all that goes wrong, not only at rest.
    let (all, purged) = (seeds.end - seeds.start, purged.into_inner());
    assert!(purged >= all / 20, "markers went in {purged} of {all}");
}

/// A quarter as many as of the others.
#[test]
fn what_gateways_acknowledged_arrives_in_order_whoever_ships_it() {
    let seeds = seeds();
    let seeds = seeds.start..seeds.end - (seeds.end - seeds.start) * 3 / 4;
    let run = |seed| {
        let ran = simulation::history::run_cut_off(seed);
        ran.map(drop)
            .map_err(|why| failed(seed, "what_gateways", &why))
    };
    assert_none(&run_all(&seeds, run));
}

/// Likewise.
#[test]
fn what_the_log_or_the_store_lost_is_an_alarm_and_never_guessed() {
    let seeds = seeds();
    let seeds = seeds.start..seeds.end - (seeds.end - seeds.start) * 3 / 4;
    let run = |seed| {
        let ran = simulation::history::run_with_disaster(seed);
        ran.map(drop)
            .map_err(|why| failed(seed, "what_the_log", &why))
    };
    assert_none(&run_all(&seeds, run));
}

/// Frozen for long, killed, or made to take its partitions again, in each step that a worker takes.
#[test]
fn no_step_is_a_bad_one_to_be_interrupted_in() {
    /// More than a worker takes in such a history.
    const STEPS: u64 = 2_000;
    let seed = seeds().start;
    for interruption in [
        Interruption::Freeze,
        Interruption::Kill,
        Interruption::Retake,
    ] {
        let reached = AtomicU64::new(0);
        let ends = AtomicU64::new(STEPS);
        let run = |step| {
            if step > ends.load(Ordering::Relaxed) {
                return Ok(());
            }
            match simulation::history::run_interrupted(seed, interruption, step) {
                Ok(true) => _ = reached.fetch_add(1, Ordering::Relaxed),
                Ok(false) => _ = ends.fetch_min(step, Ordering::Relaxed),
                Err(why) => {
                    let why = format!("{interruption:?} in step {step}: {why}");
                    return Err(failed(seed, "no_step", &why));
                }
            }
            Ok(())
        };
        assert_none(&run_all(&(0..STEPS), run));
        let reached = reached.into_inner();
        assert!((50..STEPS).contains(&reached), "{reached} steps");
    }
}

#[test]
fn the_same_seed_makes_the_same_history() {
    for seed in 0..20 {
        let text = |ran: Result<String, String>| ran.unwrap_or_else(|why| why);
        let (one, other) = (
            simulation::history::run(seed),
            simulation::history::run(seed),
        );
        assert_eq!(text(one), text(other), "seed {seed}");
    }
    assert_ne!(simulation::history::run(20), simulation::history::run(21));
}
