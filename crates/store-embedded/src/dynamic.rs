//! Fields that documents brought beyond their collection's mapping. An index of its own would have
//! given each of them a type; here it is enough to know that they are there: a new field must be of
//! one kind, a known one may hold more. Never asked on the usual way of a write: only when one
//! document mixes kinds in a field.

use crate::{EmbeddedStore, classify::Failure, places::collection_place, read::Readers, search};
use event_schema::Raw;
use parking_lot::RwLock;
use rusqlite::Connection;
use std::collections::{HashMap, HashSet};
use store::{
    Collection, Unmappable,
    mapping::{DynamicFields, Mapping},
};

/// Fields that passed a check in this process, by collection and incarnation; those of documents
/// that were stored before are looked for in the file.
#[derive(Default)]
pub(crate) struct Seen(RwLock<HashMap<String, HashSet<String>>>);

/// As many as an index takes; what is not remembered is looked for.
const MOST: usize = 1_000;

struct Known<'a> {
    store: &'a EmbeddedStore,
    collection: &'a Collection,
    key: &'a str,
}

impl Seen {
    fn has(&self, key: &str, path: &str) -> bool {
        let all = self.0.read();
        all.get(key).is_some_and(|paths| paths.contains(path))
    }

    fn add(&self, key: &str, paths: Vec<String>) {
        if paths.iter().all(|path| self.has(key, path)) {
            return;
        }
        let mut all = self.0.write();
        let known = all.entry(key.to_owned()).or_default();
        for path in paths {
            if known.len() < MOST {
                known.insert(path);
            }
        }
    }

    pub(crate) fn forget(&self, key: &str) {
        self.0.write().remove(key);
    }
}

impl DynamicFields for Known<'_> {
    fn has(&self, path: &str) -> bool {
        let seen = &self.store.inner.seen;
        if seen.has(self.key, path) {
            return true;
        }
        // A file that cannot be read says nothing: then the value passes.
        let Collection {
            index,
            collection,
            incarnation,
            ..
        } = self.collection;
        let look = |connection: &Connection| {
            let place = collection_place(connection, index, collection, incarnation);
            match place.map_err(Failure::from)? {
                Some(place) => search::has_field(connection, place, path),
                None => Ok(false),
            }
        };
        let found = Readers::read_now(&self.store.inner.config, look).unwrap_or(true);
        if found {
            seen.add(self.key, vec![path.to_owned()]);
        }
        found
    }
}

impl EmbeddedStore {
    pub(crate) fn check_body(
        &self,
        mapping: &Mapping,
        collection: &Collection,
        id: &str,
        body: &Raw,
    ) -> Result<(), Unmappable> {
        let key = format!("{}/{}", collection.name(), collection.incarnation);
        let known = Known {
            store: self,
            collection,
            key: &key,
        };
        let brought = mapping.check(id, body, &known)?;
        if !brought.is_empty() {
            self.inner.seen.add(&key, brought);
        }
        Ok(())
    }
}
