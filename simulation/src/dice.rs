//! All chance of a history, from its seed.

use parking_lot::Mutex;
use std::sync::Arc;

/// SplitMix64 (Steele, Lea and Flood 2014): small, and the same everywhere. Clones share one
/// sequence.
#[derive(Clone, Debug)]
pub struct SeededDice(Arc<Mutex<u64>>);

impl SeededDice {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    /// 0 to `sides - 1`.
    pub fn roll(&self, sides: u64) -> u64 {
        let mut state = self.0.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }

    /// True once in so many.
    pub fn once_in(&self, sides: u64) -> bool {
        self.roll(sides) == 0
    }

    pub fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.roll(of.len() as u64) as usize)
    }
}
