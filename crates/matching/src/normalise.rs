//! The canonical form of a filter: the same for every spelling of the same filter. Must never
//! change what a filter matches, nor grow beyond [`max_literals`], whatever it is given.
//!
//! The filter becomes a tree with negations at its leaves (`atoms`), then an `or` of conjunctions
//! (`disjunction`): each conjunction is stripped of what follows from the rest of it and dropped
//! when it contradicts itself (`theory`), implied conjunctions are dropped, and those that follow
//! from two others are added, which makes the set unique. Where the `or` would grow too large the
//! tree itself is kept, simplified and sorted (`tree`): equal up to order, nesting and repetition.

mod atoms;
mod clause;
mod disjunction;
mod holds;
mod key;
mod theory;
mod tree;

use std::sync::Arc;

pub use holds::{normalised_holds, tree_holds};

use atoms::{Atoms, Formula};

use crate::filter::{Clause, Condition, Filter, Shape};

/// How many literals, over all conjunctions, a form may always have.
pub const MAX_LITERALS: usize = 512;

const MAX_PASSES: usize = 64;

/// The most literals the `or` of conjunctions may have, for a filter of so many literals: filters
/// that are long to begin with may stay long, but multiplying out must not make them so.
pub fn max_literals(literals: usize) -> usize {
    MAX_LITERALS.max(literals.saturating_mul(2))
}

/// The canonical form: an `or` of conjunctions. None of them: matches nothing. One that is empty:
/// matches everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// Sorted, without doubles; no conjunction of literals implies another.
    pub conjunctions: Vec<Conjunction>,
}

/// All of these must hold: literals first, sorted, without doubles and contradictions; then trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conjunction {
    pub terms: Vec<Term>,
}

/// One thing that must hold in a conjunction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    Literal(Literal),
    /// Always an `Any`, which would have grown too large had it been multiplied out.
    Tree(Tree),
}

/// A condition or its opposite. Equal when the canonical texts are.
#[derive(Debug, Clone)]
pub struct Literal {
    pub condition: Arc<Condition>,
    pub negated: bool,
}

/// An `and`/`or` tree over literals (negations are pushed down to them), children sorted and
/// flattened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    Literal(Literal),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}

impl Filter {
    /// The canonical form: the same for every spelling of the same filter.
    pub fn normalise(&self) -> Normalised {
        normalise_clause(self.clause())
    }
}

/// Brings a clause to its canonical form.
pub fn normalise_clause(clause: &Clause) -> Normalised {
    if let Some(condition) = lone_condition(clause) {
        let literal = Literal {
            condition: Arc::clone(condition),
            negated: false,
        };
        return Normalised {
            conjunctions: vec![Conjunction {
                terms: vec![Term::Literal(literal)],
            }],
        };
    }
    let mut atoms = Atoms::default();
    let mut formula = atoms.formula(clause, false);
    // Repetitions go first: they must not decide what is too large. One pass may enable the next;
    // each one shrinks the tree, so that the passes are far fewer than this.
    for _ in 0..MAX_PASSES {
        let simpler = tree::simplify_formula(formula.clone(), &mut atoms);
        let stable = simpler == formula;
        formula = simpler;
        if stable {
            break;
        }
    }
    match disjunction::canonical_cubes(&formula, &mut atoms) {
        None => tree_form(&formula, &atoms),
        Some(cubes) => {
            let mut conjunctions: Vec<(Vec<Literal>, String)> = cubes
                .iter()
                .map(|cube| atoms.literals_and_text(cube))
                .collect();
            conjunctions.sort_by(|(_, a), (_, b)| a.cmp(b));
            let literals = conjunctions.into_iter().map(|(literals, _)| literals);
            Normalised {
                conjunctions: literals
                    .map(|literals| Conjunction {
                        terms: literals.into_iter().map(Term::Literal).collect(),
                    })
                    .collect(),
            }
        }
    }
}

/// A clause that is its own canonical form: most filters are, and need not be taken apart.
fn lone_condition(clause: &Clause) -> Option<&Arc<Condition>> {
    let Clause::Condition(condition) = clause else {
        return None;
    };
    let canonical = match &**condition {
        Condition::Equals { .. }
        | Condition::Exists { .. }
        | Condition::Holds { .. }
        | Condition::Regexp { .. }
        | Condition::Range { .. } => true,
        Condition::Geo { shape, .. } => !matches!(shape, Shape::Ring { .. }),
        Condition::In { .. } | Condition::Match { .. } | Condition::Select { .. } => false,
    };
    canonical.then_some(condition)
}

/// One conjunction per branch of the topmost `or`.
fn tree_form(formula: &Formula, atoms: &Atoms) -> Normalised {
    let branches = match formula {
        Formula::Any(branches) => branches.as_slice(),
        other => std::slice::from_ref(other),
    };
    sorted_conjunctions(branches.iter().map(|branch| {
        let parts = match branch {
            Formula::All(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        let literals: Vec<u32> = parts.iter().filter_map(Formula::as_literal).collect();
        let literals = atoms.literals(&literals).into_iter().map(Term::Literal);
        let mut trees: Vec<Tree> = parts
            .iter()
            .filter(|part| part.as_literal().is_none())
            .map(|part| tree::output_tree(part, atoms))
            .collect();
        trees.sort_by_cached_key(Tree::text);
        Conjunction {
            terms: literals.chain(trees.into_iter().map(Term::Tree)).collect(),
        }
    }))
}

fn sorted_conjunctions(conjunctions: impl Iterator<Item = Conjunction>) -> Normalised {
    let mut conjunctions: Vec<Conjunction> = conjunctions.collect();
    conjunctions.sort_by_cached_key(Conjunction::text);
    Normalised { conjunctions }
}

impl Normalised {
    /// Whether no document can satisfy the filter.
    pub fn is_nothing(&self) -> bool {
        self.conjunctions.is_empty()
    }

    /// Whether every document satisfies the filter.
    pub fn is_everything(&self) -> bool {
        self.conjunctions
            .iter()
            .any(|conjunction| conjunction.terms.is_empty())
    }

    /// The canonical text: equal exactly when the forms are.
    pub fn text(&self) -> String {
        join_texts(self.conjunctions.iter().map(Conjunction::text))
    }
}

impl Conjunction {
    fn text(&self) -> String {
        join_texts(self.terms.iter().map(|term| match term {
            Term::Literal(literal) => literal.text(),
            Term::Tree(tree) => tree.text(),
        }))
    }
}

impl Tree {
    fn text(&self) -> String {
        match self {
            Tree::Literal(literal) => literal.text(),
            Tree::All(parts) => format!("{{\"and\":{}}}", join_texts(parts.iter().map(Tree::text))),
            Tree::Any(parts) => format!("{{\"or\":{}}}", join_texts(parts.iter().map(Tree::text))),
        }
    }
}

impl Literal {
    /// The canonical text of the literal.
    pub fn text(&self) -> String {
        let text = key::condition_key(&self.condition);
        if self.negated {
            format!("{{\"not\":{text}}}")
        } else {
            text
        }
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Literal) -> bool {
        self.negated == other.negated
            && (Arc::ptr_eq(&self.condition, &other.condition) || self.text() == other.text())
    }
}

impl Eq for Literal {}

fn join_texts(parts: impl Iterator<Item = String>) -> String {
    format!("[{}]", parts.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests;
