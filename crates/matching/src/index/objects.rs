//! The `match` conditions, found by one scalar or one key that the document must have.
//! Must never answer by itself: a hash stands for a path, the condition decides after.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashMap};
use serde_json::{Map, Value};

use super::posting::Posting;
use super::scalar::ScalarRef;

/// The `match` conditions of all fields.
#[derive(Debug, Default)]
pub(super) struct Objects {
    hasher: DefaultHashBuilder,
    /// Who waits for a scalar at a path, or just for a path.
    waiting: HashMap<u64, Posting>,
    /// Paths (and their beginnings) of those who wait, so that a document is only walked where
    /// somebody does.
    paths: HashMap<u64, u32>,
}

/// The path (a dot in a key is like nesting) to the first scalar of an object, or to the first array or empty object.
fn first_scalar(object: &Map<String, Value>) -> (Vec<&str>, Option<ScalarRef<'_>>) {
    let mut keys = Vec::new();
    let mut object = object;
    loop {
        let Some((key, value)) = object.iter().next() else {
            return (keys, None);
        };
        keys.extend(key.split('.'));
        match value {
            Value::Object(inner) => object = inner,
            _ => return (keys, ScalarRef::from_json(value)),
        }
    }
}

impl Objects {
    pub(super) fn insert(&mut self, object: &Map<String, Value>, leaf: u32) {
        let (keys, scalar) = first_scalar(object);
        let mut path = 0;
        for key in keys {
            path = self.step(path, key);
            *self.paths.entry(path).or_default() += 1;
        }
        self.waiting
            .entry(self.place(path, scalar))
            .or_default()
            .insert(leaf);
    }

    pub(super) fn remove(&mut self, object: &Map<String, Value>, leaf: u32) {
        let (keys, scalar) = first_scalar(object);
        let mut path = 0;
        for key in keys {
            path = self.step(path, key);
            if let Some(count) = self.paths.get_mut(&path) {
                *count -= 1;
                if *count == 0 {
                    self.paths.remove(&path);
                }
            }
        }
        let place = self.place(path, scalar);
        if let Some(waiting) = self.waiting.get_mut(&place) {
            waiting.remove(leaf);
            if waiting.is_empty() {
                self.waiting.remove(&place);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Visits every condition that could hold of a document with this key.
    pub(super) fn search(&self, key: &str, value: &Value, visit: &mut dyn FnMut(u32)) {
        self.descend(0, key, value, visit);
    }

    /// Goes as deep as the conditions do, which the parser limits.
    fn descend(&self, path: u64, key: &str, value: &Value, visit: &mut dyn FnMut(u32)) {
        let mut path = path;
        for part in key.split('.') {
            path = self.step(path, part);
            if !self.paths.contains_key(&path) {
                return;
            }
        }
        let mut look = |place| {
            if let Some(waiting) = self.waiting.get(&place) {
                waiting.for_each(&mut *visit);
            }
        };
        look(self.place(path, None));
        if let Some(scalar) = ScalarRef::from_json(value) {
            look(self.place(path, Some(scalar)));
        }
        if let Value::Object(inner) = value {
            for (key, value) in inner {
                self.descend(path, key, value, visit);
            }
        }
    }

    fn step(&self, path: u64, key: &str) -> u64 {
        self.hasher.hash_one((path, key))
    }

    fn place(&self, path: u64, scalar: Option<ScalarRef<'_>>) -> u64 {
        fn hash(hasher: &DefaultHashBuilder, what: impl Hash) -> u64 {
            hasher.hash_one(what)
        }
        hash(&self.hasher, (path, scalar))
    }
}
