//! `xtask check`: all that can be judged without running the product or a server. Warm it takes
//! well under two minutes; `xtask test` runs the same.

use std::process::{Command, Stdio};

use anyhow::Result;
use clap::Args;

use crate::{
    command::{cargo, succeeds},
    tidy,
    timeline::Timeline,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Fail where cargo-deny is missing, and look at the advisories too (needs the network)
    #[arg(long)]
    deny: bool,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let mut timeline = Timeline::start();
    stages(&mut timeline, options.deny);
    Ok(timeline.close_checks())
}

/// Each by itself, so that one run shows all that is wrong.
fn stages(timeline: &mut Timeline, deny: bool) {
    quick_stages(timeline, deny);
    for (name, mut check) in compiled_checks() {
        timeline.check(name, || succeeds(&mut check));
    }
}

/// What needs seconds.
pub(crate) fn quick_stages(timeline: &mut Timeline, deny: bool) {
    timeline.check("Formatting", || {
        succeeds(cargo().args(["fmt", "--all", "--check"]))
    });
    timeline.check("Layout", || tidy::run(&tidy::Options::default()));
    timeline.check("Dependencies", || dependencies(deny));
}

/// What the compiler is needed for: minutes from nothing.
pub(crate) fn compiled_checks() -> [(&'static str, Command); 2] {
    let mut clippy = cargo();
    clippy.args(["clippy", "--workspace", "--all-targets"]);
    clippy.args(["--locked", "--quiet", "--", "-D", "warnings"]);
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--locked", "--quiet"]);
    doc.env("RUSTDOCFLAGS", "-D warnings");
    [("Lints", clippy), ("Documentation of the code", doc)]
}

/// Licences, bans and sources of what the product is built on, by `deny.toml`.
fn dependencies(required: bool) -> Result<bool> {
    let version = Command::new("cargo-deny")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !version.is_ok_and(|status| status.success()) {
        println!(
            "cargo-deny is not here: licences, bans and sources were NOT checked.\n  \
             cargo install --locked cargo-deny"
        );
        return Ok(!required);
    }
    let mut deny = cargo();
    // Without the many versions that are only warned of.
    deny.args(["deny", "--all-features", "--locked", "--log-level", "error"]);
    deny.args(["check", "--hide-inclusion-graph"]);
    deny.args(["bans", "licenses", "sources"]);
    if required {
        deny.arg("advisories");
    }
    succeeds(&mut deny)
}
