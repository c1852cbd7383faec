//! What a filter will cost before it is registered: for limits, for telling an author. Must never
//! touch a document.

use serde::Serialize;

use crate::filter::{Condition, Filter, Shape};
use crate::normalise::{Literal, Normalised, Term, Tree};

/// The size of a filter's canonical form, and an estimate of what testing it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Cost {
    /// Leaf conditions as written, an `in` of n values counting n.
    pub conditions: usize,
    /// Conjunctions of the canonical form.
    pub conjunctions: usize,
    /// Literals of the canonical form.
    pub literals: usize,
    /// Conjunctions that hold only negations and trees: nothing a document has can point to them,
    /// so they are tested against every document.
    pub unindexed: usize,
    pub patterns: usize,
    /// Distances and polygon edges: what may need a geodesic to be solved.
    pub geodesics: usize,
    /// Steps to evaluate the canonical form against one document at worst: a comparison is 1, a
    /// pattern 50, a geodesic 20.
    pub steps: u64,
}

const PATTERN_STEPS: u64 = 50;
const GEODESIC_STEPS: u64 = 20;

impl Filter {
    /// Whether the filter contradicts itself: no document can ever match. A contradiction that
    /// takes more than the conditions on one field to see may go unnoticed.
    pub fn never_matches(&self) -> bool {
        self.normalise().is_nothing()
    }

    /// What the filter will cost.
    pub fn cost(&self) -> Cost {
        Cost {
            conditions: self.conditions(),
            ..self.normalise().cost()
        }
    }
}

impl Normalised {
    /// What the canonical form costs, conditions not counted.
    pub fn cost(&self) -> Cost {
        let mut cost = Cost {
            conjunctions: self.conjunctions.len(),
            ..Cost::default()
        };
        for conjunction in &self.conjunctions {
            let indexable =
                |term: &Term| matches!(term, Term::Literal(Literal { negated: false, .. }));
            cost.unindexed += usize::from(!conjunction.terms.iter().any(indexable));
            for term in &conjunction.terms {
                match term {
                    Term::Literal(literal) => cost.add(&literal.condition),
                    Term::Tree(tree) => cost.add_tree(tree),
                }
            }
        }
        cost
    }
}

impl Cost {
    fn add_tree(&mut self, tree: &Tree) {
        match tree {
            Tree::Literal(literal) => self.add(&literal.condition),
            Tree::All(parts) | Tree::Any(parts) => {
                parts.iter().for_each(|part| self.add_tree(part))
            }
        }
    }

    fn add(&mut self, condition: &Condition) {
        self.literals += 1;
        self.steps += 1;
        match condition {
            Condition::Regexp { .. } => {
                self.patterns += 1;
                self.steps += PATTERN_STEPS;
            }
            Condition::Geo { shape, .. } => {
                let geodesics = match shape {
                    Shape::Box(_) => 0,
                    Shape::Circle { .. } | Shape::Ring { .. } => 1,
                    Shape::Polygon(polygon) => polygon.points().len(),
                };
                self.geodesics += geodesics;
                self.steps += GEODESIC_STEPS * geodesics as u64;
            }
            Condition::Select { query, .. } => {
                let inner = crate::normalise::normalise_clause(query).cost();
                self.patterns += inner.patterns;
                self.geodesics += inner.geodesics;
                self.steps += inner.steps;
            }
            Condition::In { values, .. } => self.steps += values.len() as u64,
            Condition::Equals { .. }
            | Condition::Exists { .. }
            | Condition::Holds { .. }
            | Condition::Range { .. }
            | Condition::Match { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
