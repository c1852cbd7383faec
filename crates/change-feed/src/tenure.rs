//! Which records of a partition of `changes` count: those of the newest tenure that stand where
//! they say they must, as long as every record since its `open` did.
//!
//! A record that stands elsewhere is the trace of one that never landed; one of an older tenure may
//! fill the very place of one that never landed, so that those behind it stand where they must. The
//! writer gave the tenure up when it saw either, and so does every reader here. This is the only
//! place that knows.
//!
//! See ADR 14.

use event_schema::{
    decision::Change,
    offset::{ChangesOffset, Epoch},
};

/// Reads a partition in order and says of each record whether it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenureRule {
    /// The tenure whose records count; `None` before the first `open`, and from the first record
    /// that does not belong where it stands up to the next `open`.
    epoch: Option<Epoch>,
}

impl TenureRule {
    /// Begins in the middle, where this epoch is in force.
    pub fn in_force(epoch: Option<Epoch>) -> Self {
        Self { epoch }
    }

    /// The epoch in force behind the last record.
    pub fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Takes the next record; does it count? An `open` always does.
    pub fn counts(&mut self, offset: ChangesOffset, change: &Change) -> bool {
        let Some((epoch, at)) = change.place() else {
            self.epoch = Some(Epoch::begun_at(offset));
            return true;
        };
        let belongs = self.epoch == Some(epoch) && at == offset;
        if !belongs {
            self.epoch = None;
        }
        belongs
    }
}

#[cfg(test)]
mod tests;
