//! Many filters at once: which of them does a document satisfy? Must never answer differently from
//! plain evaluation, nor do work for filters that the document does not nearly match.
//!
//! A filter is an `or` of conjunctions ([`Normalised`]). Each conjunction waits for one of its
//! conditions, the one that is likely to hold least often; conditions wait in structures in which a
//! value of a document finds those that hold: a hash for `equals` and `exists f[…]`, cells of the
//! line of numbers for `range`, cells of the map for areas, byte windows for patterns, a hash of
//! paths for `match`.
//! Only when that condition holds is the rest of the conjunction verified, and what is costly is
//! evaluated at most once for a document. A conjunction of negations alone is guarded by one of
//! them: it is looked at unless the guard holds. Equal conditions and equal conjunctions are kept
//! once.
//!
//! Matching takes `&self` and a [`Scratch`] of the calling thread, so any number of threads match
//! at once.

mod audit;
mod conjunction;
mod field;
mod folding;
mod guards;
mod leaf;
mod leaves;
mod literals;
mod matching;
mod named;
mod names;
mod objects;
mod patterns;
mod posting;
mod ranges;
mod scalar;
mod scratch;
mod shapes;
mod slab;
mod values;

#[cfg(test)]
mod tests;

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use smallvec::SmallVec;

use crate::normalise::{self, Normalised, Term, Tree};
use conjunction::{
    Access, ConditionCode, ConjunctionTarget, IndexedConjunction, MOST, condition_code, leaf_of,
};
use guards::Guards;
use leaves::Leaves;
use posting::Posting;
pub use scratch::Scratch;
use slab::Slab;

/// Registered filters, each under a number that the caller chose.
#[derive(Debug, Default)]
pub struct Engine {
    hasher: DefaultHashBuilder,
    slots: HashMap<u64, u32>,
    /// The caller's number for each slot; apart from the rest, since matching reads nothing else of
    /// a filter.
    ids: Vec<u64>,
    filters: Slab<Registered>,
    leaves: Leaves,
    conjunctions: Slab<IndexedConjunction>,
    same: HashTable<u32>,
    guards: Guards,
    /// Conjunctions that nothing can bring up but looking at them every time.
    always: Posting,
    /// Filters that match every document.
    everything: Posting,
}

/// One filter: what it waits through.
#[derive(Debug)]
struct Registered {
    parts: Box<[IndexPart]>,
    several: bool,
}

/// One way in which a filter can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IndexPart {
    Everything,
    /// A single condition that must hold.
    Leaf(u32),
    Conjunction(u32),
}

impl Engine {
    pub fn new() -> Self {
        Self::default()
    }

