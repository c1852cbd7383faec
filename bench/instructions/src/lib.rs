//! Programs that put a number of events through one stage of the pipeline, and nothing else. Run
//! under Callgrind with two numbers of events, the difference is what an event costs, whatever else
//! the machine does; `cargo run -p xtask -- instructions` does that and compares with
//! `figures.tsv`. None may look at a clock to decide how much is done.

#![allow(clippy::disallowed_methods, reason = "no part of the product")]

mod stage;
pub mod workload;

pub use stage::{CountedStage, run_stages};
