//! Where an event stands in the log, and the version its effects carry. Order is only defined
//! within one generation and partition.

use crate::offset::{ChangesOffset, TransactionsOffset};
use serde::{Deserialize, Serialize};
use std::fmt;

/// (generation, partition, offset) in `transactions`: identifies an event and orders its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Position {
    pub generation: u16,
    pub partition: u16,
    pub offset: TransactionsOffset,
}

impl Position {
    /// Is `self` at or behind `other`? `None` when the two are not comparable.
    pub fn at_or_before(&self, other: &Position) -> Option<bool> {
        (self.generation == other.generation && self.partition == other.partition)
            .then_some(self.offset <= other.offset)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.generation, self.partition, self.offset)
    }
}

/// generation << 44 | offset in `changes` of the decision (or void) that stands. Larger wins in
/// every store.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Version(pub u64);

/// Bits of a version that hold the offset in `changes`.
pub const OFFSET_BITS: u32 = 44;

impl Version {
    /// `generation` from 1 to 2047, so that `Version << 8` stays within an `i64` and above any wall
    /// clock in microseconds.
    pub fn new(generation: u16, changes: ChangesOffset) -> Self {
        debug_assert!((1..2048).contains(&generation) && changes.get() < 1 << OFFSET_BITS);
        Self(u64::from(generation) << OFFSET_BITS | changes.get())
    }

    /// The generation in it.
    pub fn generation(self) -> u16 {
        (self.0 >> OFFSET_BITS) as u16
    }

    /// The offset in `changes` in it.
    pub fn offset(self) -> ChangesOffset {
        ChangesOffset::new(self.0 & ((1 << OFFSET_BITS) - 1))
    }

    /// The write timestamp of a row store that lets the larger timestamp win: version << 8 | step.
    /// `step` separates writes of one decision to one cell (a delete before an insert).
    pub fn timestamp(self, step: u8) -> i64 {
        (self.0 << 8 | u64::from(step)) as i64
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
