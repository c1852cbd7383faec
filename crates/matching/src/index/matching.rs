//! One document against all filters.
//! Must never allocate for a filter, nor lock.

use serde_json::Value;
use smallvec::SmallVec;

use super::conjunction::{ConjunctionTarget, is_negated, leaf_of};
use super::field::{IndexedField, NONE};
use super::leaf::{EQUALS, HOLDS, IndexedLeaf};
use super::ranges::Found;
use super::scalar::ScalarRef;
use super::{Engine, Scratch};
use crate::document::Document;
use crate::geo::{self, TestedPoint};

/// The fields of a document that some filter speaks of.
type Values<'a> = SmallVec<[(u32, &'a Value); 24]>;

/// One document on its way through an engine.
struct MatchRun<'e, 'd, 's> {
    engine: &'e Engine,
    document: &'e Document<'d>,
    values: Values<'d>,
    scratch: &'s mut Scratch,
}

impl Engine {
    /// The numbers of the filters that the document satisfies, each once, in no particular order.
    pub fn matches<'s>(&self, document: &Document<'_>, scratch: &'s mut Scratch) -> &'s [u64] {
        let leaves = &self.leaves;
        scratch.begin(
            leaves.all.capacity(),
            self.filters.capacity(),
            self.guards.groups.len(),
            leaves.fields.capacity(),
        );
        // Made where it stays: to move it would cost more than a small document.
        let mut run = MatchRun {
            engine: self,
            document,
            values: Values::new(),
            scratch,
        };
        run.read();
        run.all();
        &scratch.matched
    }
}

impl<'d> MatchRun<'_, 'd, '_> {
    /// Notes the fields that some filter speaks of.
    fn read(&mut self) {
        let (values, scratch) = (&mut self.values, &mut *self.scratch);
        let names = &self.engine.leaves.names;
        names.visit(self.document, &mut |field, value: &'d Value| {
            let end = u32::try_from(values.len()).unwrap_or(u32::MAX);
            match scratch.place(field, end) {
                None => values.push((field, value)),
                // The same path again, spelled otherwise: the later one counts.
                Some(before) => {
                    scratch.place(field, before);
                    values[before as usize].1 = value;
                }
            }
        });
    }
}

