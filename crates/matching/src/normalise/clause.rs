//! The canonical form as a clause of the language.

use super::{Conjunction, Literal, Normalised, Term, Tree};
use crate::filter::write::clause_json;
use crate::filter::{Clause, Condition};
use std::sync::Arc;

impl Normalised {
    /// The canonical form as a clause, for evaluation and for writing it as JSON.
    pub fn to_clause(&self) -> Clause {
        or_clause(
            self.conjunctions
                .iter()
                .map(Conjunction::to_clause)
                .collect(),
        )
    }

    /// The canonical form as a filter in the language.
    pub fn to_json(&self) -> serde_json::Value {
        match self.to_clause() {
            Clause::Everything => serde_json::Value::Object(serde_json::Map::new()),
            clause => clause_json(&clause),
        }
    }
}

impl Conjunction {
    fn to_clause(&self) -> Clause {
        and_clause(
            self.terms
                .iter()
                .map(|term| match term {
                    Term::Literal(literal) => literal.to_clause(),
                    Term::Tree(tree) => tree.to_clause(),
                })
                .collect(),
        )
    }
}

impl Tree {
    fn to_clause(&self) -> Clause {
        match self {
            Tree::Literal(literal) => literal.to_clause(),
            Tree::All(parts) => and_clause(parts.iter().map(Tree::to_clause).collect()),
            Tree::Any(parts) => or_clause(parts.iter().map(Tree::to_clause).collect()),
        }
    }
}

impl Literal {
    fn to_clause(&self) -> Clause {
        let condition = Arc::clone(&self.condition);
        match (&*self.condition, self.negated) {
            (_, false) => Clause::Condition(condition),
            (Condition::Exists { .. } | Condition::Holds { .. }, true) => {
                Clause::Missing(condition)
            }
            (_, true) => Clause::Not(Box::new(Clause::Condition(condition))),
        }
    }
}

fn and_clause(mut parts: Vec<Clause>) -> Clause {
    match parts.len() {
        0 => Clause::Everything,
        1 => parts.remove(0),
        _ => Clause::And(parts),
    }
}

fn or_clause(mut parts: Vec<Clause>) -> Clause {
    match parts.len() {
        0 => Clause::Nothing,
        1 => parts.remove(0),
        _ => Clause::Or(parts),
    }
}
