//! All chance of a history, from its seed.

use parking_lot::Mutex;
use seeded_dice::SeededDice;
use std::sync::Arc;

/// Clones share one sequence.
#[derive(Clone, Debug)]
pub struct SharedDice(Arc<Mutex<SeededDice>>);

impl SharedDice {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(SeededDice::new(seed))))
    }

    /// 0 to `sides - 1`.
    pub fn roll(&self, sides: u64) -> u64 {
        self.0.lock().roll(sides)
    }

    /// True once in so many.
    pub fn once_in(&self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    pub fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        self.0.lock().try_pick(of)
    }
}
