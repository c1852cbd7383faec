//! A thousand histories in every run. `CONSIGN_SIMULATION_SEED=7` runs that one alone and shows what
//! happened in it, `CONSIGN_SIMULATION_SEEDS=20000` runs more of them.

use std::{ops::Range, thread};

fn seeds() -> Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("CONSIGN_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CONSIGN_SIMULATION_SEEDS").unwrap_or(1_000),
    }
}

#[test]
fn every_history_comes_to_what_a_plain_reading_of_the_log_makes() {
    let seeds = seeds();
    let threads = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let found: Vec<String> = thread::scope(|scope| {
        let run = |first: u64| {
            let seeds = seeds.clone().skip(first as usize).step_by(threads as usize);
            let failed = |seed| {
                let why = simulation::history::run(seed).err()?;
                Some(format!(
                    "seed {seed}: {why}\nCONSIGN_SIMULATION_SEED={seed} cargo test -p simulation every_history"
                ))
            };
            seeds.filter_map(failed).collect::<Vec<_>>()
        };
        let running: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || run(first)))
            .collect();
        let joined = running
            .into_iter()
            .map(|thread| thread.join().expect("it reports"));
        joined.flatten().collect()
    });
    let first = found.first().cloned().unwrap_or_default();
    let all: Vec<&str> = found.iter().filter_map(|why| why.lines().next()).collect();
    assert!(
        found.is_empty(),
        "{} histories go wrong:
{}
the first:
{first}",
        found.len(),
        all.join(
            "
"
        )
    );
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
