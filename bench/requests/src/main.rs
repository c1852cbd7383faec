//! `request-counts`: whole requests through services, and the stores behind them. Threads and timers
//! have a part in these counts, of a hundredth or two.

#![allow(clippy::disallowed_methods, reason = "no part of the product")]

mod pipeline;
mod stages;

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// The product's own: what allocating costs is counted too.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    instruction_counts::run_stages(stages::ALL)
}
