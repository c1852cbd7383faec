//! `xtask instructions`: what an event costs in each stage of the pipeline, in instructions, beside
//! what `bench/instructions/figures.tsv` says that it costs. Instructions are the same however busy
//! the machine is, so a stage that grew by more than the tolerance is a change and no noise. Must
//! never judge by time.

mod counting;
mod figures;

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::command::{cargo, succeeds};
use counting::{ListedStage, count_event};
use figures::{CountJudgement, WrittenFigures};

#[derive(Args)]
pub(crate) struct InstructionOptions {
    /// Whole requests and stores, too: for that all services are built. Only with this, and without
    /// names of stages, is it noticed that a stage of the figures is no longer there
    #[arg(long)]
    requests: bool,
    /// Writes what was counted into the committed figures; the commit says why they moved
    #[arg(long)]
    write: bool,
    /// Only these stages; all of them otherwise
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
}

/// The program that counts, or how to get it.
pub(crate) fn demand_valgrind() -> Result<()> {
    let version = Command::new("valgrind").arg("--version").output();
    ensure!(
        version.is_ok_and(|output| output.status.success()),
        "valgrind is not here, by which instructions are counted: apt-get install valgrind"
    );
    Ok(())
}

/// The same as a command, for who runs it beside something else; by cargo, since a build of the
/// workspace may put another xtask into the place of this one.
pub(crate) fn check() -> (&'static str, Command) {
    let mut check = cargo();
    check.args(["run", "--locked", "--quiet", "--package", "xtask"]);
    check.args(["--", "instructions"]);
    ("Instructions of each stage", check)
}

/// The program of stages that are functions, and that of whole requests.
const STAGES: &str = "instruction-counts";
const REQUESTS: &str = "request-counts";

pub(crate) fn run(options: &InstructionOptions) -> Result<bool> {
    demand_valgrind()?;
    let mut stages = counting::stages(&build(STAGES)?)?;
    if options.requests {
        stages.extend(counting::stages(&build(REQUESTS)?)?);
    }
    for name in &options.stages {
        let is_known = stages.iter().any(|stage| &stage.name == name);
        ensure!(is_known, "there is no stage `{name}`");
    }
    let is_wanted =
        |stage: &&ListedStage| options.stages.is_empty() || options.stages.contains(&stage.name);
    let path = testbed::root().join("bench/instructions/figures.tsv");
    let mut figures = WrittenFigures::read(&path)?;
    let mut counted = BTreeMap::new();
    let mut good = true;
    println!("{:<16} {:>12} {:>12}", "stage", "written", "counted");
    for stage in stages.iter().filter(is_wanted) {
        let (count, judgement) = count_judged(stage, &figures)?;
        let written = figures.get(&stage.name);
        let written = written.map_or_else(|| "-".to_owned(), |figure| figure.to_string());
        println!("{:<16} {written:>12} {count:>12}  {judgement}", stage.name);
        good &= !matches!(judgement, CountJudgement::Dearer(_) | CountJudgement::New);
        counted.insert(stage.name.clone(), count);
    }
    // Only whoever counts everything knows what there is not.
    let is_whole = options.requests && options.stages.is_empty();
    if is_whole {
        good &= figures.name_the_unknown(&counted);
    }
    if options.write {
        figures.replace(counted, is_whole);
        figures.write(&path)?;
        return Ok(true);
    }
    if !good {
        println!(
            "Make it cheaper, or write the new figures (cargo run -p xtask -- instructions --write) and say in the commit why."
        );
    }
    Ok(good)
}

/// Threads and timers of a whole pipeline add to a count now and then, and seldom: what seems dearer
/// is counted again, and the least counts.
const ATTEMPTS: usize = 3;

fn count_judged(stage: &ListedStage, figures: &WrittenFigures) -> Result<(u64, CountJudgement)> {
    let mut least = u64::MAX;
    for _ in 0..ATTEMPTS {
        least = least.min(count_event(stage)?);
        if !matches!(figures.judge(&stage.name, least), CountJudgement::Dearer(_)) {
            break;
        }
    }
    Ok((least, figures.judge(&stage.name, least)))
}

/// A counted program, optimised.
fn build(program: &str) -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--locked", "--quiet", "--profile", "counted"]);
    build.args(["--package", program]);
    ensure!(succeeds(&mut build)?, "{program} does not build");
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| testbed::root().join("target"), Into::into);
    let built = target.join("counted").join(program).canonicalize();
    built.with_context(|| format!("{program} is not where cargo puts it"))
}
