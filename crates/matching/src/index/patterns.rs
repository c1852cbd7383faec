//! The patterns of one field, found by a few bytes that a text must contain: a table of byte
//! windows instead of one large automaton, so that adding and removing never rebuild anything. Must
//! never skip a pattern that could be found; the pattern itself decides after.

use hashbrown::HashMap;

use super::literals::pattern_demands;
use super::posting::Posting;
use crate::pattern::Pattern;

/// Lengths of the windows that are looked up. A literal uses the longest that fits into it.
const WINDOWS: [usize; 5] = [1, 2, 3, 5, 8];

/// A window of bytes, lower case, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Gram {
    bytes: u64,
    length: u8,
}

/// Where a pattern waits: under each of the grams, or, when there are none, among those that are
/// always tried.
#[derive(Debug, Default)]
pub(super) struct PatternGrams {
    grams: Box<[Gram]>,
    /// The literals the grams were taken from, lower case; none when the grams are all of them.
    literals: Box<[Box<[u8]>]>,
}

/// Texts longer than this are left to the pattern, which searches faster than [`PatternGrams::may_match`].
const SHORT: usize = 128;

impl PatternGrams {
    /// Whether the text holds one of the literals: much cheaper than the pattern, whose automaton
    /// is seldom at hand.
    pub(super) fn may_match(&self, text: &str) -> bool {
        let text = text.as_bytes();
        let held = |literal: &[u8]| {
            text.windows(literal.len())
                .any(|window| window.eq_ignore_ascii_case(literal))
        };
        self.literals.is_empty()
            || text.len() > SHORT
            || self.literals.iter().any(|literal| held(literal))
    }
}

/// The patterns of one field.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    grams: HashMap<Gram, Posting>,
    /// How many grams there are of each length of [`WINDOWS`].
    lengths: [u32; WINDOWS.len()],
    always: Posting,
    count: usize,
}

impl Patterns {
    /// Adds a pattern and says where it went, which [`Patterns::remove`] wants to know.
    pub(super) fn insert(&mut self, pattern: &Pattern, leaf: u32) -> PatternGrams {
        let place = self.choose(pattern);
        for gram in &place.grams {
            let waiting = self.grams.entry(*gram).or_default();
            if waiting.is_empty() {
                self.lengths[window_index(gram)] += 1;
            }
            waiting.insert(leaf);
        }
        if place.grams.is_empty() {
            self.always.insert(leaf);
        }
        self.count += 1;
        place
    }

    pub(super) fn remove(&mut self, place: &PatternGrams, leaf: u32) {
        for gram in &place.grams {
            let Some(waiting) = self.grams.get_mut(gram) else {
                continue;
            };
            waiting.remove(leaf);
            if waiting.is_empty() {
                self.grams.remove(gram);
                self.lengths[window_index(gram)] -= 1;
            }
        }
        if place.grams.is_empty() {
            self.always.remove(leaf);
        }
        self.count -= 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Visits every pattern that could be found in the text, some of them several times.
    pub(super) fn search(&self, text: &str, mut visit: impl FnMut(u32)) {
        self.always.for_each(&mut visit);
        for (length, count) in WINDOWS.into_iter().zip(self.lengths) {
            if count == 0 || text.len() < length {
                continue;
            }
            let mask = length_mask(length);
            let mut bytes = 0_u64;
            for (at, byte) in text.bytes().enumerate() {
                bytes = (bytes << 8 | u64::from(byte.to_ascii_lowercase())) & mask;
                let gram = Gram {
                    bytes,
                    length: length as u8,
                };
                if at + 1 >= length
                    && let Some(waiting) = self.grams.get(&gram)
                {
                    waiting.for_each(&mut visit);
                }
            }
        }
    }

    /// The demand of the pattern that will bring up the fewest false candidates.
    fn choose(&self, pattern: &Pattern) -> PatternGrams {
        let Some(hir) = pattern.hir() else {
            return PatternGrams::default();
        };
        let cost = |demand: &Vec<Vec<u8>>| {
            demand
                .iter()
                .map(|literal| self.rarest(literal).0)
                .sum::<f64>()
        };
        let rated = pattern_demands(&hir)
            .into_iter()
            .map(|demand| (cost(&demand), demand));
        let Some((_, literals)) = rated.min_by(|a, b| a.0.total_cmp(&b.0)) else {
            return PatternGrams::default();
        };
        let mut grams: Vec<Gram> = literals
            .iter()
            .map(|literal| self.rarest(literal).1)
            .collect();
        grams.sort_by_key(|gram| (gram.length, gram.bytes));
        grams.dedup();
        let whole = literals
            .iter()
            .all(|literal| WINDOWS.contains(&literal.len()));
        let literals = if whole {
            Box::default()
        } else {
            literals.into_iter().map(Vec::into_boxed_slice).collect()
        };
        PatternGrams {
            grams: grams.into(),
            literals,
        }
    }

    /// The window of a literal that the fewest patterns wait under, and a guess of how often that
    /// will be for nothing.
    fn rarest(&self, literal: &[u8]) -> (f64, Gram) {
        let length = WINDOWS
            .into_iter()
            .rev()
            .find(|length| *length <= literal.len())
            .unwrap_or(1);
        let grams = literal.windows(length).map(|window| Gram {
            bytes: window
                .iter()
                .fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)),
            length: length as u8,
        });
        let waiting = |gram: &Gram| self.grams.get(gram).map_or(0, Posting::len);
        let gram = grams.min_by_key(waiting).unwrap_or(Gram {
            bytes: 0,
            length: 1,
        });
        (
            0.1_f64.powi(length as i32) * (1.0 + waiting(&gram) as f64),
            gram,
        )
    }
}

fn length_mask(length: usize) -> u64 {
    if length >= 8 {
        u64::MAX
    } else {
        (1 << (8 * length)) - 1
    }
}

fn window_index(gram: &Gram) -> usize {
    WINDOWS
        .iter()
        .position(|length| *length == usize::from(gram.length))
        .unwrap_or(0)
}
