//! `xtask test`: every check and every test, a heading and a time for each stage, the slowest tests
//! and one count at the end. A run that names packages or tests asks for and starts only what those
//! need. Goes on after a failed stage, so that one run shows all; only a failed build ends it. Skips
//! nothing by itself.

mod binaries;
mod choice;
mod descendants;
mod examples;
mod fixture;
mod needs;
mod run;
mod stopwatch;

use anyhow::{Result, ensure};
use clap::Args;

use crate::{beside::ChecksBeside, check, instructions, tally::Tally, timeline::Timeline};
use choice::{Choice, Chosen};
use fixture::Fixture;
use needs::Needs;
use run::{Durations, Runner};

/// So many binaries run side by side that start no whole processes: much of what they do is to wait
/// for servers and for time, and one's waiting is the other's turn.
const LANES: usize = 2;
/// How many of the slowest tests are shown.
const SLOWEST: usize = 20;

#[derive(Args)]
pub(crate) struct Options {
    /// Without the system tests (whole processes, faults)
    #[arg(long)]
    quick: bool,
    /// Only the tests of these packages, without the checks
    #[arg(short, long = "package", value_name = "PACKAGE")]
    packages: Vec<String>,
    /// Only unit tests, those inside the crates: most need no server
    #[arg(long)]
    lib: bool,
    /// The name is a test's whole name
    #[arg(long, requires = "filter")]
    exact: bool,
    /// Only tests whose name contains this, without the checks
    filter: Option<String>,
}

impl Options {
    fn is_whole(&self) -> bool {
        self.packages.is_empty() && self.filter.is_none() && !self.lib
    }
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let mut timeline = Timeline::start();
    let mut durations = Durations::default();
    let mut beside = None;
    if let Err(e) = stages(options, &mut timeline, &mut durations, &mut beside) {
        eprintln!("xtask: {e:#}");
        timeline.total += Tally::failure();
    }
    if let Some(beside) = beside {
        beside.finish(&mut timeline);
    }
    durations.report(SLOWEST);
    Ok(timeline.close())
}

fn stages(
    options: &Options,
    timeline: &mut Timeline,
    durations: &mut Durations,
    beside: &mut Option<ChecksBeside>,
) -> Result<()> {
    let fixture = Fixture::prepare(options.is_whole())?;
    if options.is_whole() {
        instructions::demand_valgrind()?;
        check::quick_stages(timeline, false);
    }
    let mut built = Vec::new();
    timeline.stage("Build", || {
        built = binaries::build(&options.packages, options.lib)?;
        Ok(Tally::default())
    })?;
    if options.is_whole() {
        let [lints, documentation] = check::compiled_checks();
        let checks = [lints, documentation, instructions::check()];
        *beside = Some(ChecksBeside::start(checks));
    }
    let with_examples = examples::packages(&built)?;
    let choice = Choice {
        filter: options.filter.as_deref(),
        exact: options.exact,
    };
    let chosen: Vec<Chosen> = choice.of(built, options.quick)?;
    ensure!(!chosen.is_empty(), "no test has that name");
    let needs = Needs::of(&chosen)?;
    needs.demand()?;
    let mut servers = None;
    if needs.servers {
        timeline.stage("Servers", || {
            servers = Some(fixture.start()?);
            Ok(Tally::default())
        })?;
    }
    let variables = servers
        .as_ref()
        .map(fixture::Started::variables)
        .unwrap_or_default();
    let (system, unit): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|c| c.binary.is_system());
    let mut runner = Runner {
        choice,
        variables: &variables,
        lanes: LANES,
    };
    timeline.stage("Tests", || runner.run(&unit, durations))?;
    if options.filter.is_none() && !options.lib && !with_examples.is_empty() {
        timeline.stage("Examples in the documentation", || {
            run::run_docs(&with_examples, &variables)
        })?;
    }
    if !system.is_empty() {
        // Each runs several tests at once already, and they break servers.
        runner.lanes = 1;
        timeline.stage("System tests", || runner.run(&system, durations))?;
    }
    if servers.is_some() {
        timeline.stage("Servers down", || {
            drop(servers);
            Ok(Tally::default())
        })?;
    }
    Ok(())
}
