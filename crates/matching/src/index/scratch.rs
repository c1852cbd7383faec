//! What a thread needs to match documents: kept between documents, so that matching allocates
//! nothing. Must never carry an answer from one document to the next.

/// Working memory for [`super::Engine::matches`]. One for each thread; any engine may use it.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The document's number, three bits below free in `leaves`.
    epoch: u32,
    /// For each leaf: the epoch in which something became known of it, and what.
    leaves: Vec<u32>,
    /// For each filter that can be reached in several ways: the epoch in which it was told.
    filters: Vec<u32>,
    /// For each group: the epoch in which its guard held.
    groups: Vec<u32>,
    /// For each field: the epoch in which the document had it, and the place of its value.
    fields: Vec<(u32, u32)>,
    pub(super) matched: Vec<u64>,
}

/// Epochs fit into what the flags of a leaf leave.
const LAST_EPOCH: u32 = u32::MAX >> 3;
const TOLD: u32 = 1;
const EVALUATED: u32 = 2;
const TRUE: u32 = 4;

impl Scratch {
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the last document.
    pub(super) fn begin(&mut self, leaves: usize, filters: usize, groups: usize, fields: usize) {
        if self.epoch == LAST_EPOCH {
            self.epoch = 0;
            self.leaves.fill(0);
            self.filters.fill(0);
            self.groups.fill(0);
            self.fields.fill((0, 0));
        }
        self.epoch += 1;
        self.matched.clear();
        grow_places(&mut self.leaves, leaves, 0);
        grow_places(&mut self.filters, filters, 0);
        grow_places(&mut self.groups, groups, 0);
        grow_places(&mut self.fields, fields, (0, 0));
    }

    fn flags(&self, leaf: u32) -> u32 {
        let known = self.leaves[leaf as usize];
        if known >> 3 == self.epoch {
            known & 7
        } else {
            0
        }
    }

    /// Whether this is the first time that the leaf is told to those who wait for it.
    pub(super) fn tell(&mut self, leaf: u32) -> bool {
        let flags = self.flags(leaf);
        self.leaves[leaf as usize] = self.epoch << 3 | flags | TOLD;
        flags & TOLD == 0
    }

    pub(super) fn known(&self, leaf: u32) -> Option<bool> {
        let flags = self.flags(leaf);
        (flags & EVALUATED != 0).then_some(flags & TRUE != 0)
    }

    pub(super) fn remember(&mut self, leaf: u32, truth: bool) {
        let flags = self.flags(leaf) | EVALUATED | if truth { TRUE } else { 0 };
        self.leaves[leaf as usize] = self.epoch << 3 | flags;
    }

    /// Whether this is the first time that the filter is told.
    #[inline]
    pub(super) fn first(&mut self, slot: u32) -> bool {
        std::mem::replace(&mut self.filters[slot as usize], self.epoch) != self.epoch
    }

    pub(super) fn close(&mut self, group: u32) {
        self.groups[group as usize] = self.epoch;
    }

    pub(super) fn is_closed(&self, group: usize) -> bool {
        self.groups[group] == self.epoch
    }

    /// Notes where the value of a field is; the place it had before, if it came already.
    pub(super) fn place(&mut self, field: u32, place: u32) -> Option<u32> {
        let known = std::mem::replace(&mut self.fields[field as usize], (self.epoch, place));
        (known.0 == self.epoch).then_some(known.1)
    }

    #[inline]
    pub(super) fn place_of(&self, field: u32) -> Option<usize> {
        let (epoch, place) = *self.fields.get(field as usize)?;
        (epoch == self.epoch).then_some(place as usize)
    }
}

/// Room for so many, with as much again to spare, so that an engine that grows does not grow this
/// with every filter.
fn grow_places<T: Clone>(places: &mut Vec<T>, count: usize, empty: T) {
    if places.len() < count {
        places.resize(count.next_power_of_two(), empty);
    }
}
