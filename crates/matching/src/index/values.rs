//! Which leaf asks for a scalar: a table of places of eight bytes, so that a look-up reads one line
//! of it and then the leaf. Must never grow while as much is removed as added, nor take a leaf by
//! its hash alone: the caller compares.

/// The fewest places of a table that has any, as a power of two.
const LEAST_BITS: u32 = 3;

/// A place is 0, or the upper half of a hash and below it one more than a leaf.
#[derive(Debug, Default)]
pub(super) struct ValueTable {
    places: Vec<u64>,
    bits: u32,
    count: usize,
}

#[inline]
fn place_of(hash: u64, leaf: u32) -> u64 {
    hash >> 32 << 32 | u64::from(leaf + 1)
}

#[inline]
fn leaf_at(place: u64) -> u32 {
    place as u32 - 1
}

impl ValueTable {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Where the search for a hash begins.
    #[inline]
    fn home(&self, place: u64) -> usize {
        (place >> (64 - self.bits)) as usize
    }

    #[inline]
    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.places.len() - 1)
    }

    /// The leaf with this hash that is the same.
    #[inline]
    pub(super) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        if self.places.is_empty() {
            return None;
        }
        let mut at = self.home(hash);
        loop {
            let place = self.places[at];
            if place == 0 {
                return None;
            }
            if place >> 32 == hash >> 32 && same(leaf_at(place)) {
                return Some(leaf_at(place));
            }
            at = self.next(at);
        }
    }

    /// The leaf must not be there yet.
    pub(super) fn insert(&mut self, hash: u64, leaf: u32) {
        if (self.count + 1) * 8 > self.places.len() * 5 {
            self.resize((self.bits + 1).max(LEAST_BITS));
        }
        self.put(place_of(hash, leaf));
        self.count += 1;
    }

    pub(super) fn remove(&mut self, hash: u64, leaf: u32) {
        if self.places.is_empty() {
            return;
        }
        let wanted = place_of(hash, leaf);
        let mut at = self.home(hash);
        while self.places[at] != wanted {
            if self.places[at] == 0 {
                return;
            }
            at = self.next(at);
        }
        self.close(at);
        self.count -= 1;
        if self.count == 0 {
            *self = Self::default();
        } else if self.count * 8 < self.places.len() && self.bits > LEAST_BITS {
            self.resize(self.bits - 1);
        }
    }

    /// Moves back what follows a gap and would not be found behind it.
    fn close(&mut self, gap: usize) {
        let (mut gap, mut at) = (gap, self.next(gap));
        while self.places[at] != 0 {
            let distance = |from: usize| at.wrapping_sub(from) & (self.places.len() - 1);
            if distance(self.home(self.places[at])) >= distance(gap) {
                self.places[gap] = self.places[at];
                gap = at;
            }
            at = self.next(at);
        }
        self.places[gap] = 0;
    }

    fn put(&mut self, place: u64) {
        let mut at = self.home(place);
        while self.places[at] != 0 {
            at = self.next(at);
        }
        self.places[at] = place;
    }

    fn resize(&mut self, bits: u32) {
        let old = std::mem::replace(&mut self.places, vec![0; 1 << bits]);
        self.bits = bits;
        old.into_iter()
            .filter(|place| *place != 0)
            .for_each(|place| self.put(place));
    }
}

#[cfg(test)]
mod tests;
