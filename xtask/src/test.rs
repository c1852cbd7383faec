//! `xtask test`: every check and every test, a heading and a time for each stage, one count at the
//! end. Goes on after a failed stage, so that one run shows all; only a failed build ends it. Skips
//! nothing by itself.

mod binaries;
mod fixture;
mod timeline;

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{
    command::{cargo, succeeds},
    tally::Tally,
    tidy,
};
use fixture::Fixture;
use timeline::Timeline;

#[derive(Args)]
pub(crate) struct Options {
    /// Without the system tests (whole processes, faults)
    #[arg(long)]
    quick: bool,
    /// Only the tests of these packages, without formatting, lints and layout
    #[arg(short, long = "package", value_name = "PACKAGE")]
    packages: Vec<String>,
    /// Only tests whose name contains this
    filter: Option<String>,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let mut timeline = Timeline::start();
    if let Err(e) = stages(options, &mut timeline) {
        eprintln!("xtask: {e:#}");
        timeline.total += Tally::failure();
    }
    Ok(timeline.close())
}

fn stages(options: &Options, timeline: &mut Timeline) -> Result<()> {
    let fixture = Fixture::prepare()?;
    if options.packages.is_empty() && options.filter.is_none() {
        timeline.check("Formatting", || {
            succeeds(cargo().args(["fmt", "--all", "--check"]))
        });
        timeline.check("Layout", tidy::run);
        timeline.check("Lints", || succeeds(clippy(&mut cargo())));
    }
    let mut built = Vec::new();
    timeline.stage("Build", || {
        built = binaries::build(&options.packages)?;
        Ok(Tally::default())
    })?;
    let mut servers = None;
    timeline.stage("Servers", || {
        servers = Some(fixture.start()?);
        Ok(Tally::default())
    })?;
    let variables = servers
        .as_ref()
        .map(fixture::Started::variables)
        .unwrap_or_default();
    let (system, unit): (Vec<_>, Vec<_>) = built
        .into_iter()
        .partition(|b| b.package == "system-tests" && b.kind == "test");
    timeline.stage("Tests", || {
        binaries::run(&unit, options.filter.as_deref(), &variables)
    })?;
    if options.filter.is_none() {
        timeline.stage("Examples in the documentation", || {
            binaries::run_docs(&options.packages, &variables)
        })?;
    }
    if !options.quick {
        timeline.stage("System tests", || {
            binaries::run(&system, options.filter.as_deref(), &variables)
        })?;
    }
    timeline.stage("Servers down", || {
        drop(servers);
        Ok(Tally::default())
    })
}

fn clippy(cargo: &mut Command) -> &mut Command {
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ])
}
