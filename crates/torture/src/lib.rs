//! Torture: a load made from a seed, faults made from the same seed, everything that clients saw as a
//! recorded history, and a judge that reads nothing else.
//!
//! The stages in their order: [`plan`] (what is done when, pure), [`fleet`] (the processes and the
//! links that are hurt), [`workload`] (clients, operators and subscribers, who only record), [`history`]
//! (what they saw), [`judge`] (what must not be; pure). [`run`] is the one column of them.
//!
//! It knows Consign from outside, by its command line and its public API. It must never use the code
//! that it judges.

pub mod fleet;
pub mod history;
pub mod judge;
pub mod plan;
pub mod run;
pub mod workload;
