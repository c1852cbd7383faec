//! The filters of all rooms, by collection, ready to be matched. It counts nobody: a room is opened
//! and closed as the fold says.

use event_schema::Raw;
use matching::{Document, Engine, Filter, Options, Scratch};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// All rooms' filters.
#[derive(Debug, Default)]
pub(crate) struct Engines {
    /// By index, by collection.
    indices: HashMap<String, HashMap<String, CollectionEngine>>,
    /// Engines know filters by number.
    last: u64,
}

#[derive(Debug, Default)]
struct CollectionEngine {
    engine: Engine,
    numbers: HashMap<Arc<str>, u64>,
    names: HashMap<u64, Arc<str>>,
}

/// The gateway checked the filter against its own limits; here only what a machine can bear is.
const LIMITS: Options = Options {
    max_conditions: 100_000,
    max_depth: 128,
    max_nodes: 1_000_000,
    max_pattern_bytes: 1 << 16,
    max_pattern_program: 16 << 20,
};

impl Engines {
    /// A room is new. Refused if its filter cannot be read: nobody in it is ever told anything.
    pub fn open(
        &mut self,
        room: &str,
        index: &str,
        collection: &str,
        filter: &Raw,
    ) -> Result<(), String> {
        let filter: Value =
            serde_json::from_str(filter.get()).map_err(|error| error.to_string())?;
        let form = Filter::parse(&filter, &LIMITS)
            .map_err(|error| error.to_string())?
            .normalise();
        self.last += 1;
        let rooms = self
            .indices
            .entry(index.to_owned())
            .or_default()
            .entry(collection.to_owned())
            .or_default();
        if let Some(before) = rooms.numbers.remove(room) {
            rooms.engine.remove(before);
            rooms.names.remove(&before);
        }
        let name: Arc<str> = room.into();
        rooms.engine.register(self.last, &form);
        rooms.numbers.insert(name.clone(), self.last);
        rooms.names.insert(self.last, name);
        Ok(())
    }

    /// A room is no more.
    pub fn close(&mut self, room: &str, index: &str, collection: &str) {
        let Some(collections) = self.indices.get_mut(index) else {
            return;
        };
        let Some(rooms) = collections.get_mut(collection) else {
            return;
        };
        if let Some(number) = rooms.numbers.remove(room) {
            rooms.engine.remove(number);
            rooms.names.remove(&number);
        }
        if rooms.numbers.is_empty() {
            collections.remove(collection);
        }
        if collections.is_empty() {
            self.indices.remove(index);
        }
    }

    /// Does anybody listen to this collection?
    pub fn listened(&self, index: &str, collection: &str) -> bool {
        self.indices
            .get(index)
            .is_some_and(|collections| collections.contains_key(collection))
    }

    /// The rooms whose filter this document satisfies, sorted by name.
    pub fn matching(
        &self,
        index: &str,
        collection: &str,
        document: &Value,
        scratch: &mut Scratch,
    ) -> Vec<Arc<str>> {
        let Some(rooms) = self
            .indices
            .get(index)
            .and_then(|collections| collections.get(collection))
        else {
            return Vec::new();
        };
        let numbers = rooms.engine.matches(&Document::new(document), scratch);
        let mut names: Vec<Arc<str>> = numbers
            .iter()
            .filter_map(|number| rooms.names.get(number).cloned())
            .collect();
        names.sort_unstable();
        names
    }
}

#[cfg(test)]
mod tests;