impl MatchRun<'_, '_, '_> {
    fn all(&mut self) {
        self.engine
            .everything
            .for_each(|target| self.told(ConjunctionTarget(target)));
        for place in 0..self.values.len() {
            let (number, value) = self.values[place];
            if let Some(field) = self.engine.leaves.fields.get(number) {
                self.field(number, field, value);
            }
        }
        self.objects();
        self.engine
            .always
            .for_each(|target| self.told(ConjunctionTarget(target)));
        for (number, group) in self.engine.guards.groups.iter().enumerate() {
            if !self.scratch.is_closed(number) {
                group
                    .members
                    .iter()
                    .for_each(|target| self.told(ConjunctionTarget(*target)));
            }
        }
    }

    fn field(&mut self, number: u32, field: &IndexedField, value: &Value) {
        if field.exists != NONE {
            self.holds(field.exists);
        }
        match value {
            Value::Array(items) => self.array(number, field, items),
            Value::Object(_) => {}
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.scalar(number, field, value)
            }
        }
        if let Some(shapes) = &field.shapes
            && let Some(point) = geo::parse_point(value)
        {
            let tested = TestedPoint::from(point);
            shapes.search(point, |leaf, inside| self.area(leaf, inside, &tested));
        }
    }

    fn scalar(&mut self, number: u32, field: &IndexedField, value: &Value) {
        let Some(scalar) = ScalarRef::from_json(value) else {
            return;
        };
        if field.equals > 0
            && let Some(leaf) = self.engine.leaves.find_scalar(EQUALS, number, scalar)
        {
            self.holds(leaf);
        }
        match (scalar, &field.ranges, &field.patterns) {
            (ScalarRef::Number(number), Some(ranges), _) => {
                ranges.search(number, |found| match found {
                    Found::Certain(leaf) => self.holds(leaf),
                    Found::Check(leaf) => self.check(leaf),
                })
            }
            (ScalarRef::Text(text), _, Some(patterns)) => {
                patterns.search(text, |leaf| self.candidate(leaf))
            }
            _ => {}
        }
    }

    fn array(&mut self, number: u32, field: &IndexedField, items: &[Value]) {
        if field.holds > 0 {
            for scalar in items.iter().filter_map(ScalarRef::from_json) {
                if let Some(leaf) = self.engine.leaves.find_scalar(HOLDS, number, scalar) {
                    // The same element may come again.
                    if self.scratch.tell(leaf) {
                        self.holds(leaf);
                    }
                }
            }
        }
        field.selects.for_each(|leaf| self.candidate(leaf));
    }

    /// The `match` conditions speak of keys, not of fields.
    fn objects(&mut self) {
        let objects = &self.engine.leaves.objects;
        if !objects.is_empty() {
            let document = self.document;
            document.each_key(&mut |key, value| {
                objects.search(key, value, &mut |leaf| self.candidate(leaf))
            });
        }
    }

    /// An area that may hold the position, or surely does, and may have come up before.
    fn area(&mut self, number: u32, inside: bool, at: &TestedPoint) {
        if !self.scratch.tell(number) {
            return;
        }
        let known = self.scratch.known(number).or(inside.then_some(true));
        let truth = known.unwrap_or_else(|| {
            let leaf = self.engine.leaves.all.get(number);
            leaf.is_some_and(|leaf| leaf.test.holds_at(at))
        });
        self.scratch.remember(number, truth);
        if truth {
            self.holds(number);
        }
    }

    /// A leaf that may hold, and may have come up before.
    fn candidate(&mut self, leaf: u32) {
        if self.scratch.tell(leaf) {
            self.check(leaf);
        }
    }

    fn check(&mut self, leaf: u32) {
        if self.truth(leaf) {
            self.holds(leaf);
        }
    }

    /// The leaf holds: tells those who wait for it. Comes at most once for each leaf.
    #[inline]
    fn holds(&mut self, number: u32) {
        let Some(leaf) = self.engine.leaves.all.get(number) else {
            return;
        };
        if leaf.group > 0 {
            self.scratch.close(leaf.group - 1);
        }
        leaf.waiting
            .for_each(|target| self.told(ConjunctionTarget(target)));
    }

    #[inline]
    fn told(&mut self, target: ConjunctionTarget) {
        if target.is_filter() {
            if !target.is_several() || self.scratch.first(target.number()) {
                self.scratch
                    .matched
                    .push(self.engine.ids[target.number() as usize]);
            }
            return;
        }
        self.conjunction(target.number());
    }

    /// Verifies what is left of a conjunction.
    #[inline(never)]
    fn conjunction(&mut self, number: u32) {
        let Some(conjunction) = self.engine.conjunctions.get(number) else {
            return;
        };
        let settled = conjunction.settled();
        if conjunction
            .codes
            .iter()
            .all(|code| *code == settled || self.truth(leaf_of(*code)) != is_negated(*code))
        {
            conjunction
                .owners
                .for_each(|owner| self.told(ConjunctionTarget(owner)));
        }
    }

    /// Whether the leaf holds; what is costly is found out once.
    fn truth(&mut self, number: u32) -> bool {
        let Some(leaf) = self.engine.leaves.all.get(number) else {
            return false;
        };
        if !leaf.test.is_costly() {
            return leaf.test.holds(self.value(leaf), self.document);
        }
        if let Some(truth) = self.scratch.known(number) {
            return truth;
        }
        let truth = leaf.test.holds(self.value(leaf), self.document);
        self.scratch.remember(number, truth);
        truth
    }

    #[inline]
    fn value(&self, leaf: &IndexedLeaf) -> Option<&Value> {
        self.scratch
            .place_of(leaf.field)
            .map(|place| self.values[place].1)
    }
}
