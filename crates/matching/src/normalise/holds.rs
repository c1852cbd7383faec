//! The canonical form evaluated plainly: what its conditions say, joined.

use super::{Literal, Normalised, Term, Tree};
use crate::document::Document;
use crate::evaluate::condition_holds;

/// Whether the document satisfies the canonical form.
pub fn normalised_holds(form: &Normalised, document: &Document<'_>) -> bool {
    form.conjunctions.iter().any(|conjunction| {
        conjunction
            .terms
            .iter()
            .all(|term| term_holds(term, document))
    })
}

/// Whether the document satisfies one term of a conjunction.
fn term_holds(term: &Term, document: &Document<'_>) -> bool {
    match term {
        Term::Literal(literal) => literal_holds(literal, document),
        Term::Tree(tree) => tree_holds(tree, document),
    }
}

/// Whether the condition holds, or does not when the literal is negated.
fn literal_holds(literal: &Literal, document: &Document<'_>) -> bool {
    condition_holds(&literal.condition, document) != literal.negated
}

/// Whether the document satisfies the tree.
pub fn tree_holds(tree: &Tree, document: &Document<'_>) -> bool {
    match tree {
        Tree::Literal(literal) => literal_holds(literal, document),
        Tree::All(all) => all.iter().all(|tree| tree_holds(tree, document)),
        Tree::Any(any) => any.iter().any(|tree| tree_holds(tree, document)),
    }
}
