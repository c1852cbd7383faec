//! Koncorde's filter language: parse, normalise, evaluate, and an index of registered filters.
//!
//! Three layers, each usable alone. [`Filter::parse`] reads and checks a filter;
//! [`Filter::matches`] evaluates it plainly against one [`Document`] (the reference for everything
//! else); [`Filter::normalise`] gives the canonical form, from which the room id and the index are
//! made. This crate does no I/O, starts no thread and reads no clock.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod cost;
pub mod document;
pub mod elasticsearch;
pub mod evaluate;
pub mod explain;
pub mod field;
pub mod filter;
pub mod geo;
pub mod index;
pub mod normalise;
pub mod number;
pub mod pattern;
pub mod room_id;
mod same_bytes;

pub use document::Document;
pub use elasticsearch::{Untranslatable, to_elasticsearch};
pub use explain::{Explanation, explain_filter};
pub use field::FieldPath;
pub use filter::{Bounds, Clause, Condition, Filter, FilterError, Limit, Options, Scalar, Shape};
pub use index::{Engine, Scratch};
pub use normalise::{Conjunction, Literal, Normalised, Term, Tree};
pub use number::Number;
pub use pattern::Pattern;
