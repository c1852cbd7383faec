//! The canonical form of a filter: the same for every spelling of the same filter. Must never change what a filter matches,
//! and must never grow beyond [`MAX_TERMS`], whatever it is given.

use std::sync::Arc;

use crate::filter::{Clause, Condition};

/// The most literals (over all conjunctions) a disjunctive form may have before part of it is kept as a tree.
pub const MAX_TERMS: usize = 512;

/// The canonical form: an `or` of conjunctions. None of them: matches nothing. One that is empty: matches everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalised {
    /// Sorted, without doubles; no conjunction implies another.
    pub conjunctions: Vec<Conjunction>,
}

/// All of these must hold. Sorted, without doubles and without contradictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conjunction {
    pub terms: Vec<Term>,
}

/// One thing that must hold in a conjunction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    Literal(Literal),
    /// What would have grown too large as an `or` of conjunctions. Only in forms of a single conjunction.
    Tree(Tree),
}

/// A condition or its opposite.
#[derive(Debug, Clone)]
pub struct Literal {
    pub condition: Arc<Condition>,
    pub negated: bool,
}

/// An `and`/`or` tree over literals (negations are pushed down to them), children sorted and flattened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    Literal(Literal),
    All(Vec<Tree>),
    Any(Vec<Tree>),
}
