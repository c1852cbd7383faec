//! One field that registered filters speak of: the structures in which its conditions wait for a
//! value. Must never hold a condition that nobody waits for.

use super::leaf::{IndexedLeaf, LeafSearch, Test};
use super::patterns::Patterns;
use super::posting::Posting;
use super::ranges::Ranges;
use super::shapes::IndexedShapes;
use crate::field::FieldPath;
use crate::filter::Bounds;
use crate::number::Number;

/// No leaf.
pub(super) const NONE: u32 = u32::MAX;

/// One field.
#[derive(Debug)]
pub(super) struct IndexedField {
    pub(super) path: FieldPath,
    /// How many leaves are about it, waited for or not.
    pub(super) references: u32,
    /// The leaf of `exists`, when somebody waits for it.
    pub(super) exists: u32,
    /// How many leaves of `equals` and of `exists f[…]` are waited for; they are found by their
    /// hash.
    pub(super) equals: u32,
    pub(super) holds: u32,
    pub(super) ranges: Option<Box<Ranges>>,
    pub(super) patterns: Option<Box<Patterns>>,
    pub(super) shapes: Option<Box<IndexedShapes>>,
    pub(super) selects: Posting,
    /// The smallest and largest end of a range ever seen: the width of a range is judged by them.
    smallest: f64,
    largest: f64,
}

impl IndexedField {
    pub(super) fn new(path: FieldPath) -> Self {
        Self {
            path,
            references: 0,
            exists: NONE,
            equals: 0,
            holds: 0,
            ranges: None,
            patterns: None,
            shapes: None,
            selects: Posting::default(),
            smallest: f64::INFINITY,
            largest: f64::NEG_INFINITY,
        }
    }

    /// Somebody waits for the leaf now.
    pub(super) fn activate(&mut self, number: u32, leaf: &mut IndexedLeaf) {
        match &mut leaf.test {
            Test::Equals(_) => self.equals += 1,
            Test::Holds(_) => self.holds += 1,
            Test::Exists => self.exists = number,
            Test::Range(bounds) => self.ranges.get_or_insert_default().insert(bounds, number),
            Test::Regexp(search) => {
                let LeafSearch { pattern, place } = &mut **search;
                *place = self
                    .patterns
                    .get_or_insert_default()
                    .insert(pattern, number);
            }
            Test::Geo(_) | Test::Polygon(_) => {
                let shapes = self.shapes.get_or_insert_default();
                leaf.test
                    .bounds()
                    .iter()
                    .for_each(|bounds| shapes.insert(bounds, leaf.test.inner(), number));
            }
            Test::Select(_) => self.selects.insert(number),
            Test::Match(_) | Test::Tree(_) => {}
        }
    }

    /// Nobody waits for the leaf any more.
    pub(super) fn deactivate(&mut self, number: u32, leaf: &IndexedLeaf) {
        match &leaf.test {
            Test::Equals(_) => self.equals -= 1,
            Test::Holds(_) => self.holds -= 1,
            Test::Exists => self.exists = NONE,
            Test::Range(bounds) => {
                if let Some(ranges) = &mut self.ranges {
                    ranges.remove(bounds, number);
                }
            }
            Test::Regexp(search) => {
                if let Some(patterns) = &mut self.patterns {
                    patterns.remove(&search.place, number);
                }
            }
            Test::Geo(_) | Test::Polygon(_) => {
                if let (Some(shapes), Some(bounds)) = (&mut self.shapes, leaf.test.bounds()) {
                    shapes.remove(&bounds, number);
                }
            }
            Test::Select(_) => self.selects.remove(number),
            Test::Match(_) | Test::Tree(_) => {}
        }
        self.drop_empty();
    }

    fn drop_empty(&mut self) {
        self.ranges.take_if(|ranges| ranges.is_empty());
        self.patterns.take_if(|patterns| patterns.is_empty());
        self.shapes.take_if(|shapes| shapes.is_empty());
    }

    /// A new leaf is about this field: learn from it what is usual here.
    pub(super) fn learn(&mut self, test: &Test) {
        if let Test::Range(bounds) = test {
            for limit in [bounds.low, bounds.high].into_iter().flatten() {
                self.smallest = self.smallest.min(limit.at.to_f64());
                self.largest = self.largest.max(limit.at.to_f64());
            }
        }
    }

    /// A guess of the share of documents for which the test holds: only ever used to choose what to
    /// wait for.
    pub(super) fn share(&self, test: &Test, references: u32) -> f64 {
        match test {
            Test::Equals(held) => one_of(self.equals, references, held.is_truth()),
            Test::Holds(_) => one_of(self.holds, references, false),
            Test::Exists => 0.95,
            Test::Range(bounds) => self.share_of_range(bounds),
            Test::Regexp(_) => 0.08,
            Test::Geo(_) | Test::Polygon(_) => {
                test.bounds().map_or(1.0, |bounds| share_of_area(&bounds))
            }
            Test::Match(_) => 0.09,
            Test::Select(_) => 0.6,
            Test::Tree(_) => 1.0,
        }
    }

    fn share_of_range(&self, bounds: &Bounds) -> f64 {
        let number =
            |limit: Option<crate::filter::Limit>| limit.map(|limit| Number::to_f64(limit.at));
        let all = self.largest - self.smallest;
        match (number(bounds.low), number(bounds.high)) {
            (Some(low), Some(high)) if all > 0.0 => (0.5 * (high - low) / all).clamp(1e-9, 0.5),
            (Some(low), None) if all > 0.0 => ((self.largest - low) / all).clamp(0.1, 0.9),
            (None, Some(high)) if all > 0.0 => ((high - self.smallest) / all).clamp(0.1, 0.9),
            _ => 0.4,
        }
    }
}

/// The share of one of several values, of which this one is asked for so many times.
fn one_of(values: u32, references: u32, truth: bool) -> f64 {
    if truth {
        return 0.5;
    }
    let even = 1.0 / f64::from(values.max(16));
    // Many filters that ask for a value make it likely that many documents have it.
    let popularity =
        f64::from(references) / (f64::from(references) + 4.0 * f64::from(values) + 64.0);
    (even + 0.3 * popularity * even.sqrt()).min(0.5)
}

/// The share of the earth's surface, leaning to the side that documents gather where filters are.
fn share_of_area(bounds: &crate::geo::Bounds) -> f64 {
    let width = |bounds: crate::geo::Rectangle| {
        (bounds.east - bounds.west).abs() * (bounds.north - bounds.south).abs().min(180.0)
    };
    let degrees = width(bounds.first) + bounds.second.map_or(0.0, width);
    (degrees / 64_800.0).sqrt().clamp(1e-6, 0.9) * 0.3
}
