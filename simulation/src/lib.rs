//! Whole histories of write-workers, made from one number: workers that start, freeze, are killed
//! and come back, on a log that is late, loses records of a batch or takes one twice, and on stores
//! that are away, answer by halves, forget and refuse. Time is virtual, so a history of minutes
//! takes milliseconds.
//!
//! In some of them writes come through gateways with spools, which are killed, frozen and adopted
//! while the log takes nothing; in some the view is lost and rebuilt; in some deletion markers are
//! purged; in some audits run beside all of it, and name nothing.
//!
//! Half of the documents are such that a dead letter locks their key. A person looks at what is held
//! now and then, and asks for it to be replayed or discarded, at times by what was true before.
//!
//! The workers, spools, audits and rebuilds are the real ones; everything around them is a model that
//! has the traps of the real servers. At the end the stores must hold what a plain reading of
//! `transactions` makes, and while it runs no store may be written that `changes` does not hold. It
//! must never use the wall clock, a thread or a source of chance of its own.

pub mod dice;
pub mod events;
pub mod faults;
pub mod groups;
pub mod history;
pub mod log;
pub mod person;
pub mod process;
mod process_log;
pub mod purger;
pub mod reading;
pub mod record;
pub mod rows;
pub mod signal;
pub mod spools;
pub mod view;
