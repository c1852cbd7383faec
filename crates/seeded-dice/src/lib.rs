//! Chance for tests. The same seed gives the same draws on every machine and in every release, so
//! that a printed seed plays a failure again; nothing here may read a clock or the system's
//! randomness.

mod damage;

pub use damage::{damage_bytes, damaged_copy, mutation_count, refuse_huge_memory};

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct SeededDice(u64);

impl SeededDice {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `sides - 1`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.draw() % sides.max(1)
    }

    /// 0 to `end - 1`.
    pub fn below(&mut self, end: usize) -> usize {
        self.roll(end as u64) as usize
    }

    /// Within [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True in `part` of `whole` draws.
    pub fn chance(&mut self, part: usize, whole: usize) -> bool {
        self.below(whole) < part
    }

    /// One of these, of which there must be some.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of these, if there are any.
    pub fn try_pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::SeededDice;

    /// Seeds that were written down must mean the same for ever.
    #[test]
    fn the_draws_of_a_seed_never_change() {
        let mut dice = SeededDice::new(7);
        let drawn = [dice.draw(), dice.draw(), dice.draw()];
        let known = [
            7_191_089_600_892_374_487,
            309_689_372_594_955_804,
            16_616_101_746_815_609_346,
        ];
        assert_eq!(drawn, known);
    }
}
