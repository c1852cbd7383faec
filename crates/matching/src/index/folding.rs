//! A hash of a few words and a short text, by multiplications whose halves are folded together.
//! Must never be used without the seeds of its table: whoever chooses values must not know which
//! collide.

use std::hash::{BuildHasher, Hasher};

use hashbrown::DefaultHashBuilder;

/// Two odd numbers that differ in each process.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoldingSeeds([u64; 2]);

impl Default for FoldingSeeds {
    fn default() -> Self {
        let hasher = DefaultHashBuilder::default();
        Self([1_u64, 2].map(|number| hasher.hash_one(number) | 1))
    }
}

impl FoldingSeeds {
    #[inline]
    pub(super) fn hasher(self) -> FoldingHasher {
        FoldingHasher {
            state: self.0[0],
            seed: self.0[1],
        }
    }

    #[inline]
    pub(super) fn of_number(self, number: u64) -> u64 {
        fold(number ^ self.0[0], self.0[1])
    }
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// What has been fed so far.
#[derive(Debug)]
pub(super) struct FoldingHasher {
    state: u64,
    seed: u64,
}

impl FoldingHasher {
    #[inline]
    fn feed(&mut self, first: u64, last: u64) {
        self.state = fold(self.state ^ first, self.seed ^ last);
    }
}

impl Hasher for FoldingHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((chunk, after)) = rest.split_first_chunk::<16>()
            && !after.is_empty()
        {
            let number = u128::from_le_bytes(*chunk);
            self.feed(number as u64, (number >> 64) as u64);
            rest = after;
        }
        // The ends may overlap: the length tells such texts apart.
        let (first, last) = if let (Some(first), Some(last)) =
            (rest.first_chunk::<8>(), rest.last_chunk::<8>())
        {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>())
        {
            (
                u64::from(u32::from_le_bytes(*first)),
                u64::from(u32::from_le_bytes(*last)),
            )
        } else {
            let letters = rest.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
            (letters, 0)
        };
        self.feed(first, last.rotate_left(32) ^ bytes.len() as u64);
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.feed(number, 0);
    }

    #[inline]
    fn write_i64(&mut self, number: i64) {
        self.feed(number as u64, 0);
    }

    #[inline]
    fn write_isize(&mut self, number: isize) {
        self.feed(number as u64, 0);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}
