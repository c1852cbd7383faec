//! The worker on a real log and a real store (both embedded), with faults put between it and the store.

mod faulty;
mod flow;
mod harness;
mod trouble;
