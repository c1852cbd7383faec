//! `instruction-counts`: the stages that are functions, by themselves. They need no service, so that
//! counting them is a matter of minutes.

#![allow(clippy::disallowed_methods, reason = "no part of the product")]

mod stages;

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// The product's own: what allocating costs is counted too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    instruction_counts::run_stages(stages::ALL)
}
