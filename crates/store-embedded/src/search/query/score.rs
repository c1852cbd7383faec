//! What a document counts that a query finds. Reckoned as an index does: clauses that must match and
//! those that should are summed up, filters count nothing.

use super::{Area, Query};
use crate::search::document::Document;
use store::StoreError;

impl Query {
    /// Must all documents be looked at before any of them has a score?
    pub fn is_scored(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.is_scored(),
            Self::Constant(_) => false,
            Self::Bool { must, should, .. } => must.iter().chain(should).any(Self::is_scored),
            Self::Best { queries, .. } => queries.iter().any(Self::is_scored),
            Self::Boosted { query, .. } => query.is_scored(),
            Self::Nested(nested) => nested.is_scored(),
            Self::All | Self::Ids(_) | Self::Exists(_) | Self::Place { .. } => false,
        }
    }

    /// Does whatever it finds count the same?
    pub fn is_uniform(&self) -> bool {
        match self {
            Self::All | Self::Ids(_) | Self::Exists(_) | Self::Place { .. } | Self::Constant(_) => {
                true
            }
            Self::Leaf(leaf) => leaf.is_uniform(),
            Self::Nested(_) => false,
            Self::Boosted { query, .. } => query.is_uniform(),
            Self::Bool {
                must, should, need, ..
            } => {
                // What need not be met counts for those alone that meet it.
                let is_one = must.is_empty() && *need > 0 && matches!(should.as_slice(), [_]);
                let is_sure = should.is_empty() || is_one;
                is_sure && must.iter().chain(should).all(Self::is_uniform)
            }
            Self::Best { queries, .. } => {
                matches!(queries.as_slice(), [query] if query.is_uniform())
            }
        }
    }

    /// Must all documents be looked at before any of them is found?
    pub fn needs_terms(&self) -> bool {
        match self {
            Self::Leaf(leaf) => leaf.needs_terms(),
            Self::Nested(nested) => nested.needs_terms(),
            _ => {
                let mut is_needed = false;
                self.inner(&mut |query| is_needed |= query.needs_terms());
                is_needed
            }
        }
    }

    /// Looks at a document, which may be found or not.
    pub fn learn(&self, document: &Document) {
        match self {
            Self::Leaf(leaf) => leaf.learn(document),
            Self::Nested(nested) => nested.learn(document),
            Self::Constant(query) => {
                if query.needs_terms() {
                    query.learn(document);
                }
            }
            Self::Bool {
                must,
                should,
                filter,
                must_not,
                ..
            } => {
                let unscored = filter.iter().chain(must_not);
                let scored = must.iter().chain(should);
                scored
                    .chain(unscored.filter(|query| query.needs_terms()))
                    .for_each(|query| query.learn(document));
            }
            other => other.inner(&mut |query| query.learn(document)),
        }
    }

    /// The score of a document that matches.
    pub fn score(&self, id: &str, document: &Document) -> Result<f32, StoreError> {
        let met = |query: &Self| {
            if query.matches(id, document) {
                query.score(id, document)
            } else {
                Ok(0.0)
            }
        };
        match self {
            // As an index reckons it.
            Self::Place {
                area: Area::Polygon(_),
                ..
            } => Ok(0.0),
            Self::All | Self::Ids(_) | Self::Exists(_) | Self::Place { .. } | Self::Constant(_) => {
                Ok(1.0)
            }
            Self::Leaf(leaf) => leaf.score(id, document),
            Self::Nested(nested) => nested.score(id, document),
            Self::Boosted { query, boost } => Ok(query.score(id, document)? * boost),
            Self::Bool { must, should, .. } => {
                let mut all = must.iter().chain(should).map(met);
                all.try_fold(0.0, |sum, score| Ok(sum + score?))
            }
            Self::Best { queries, others } => {
                let (mut best, mut sum) = (0.0_f32, 0.0_f32);
                for query in queries {
                    let score = met(query)?;
                    best = best.max(score);
                    sum += score;
                }
                Ok(best + (sum - best) * others)
            }
        }
    }
}
