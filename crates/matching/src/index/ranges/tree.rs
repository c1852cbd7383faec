//! An interval tree over the fixed grid of all keys, for ranges that crowd in one cell. Must never
//! visit a range that lies away from the number, and must never rebalance: adding and removing
//! touch one node.
//!
//! A range lives in the one node whose middle splits it: the node is named by the bits its two ends
//! have in common, so there are at most 64 nodes above any number, found by hashing. A node that
//! holds many ranges keeps them twice, by low and by high end; left of the middle only the low end
//! decides, right of it only the high end, so a search reads matching ranges and one more.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::{Found, Span, found_leaf};

/// A node with more ranges than this keeps them sorted.
const SMALL: usize = 24;

#[derive(Debug)]
enum Node {
    One(Span),
    Few(Vec<Span>),
    Many(Box<Sorted>),
}

#[derive(Debug, Default)]
struct Sorted {
    by_low: BTreeSet<(u64, u32)>,
    by_high: BTreeSet<(u64, u32)>,
    count: usize,
}

/// Ranges that are many in one place.
#[derive(Debug)]
pub(super) struct RangeTree {
    nodes: HashMap<u64, Node>,
    /// How many ranges lie at each level; a search skips the empty ones.
    levels: [u32; 64],
    occupied: u64,
}

impl Default for RangeTree {
    fn default() -> Self {
        Self {
            nodes: HashMap::new(),
            levels: [0; 64],
            occupied: 0,
        }
    }
}

/// The level of the node that holds a span: that of the highest bit in which its ends differ.
fn span_level(span: Span) -> u32 {
    63_u32.saturating_sub((span.low ^ span.high).leading_zeros())
}

/// The middle of the node above a key at a level, which also is the node's name.
#[inline]
fn node_middle(key: u64, level: u32) -> u64 {
    (key >> level | 1) << level
}

impl RangeTree {
    pub(super) fn insert(&mut self, span: Span) {
        let level = span_level(span);
        self.levels[level as usize] += 1;
        self.occupied |= 1 << level;
        match self.nodes.entry(node_middle(span.high, level)) {
            hashbrown::hash_map::Entry::Vacant(place) => {
                place.insert(Node::One(span));
            }
            hashbrown::hash_map::Entry::Occupied(mut place) => place.get_mut().insert(span),
        }
    }

    pub(super) fn remove(&mut self, span: Span) {
        let level = span_level(span);
        let name = node_middle(span.high, level);
        let Some(node) = self.nodes.get_mut(&name) else {
            return;
        };
        if node.remove(span) {
            self.nodes.remove(&name);
        }
        self.levels[level as usize] -= 1;
        if self.levels[level as usize] == 0 {
            self.occupied &= !(1 << level);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// Visits every range that holds the number, and maybe some that end at its very key.
    pub(super) fn search(&self, at: u64, visit: &mut impl FnMut(Found)) {
        let mut levels = self.occupied;
        while levels != 0 {
            let level = levels.trailing_zeros();
            levels &= levels - 1;
            let middle = node_middle(at, level);
            if let Some(node) = self.nodes.get(&middle) {
                node.search(at, middle, visit);
            }
        }
    }
}

impl Node {
    fn insert(&mut self, span: Span) {
        match self {
            Node::One(first) => *self = Node::Few(vec![*first, span]),
            Node::Few(spans) if spans.len() < SMALL => spans.push(span),
            Node::Few(spans) => {
                let mut sorted = Sorted::default();
                spans
                    .drain(..)
                    .chain([span])
                    .for_each(|span| sorted.insert(span));
                *self = Node::Many(Box::new(sorted));
            }
            Node::Many(sorted) => sorted.insert(span),
        }
    }

    /// Whether the node is empty now.
    fn remove(&mut self, span: Span) -> bool {
        match self {
            Node::One(_) => true,
            Node::Few(spans) => {
                spans.retain(|found| *found != span);
                spans.is_empty()
            }
            Node::Many(sorted) => {
                sorted.by_low.remove(&(span.low, span.leaf));
                sorted.by_high.remove(&(span.high, span.leaf));
                sorted.count -= 1;
                sorted.count == 0
            }
        }
    }

    #[inline]
    fn search(&self, at: u64, middle: u64, visit: &mut impl FnMut(Found)) {
        match self {
            Node::One(span) => span.search(at, visit),
            Node::Few(spans) => spans.iter().for_each(|span| span.search(at, visit)),
            Node::Many(sorted) if at < middle => {
                sorted
                    .by_low
                    .range(..=(at, u32::MAX))
                    .for_each(|(low, leaf)| visit(found_leaf(*low == at, *leaf)));
            }
            Node::Many(sorted) => {
                sorted
                    .by_high
                    .range((at, 0)..)
                    .for_each(|(high, leaf)| visit(found_leaf(*high == at, *leaf)));
            }
        }
    }
}

impl Sorted {
    fn insert(&mut self, span: Span) {
        self.by_low.insert((span.low, span.leaf));
        self.by_high.insert((span.high, span.leaf));
        self.count += 1;
    }
}