    /// How many filters are registered.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub fn contains(&self, id: u64) -> bool {
        self.slots.contains_key(&id)
    }

    /// Registers a filter. One that had the number before is replaced.
    pub fn register(&mut self, id: u64, form: &Normalised) {
        self.remove(id);
        let mut parts: Vec<IndexPart> = Vec::with_capacity(form.conjunctions.len());
        for conjunction in &form.conjunctions {
            let part = self.part(conjunction);
            if parts.contains(&part) {
                self.release(part);
            } else {
                parts.push(part);
            }
        }
        let several = (parts.len() > 1 && !self.exclude_each_other(&parts))
            || parts.iter().any(|part| self.comes_repeatedly(*part));
        let slot = self.filters.insert(Registered {
            parts: parts.clone().into(),
            several,
        });
        assert!(slot < MOST, "an engine holds at most {MOST} filters");
        if self.ids.len() <= slot as usize {
            self.ids.resize(slot as usize + 1, 0);
        }
        self.ids[slot as usize] = id;
        self.slots.insert(id, slot);
        let target = ConjunctionTarget::filter(slot, several).0;
        for part in parts {
            match part {
                IndexPart::Everything => self.everything.insert(target),
                IndexPart::Leaf(leaf) => self.leaves.wait(leaf, target),
                IndexPart::Conjunction(number) => {
                    if let Some(conjunction) = self.conjunctions.get_mut(number) {
                        conjunction.owners.insert(target);
                    }
                }
            }
        }
    }

    /// Whether there was such a filter.
    pub fn remove(&mut self, id: u64) -> bool {
        let Some(slot) = self.slots.remove(&id) else {
            return false;
        };
        let Some(filter) = self.filters.remove(slot) else {
            return false;
        };
        let target = ConjunctionTarget::filter(slot, filter.several).0;
        for part in filter.parts {
            match part {
                IndexPart::Everything => self.everything.remove(target),
                IndexPart::Leaf(leaf) => self.leaves.leave(leaf, target),
                IndexPart::Conjunction(number) => {
                    if let Some(conjunction) = self.conjunctions.get_mut(number) {
                        conjunction.owners.remove(target);
                    }
                }
            }
            self.release(part);
        }
        true
    }

    /// The part for a conjunction. A leaf is mentioned once more; a conjunction exists, but may
    /// have no owner yet.
    fn part(&mut self, form: &normalise::Conjunction) -> IndexPart {
        if form.terms.is_empty() {
            return IndexPart::Everything;
        }
        let mut codes: SmallVec<[ConditionCode; 4]> =
            form.terms.iter().map(|term| self.intern(term)).collect();
        codes.sort_unstable();
        if let [only] = codes[..]
            && !conjunction::is_negated(only)
            && self.leaves.share(leaf_of(only)).is_some()
        {
            return IndexPart::Leaf(leaf_of(only));
        }
        let hash = self.hasher.hash_one(&codes);
        let known = &self.conjunctions;
        let found = self.same.find(hash, |number| {
            known
                .get(*number)
                .is_some_and(|conjunction| conjunction.codes == codes)
        });
        if let Some(number) = found.copied() {
            codes
                .iter()
                .for_each(|code| self.leaves.release(leaf_of(*code)));
            return IndexPart::Conjunction(number);
        }
        let access = self.choose(&codes, form);
        let number = self.conjunctions.insert(IndexedConjunction {
            codes,
            access: access.clone(),
            owners: Posting::default(),
        });
        assert!(number < MOST, "an engine holds at most {MOST} conjunctions");
        let (hasher, known) = (&self.hasher, &self.conjunctions);
        self.same.insert_unique(hash, number, |number| {
            known
                .get(*number)
                .map_or(0, |conjunction| hasher.hash_one(&conjunction.codes))
        });
        let target = ConjunctionTarget::conjunction(number).0;
        match access {
            Access::Leaf(leaf) => self.leaves.wait(leaf, target),
            Access::Leaves(leaves) => leaves
                .iter()
                .for_each(|leaf| self.leaves.wait(*leaf, target)),
            Access::Guard(leaf) => self.guards.insert(leaf, target, &mut self.leaves),
            Access::Always => self.always.insert(target),
        }
        IndexPart::Conjunction(number)
    }

    fn intern(&mut self, term: &Term) -> ConditionCode {
        match term {
            Term::Literal(literal) => {
                condition_code(self.leaves.intern(&literal.condition), literal.negated)
            }
            Term::Tree(tree) => condition_code(self.leaves.add_tree(tree.clone()), false),
        }
    }

    /// What a conjunction should wait for: whatever is likely to hold least often.
    fn choose(&mut self, codes: &[ConditionCode], form: &normalise::Conjunction) -> Access {
        let shares = |negated: bool| {
            let of_kind = codes
                .iter()
                .filter(move |code| conjunction::is_negated(**code) == negated);
            of_kind.filter_map(|code| Some((leaf_of(*code), self.leaves.share(leaf_of(*code))?)))
        };
        let rarest = shares(false).min_by(|a, b| a.1.total_cmp(&b.1));
        let commonest = shares(true).max_by(|a, b| a.1.total_cmp(&b.1));
        let limit = rarest.map_or(0.5, |(_, share)| share);
        let trees = form.terms.iter().filter_map(|term| {
            if let Term::Tree(tree) = term {
                Some(tree)
            } else {
                None
            }
        });
        let mut best: Option<(Vec<u32>, f64)> = None;
        for tree in trees {
            let limit = best.as_ref().map_or(limit, |(_, share)| *share);
            if let Some((leaves, share)) = self.cover(tree) {
                if share < limit || (rarest.is_none() && best.is_none()) {
                    best.replace((leaves, share))
                        .into_iter()
                        .for_each(|(leaves, _)| self.uncover(&leaves));
                } else {
                    self.uncover(&leaves);
                }
            }
        }
        match (best, rarest, commonest) {
            (Some((leaves, _)), _, _) => Access::Leaves(Box::new(leaves.into())),
            (None, Some((leaf, _)), _) => Access::Leaf(leaf),
            (None, None, Some((leaf, _))) => Access::Guard(leaf),
            (None, None, None) => Access::Always,
        }
    }

    /// Leaves of which one must hold for the tree to be true, each mentioned once more, and how
    /// likely that is.
    fn cover(&mut self, tree: &Tree) -> Option<(Vec<u32>, f64)> {
        match tree {
            Tree::Literal(literal) if literal.negated => None,
            Tree::Literal(literal) => {
                let leaf = self.leaves.intern(&literal.condition);
                let share = self.leaves.share(leaf);
                if share.is_none() {
                    self.leaves.release(leaf);
                }
                share.map(|share| (vec![leaf], share))
            }
            Tree::All(parts) => {
                let mut best: Option<(Vec<u32>, f64)> = None;
                for part in parts {
                    let Some(found) = self.cover(part) else {
                        continue;
                    };
                    if best.as_ref().is_none_or(|best| found.1 < best.1) {
                        best.replace(found)
                            .into_iter()
                            .for_each(|(leaves, _)| self.uncover(&leaves));
                    } else {
                        self.uncover(&found.0);
                    }
                }
                best
            }
            Tree::Any(parts) => {
                let mut together = (Vec::new(), 0.0);
                for part in parts {
                    let Some((leaves, share)) = self.cover(part) else {
                        self.uncover(&together.0);
                        return None;
                    };
                    together.0.extend(leaves);
                    together.1 += share;
                }
                Some(self.without_doubles(together))
            }
        }
    }

    fn without_doubles(&mut self, (mut leaves, share): (Vec<u32>, f64)) -> (Vec<u32>, f64) {
        leaves.sort_unstable();
        let doubles: Vec<u32> = leaves
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
            .collect();
        leaves.dedup();
        self.uncover(&doubles);
        (leaves, share)
    }

    fn uncover(&mut self, leaves: &[u32]) {
        leaves.iter().for_each(|leaf| self.leaves.release(*leaf));
    }

    /// Whether at most one part can hold: all ask for a value of the same field, as `in` does.
    fn exclude_each_other(&self, parts: &[IndexPart]) -> bool {
        let mut fields = parts.iter().map(|part| match part {
            IndexPart::Leaf(leaf) => self.leaves.field_of_value(*leaf),
            IndexPart::Everything | IndexPart::Conjunction(_) => None,
        });
        let first = fields.next().flatten();
        first.is_some() && fields.all(|field| field == first)
    }

    fn comes_repeatedly(&self, part: IndexPart) -> bool {
        let IndexPart::Conjunction(number) = part else {
            return false;
        };
        self.conjunctions
            .get(number)
            .is_some_and(|conjunction| matches!(conjunction.access, Access::Leaves(_)))
    }

    /// Gives back what [`Engine::part`] took: the mention of a leaf, or the conjunction once it has
    /// no owner.
    fn release(&mut self, part: IndexPart) {
        let number = match part {
            IndexPart::Everything => return,
            IndexPart::Leaf(leaf) => return self.leaves.release(leaf),
            IndexPart::Conjunction(number) => number,
        };
        if self
            .conjunctions
            .get(number)
            .is_none_or(|conjunction| !conjunction.owners.is_empty())
        {
            return;
        }
        let Some(conjunction) = self.conjunctions.remove(number) else {
            return;
        };
        if let Ok(entry) = self
            .same
            .find_entry(self.hasher.hash_one(&conjunction.codes), |found| {
                *found == number
            })
        {
            entry.remove();
        }
        let target = ConjunctionTarget::conjunction(number).0;
        match conjunction.access {
            Access::Leaf(leaf) => self.leaves.leave(leaf, target),
            Access::Leaves(leaves) => leaves.iter().for_each(|leaf| {
                self.leaves.leave(*leaf, target);
                self.leaves.release(*leaf);
            }),
            Access::Guard(leaf) => self.guards.remove(leaf, target, &mut self.leaves),
            Access::Always => self.always.remove(target),
        }
        conjunction
            .codes
            .iter()
            .for_each(|code| self.leaves.release(leaf_of(*code)));
    }
}
