//! All conditions of the registered filters, each once, found by what they say; and the fields they
//! are about. Must never keep a condition that no conjunction mentions.

use std::hash::Hasher;
use std::sync::Arc;

use hashbrown::{HashMap, HashTable};

use super::field::IndexedField;
use super::folding::FoldingSeeds;
use super::leaf::{IndexedLeaf, LeafKept, NO_FIELD, Test, field_of, hash_scalar};
use super::names::NameTree;
use super::objects::Objects;
use super::posting::Posting;
use super::scalar::ScalarRef;
use super::slab::Slab;
use super::values::ValueTable;
use crate::field::FieldPath;
use crate::filter::Condition;
use crate::normalise::{Literal, Tree};

/// Conditions and fields.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    seeds: FoldingSeeds,
    pub(super) all: Slab<IndexedLeaf>,
    /// The leaves of scalars, which documents look for by themselves.
    pub(super) values: ValueTable,
    /// All others.
    pub(super) same: HashTable<u32>,
    pub(super) fields: Slab<IndexedField>,
    pub(super) by_path: HashMap<FieldPath, u32>,
    pub(super) names: NameTree,
    pub(super) objects: Objects,
}

impl Leaves {
    /// The number of the leaf for a condition, mentioned once more.
    pub(super) fn intern(&mut self, condition: &Arc<Condition>) -> u32 {
        let Some(test) = Test::new(condition) else {
            return self.add_tree(Tree::Literal(Literal {
                condition: Arc::clone(condition),
                negated: false,
            }));
        };
        let field = field_of(condition).map_or(NO_FIELD, |path| self.field(path));
        let hash = self.hash(field, &test);
        let known = |number: u32| {
            self.all
                .get(number)
                .is_some_and(|leaf| leaf.field == field && leaf.test.same(&test))
        };
        let found = if test.is_value() {
            self.values.find(hash, known)
        } else {
            self.same.find(hash, |number| known(*number)).copied()
        };
        if let Some(number) = found {
            if let Some(leaf) = self.all.get_mut(number) {
                leaf.references += 1;
            }
            return number;
        }
        if let Some(field) = self.fields.get_mut(field) {
            field.references += 1;
            field.learn(&test);
        }
        let is_value = test.is_value();
        let number = self.all.insert(IndexedLeaf {
            test,
            field,
            references: 1,
            waiting: Posting::default(),
            group: 0,
        });
        if is_value {
            self.values.insert(hash, number);
            return number;
        }
        let (seeds, leaves) = (self.seeds, &self.all);
        self.same.insert_unique(hash, number, |number| {
            leaves
                .get(*number)
                .map_or(0, |leaf| hash_test(seeds, leaf.field, &leaf.test))
        });
        number
    }

    /// A leaf for a part that is no condition; never shared.
    pub(super) fn add_tree(&mut self, tree: Tree) -> u32 {
        let test = Test::Tree(Box::new(tree));
        self.all.insert(IndexedLeaf {
            test,
            field: NO_FIELD,
            references: 1,
            waiting: Posting::default(),
            group: 0,
        })
    }

    /// Mentioned once less; gone with the last mention.
    pub(super) fn release(&mut self, number: u32) {
        let Some(leaf) = self.all.get_mut(number) else {
            return;
        };
        leaf.references -= 1;
        if leaf.references > 0 {
            return;
        }
        let Some(leaf) = self.all.remove(number) else {
            return;
        };
        let hash = self.hash(leaf.field, &leaf.test);
        if leaf.test.is_value() {
            self.values.remove(hash, number);
        } else if let Ok(entry) = self.same.find_entry(hash, |found| *found == number) {
            entry.remove();
        }
        let Some(field) = self.fields.get_mut(leaf.field) else {
            return;
        };
        field.references -= 1;
        if field.references == 0 {
            self.by_path.remove(&field.path);
            self.names.remove(&field.path);
            self.fields.remove(leaf.field);
        }
    }

    /// The leaf must hold for somebody: puts it where documents look.
    pub(super) fn activate(&mut self, number: u32) {
        let Some(leaf) = self.all.get_mut(number) else {
            return;
        };
        match &leaf.test {
            Test::Match(kept) => with_object(kept, |object| self.objects.insert(object, number)),
            _ => {
                if let Some(field) = self.fields.get_mut(leaf.field) {
                    field.activate(number, leaf);
                }
            }
        }
    }

    /// Nobody waits for the leaf any more.
    pub(super) fn deactivate(&mut self, number: u32) {
        let Some(leaf) = self.all.get(number) else {
            return;
        };
        match &leaf.test {
            Test::Match(kept) => with_object(kept, |object| self.objects.remove(object, number)),
            _ => {
                if let Some(field) = self.fields.get_mut(leaf.field) {
                    field.deactivate(number, leaf);
                }
            }
        }
    }

    /// Somebody waits for the leaf.
    pub(super) fn wait(&mut self, number: u32, target: u32) {
        if self.all.get(number).is_some_and(IndexedLeaf::is_idle) {
            self.activate(number);
        }
        if let Some(leaf) = self.all.get_mut(number) {
            leaf.waiting.insert(target);
        }
    }

    pub(super) fn leave(&mut self, number: u32, target: u32) {
        let Some(leaf) = self.all.get_mut(number) else {
            return;
        };
        leaf.waiting.remove(target);
        if leaf.is_idle() {
            self.deactivate(number);
        }
    }

    /// The leaf of a scalar test, if some filter has it.
    #[inline]
    pub(super) fn find_scalar(&self, kind: u8, field: u32, scalar: ScalarRef<'_>) -> Option<u32> {
        let mut hasher = self.seeds.hasher();
        hash_scalar(kind, field, scalar, &mut hasher);
        self.values.find(hasher.finish(), |number| {
            self.all
                .get(number)
                .is_some_and(|leaf| leaf.field == field && leaf.test.is_scalar(kind, scalar))
        })
    }

    /// The field of which the leaf asks for one value.
    pub(super) fn field_of_value(&self, number: u32) -> Option<u32> {
        let leaf = self.all.get(number)?;
        matches!(leaf.test, Test::Equals(_)).then_some(leaf.field)
    }

    /// A guess of the share of documents for which a leaf holds; nothing when it cannot be waited
    /// for.
    pub(super) fn share(&self, number: u32) -> Option<f64> {
        let leaf = self.all.get(number)?;
        match &leaf.test {
            Test::Tree(_) => None,
            Test::Match(kept) => {
                matches!(&*kept.condition, Condition::Match { object } if !object.is_empty())
                    .then_some(0.05)
            }
            _ => self
                .fields
                .get(leaf.field)
                .map(|field| field.share(&leaf.test, leaf.references)),
        }
    }

    fn field(&mut self, path: &FieldPath) -> u32 {
        if let Some(number) = self.by_path.get(path) {
            return *number;
        }
        let number = self.fields.insert(IndexedField::new(path.clone()));
        self.by_path.insert(path.clone(), number);
        self.names.insert(path, number);
        number
    }

    fn hash(&self, field: u32, test: &Test) -> u64 {
        hash_test(self.seeds, field, test)
    }
}

fn hash_test(seeds: FoldingSeeds, field: u32, test: &Test) -> u64 {
    let mut hasher = seeds.hasher();
    test.hash(field, &mut hasher);
    hasher.finish()
}

fn with_object(kept: &LeafKept, act: impl FnOnce(&serde_json::Map<String, serde_json::Value>)) {
    if let Condition::Match { object } = &*kept.condition {
        act(object);
    }
}
