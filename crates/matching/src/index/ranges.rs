//! The ranges of one field, found by a number inside them: cells of the line of all numbers, each
//! range in those just wider than it is. Must never answer by a cell alone: the ends decide, and
//! where the keys of two numbers are the same, the exact comparison.
//!
//! Numbers become 64-bit keys in the same order. A range lies in the cells of the level whose cells
//! are just not narrower, so in at most two; a number looks into one cell of each level in use. The
//! keys of floating numbers double their distance with each power of two, so which levels are in
//! use is kept for each power: ranges of one width have a level for each, of which a number needs
//! one. A cell that gets crowded keeps its ranges in an interval tree, where a search reads
//! matching ranges and few more, however they lie.

mod tree;

#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use super::named::NamedTable;
use crate::filter::Bounds;
use crate::number::Number;
use tree::RangeTree;

/// A cell with more ranges than this keeps them in a tree.
const CROWDED: usize = 32;

/// Cells up to this level lie within one power of two.
const POWER: u32 = 52;

/// A range with the number of its leaf, its ends as keys, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    low: u64,
    high: u64,
    leaf: u32,
}

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The number is inside.
    Certain(u32),
    /// The number is so near to an end that only the exact comparison can tell.
    Check(u32),
}

/// Ranges that touch a cell.
#[derive(Debug)]
enum RangeCell {
    Few(SmallVec<[Span; 3]>),
    Many(Box<RangeTree>),
}

/// The levels in use.
#[derive(Debug)]
struct Levels {
    used: u64,
    counts: [u32; 64],
}

/// The ranges of one field.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    cells: NamedTable<RangeCell>,
    /// Of cells within a power of two, by the power.
    narrow: NamedTable<Levels>,
    /// Of wider ones.
    wide: Levels,
    count: usize,
}

impl Default for RangeCell {
    fn default() -> Self {
        RangeCell::Few(SmallVec::new())
    }
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            used: 0,
            counts: [0; 64],
        }
    }
}

/// A key in the order of the numbers; numbers that differ may share one.
fn number_key(number: Number) -> u64 {
    let bits = number.to_f64().to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

fn bounds_span(bounds: &Bounds, leaf: u32) -> Span {
    Span {
        low: bounds.low.map_or(0, |limit| number_key(limit.at)),
        high: bounds.high.map_or(u64::MAX, |limit| number_key(limit.at)),
        leaf,
    }
}

/// The name of the cell of a level, from 1, in which a key lies.
#[inline]
fn cell_name(key: u64, level: u32) -> u64 {
    (key >> level << 1 | 1) << (level - 1)
}

impl Span {
    /// The lowest level with cells that are not narrower.
    fn level(self) -> u32 {
        (u64::BITS - self.high.wrapping_sub(self.low).leading_zeros()).clamp(1, 63)
    }

    /// The keys whose cells it touches, one for each cell. A range that ends before it begins holds
    /// no number.
    fn ends(self, level: u32) -> impl Iterator<Item = u64> {
        let second = (self.low >> level != self.high >> level).then_some(self.high);
        std::iter::once(self.low).chain(second)
    }

    #[inline]
    fn search(&self, at: u64, visit: &mut impl FnMut(Found)) {
        if self.low <= at && at <= self.high {
            visit(found_leaf(self.low == at || self.high == at, self.leaf));
        }
    }
}

#[inline]
fn found_leaf(at_end: bool, leaf: u32) -> Found {
    if at_end {
        Found::Check(leaf)
    } else {
        Found::Certain(leaf)
    }
}

impl Levels {
    fn add(&mut self, level: u32) {
        self.counts[level as usize] += 1;
        self.used |= 1 << level;
    }

    fn take(&mut self, level: u32) {
        self.counts[level as usize] -= 1;
        if self.counts[level as usize] == 0 {
            self.used &= !(1 << level);
        }
    }
}

impl Ranges {
    pub(super) fn insert(&mut self, bounds: &Bounds, leaf: u32) {
        let span = bounds_span(bounds, leaf);
        let level = span.level();
        for key in span.ends(level) {
            self.cells
                .change(cell_name(key, level), |cell| cell.insert(span));
            if level <= POWER {
                self.narrow.change(key >> POWER, |levels| levels.add(level));
            } else {
                self.wide.add(level);
            }
        }
        self.count += 1;
    }

    pub(super) fn remove(&mut self, bounds: &Bounds, leaf: u32) {
        let span = bounds_span(bounds, leaf);
        let level = span.level();
        for key in span.ends(level) {
            let name = cell_name(key, level);
            if self
                .cells
                .get_mut(name)
                .is_some_and(|cell| cell.remove(span))
            {
                self.cells.remove(name);
            }
            if level > POWER {
                self.wide.take(level);
            } else if let Some(levels) = self.narrow.get_mut(key >> POWER) {
                levels.take(level);
                if levels.used == 0 {
                    self.narrow.remove(key >> POWER);
                }
            }
        }
        self.count -= 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Visits every range that holds the number, and maybe some that end at its very key.
    #[inline]
    pub(super) fn search(&self, number: Number, mut visit: impl FnMut(Found)) {
        let at = number_key(number);
        let narrow = self.narrow.get(at >> POWER);
        let mut levels = self.wide.used | narrow.map_or(0, |levels| levels.used);
        while levels != 0 {
            let level = levels.trailing_zeros();
            levels &= levels - 1;
            match self.cells.get(cell_name(at, level)) {
                None => {}
                Some(RangeCell::Few(spans)) => {
                    spans.iter().for_each(|span| span.search(at, &mut visit))
                }
                Some(RangeCell::Many(tree)) => tree.search(at, &mut visit),
            }
        }
    }
}

impl RangeCell {
    fn insert(&mut self, span: Span) {
        match self {
            RangeCell::Few(spans) if spans.len() < CROWDED => spans.push(span),
            RangeCell::Few(spans) => {
                let mut tree = RangeTree::default();
                spans
                    .drain(..)
                    .chain([span])
                    .for_each(|span| tree.insert(span));
                *self = RangeCell::Many(Box::new(tree));
            }
            RangeCell::Many(tree) => tree.insert(span),
        }
    }

    /// Whether the cell is empty now.
    fn remove(&mut self, span: Span) -> bool {
        match self {
            RangeCell::Few(spans) => {
                spans.retain(|found| *found != span);
                spans.is_empty()
            }
            RangeCell::Many(tree) => {
                tree.remove(span);
                tree.is_empty()
            }
        }
    }
}
