//! The rooms of every collection: a room is a normalised filter, shared by all equal ones. Counts its subscriptions; the filter goes with the last.

use matching::{Document, Engine, Filter, Scratch};
use std::collections::HashMap;

/// A room's name: equal filters on one collection have the same.
pub type RoomId = String;

/// All rooms, by collection.
#[derive(Debug, Default)]
pub struct Rooms {
    collections: HashMap<(String, String), Collection>,
    /// Engines know filters by number.
    last: u64,
}

#[derive(Debug, Default)]
struct Collection {
    engine: Engine,
    rooms: HashMap<RoomId, (u64, usize)>,
    names: HashMap<u64, RoomId>,
}

impl Rooms {
    /// Subscribes once more to a filter on a collection; answers its room.
    pub fn enter(&mut self, index: &str, collection: &str, filter: &Filter) -> RoomId {
        let form = filter.normalise();
        let room = form.room_id(index, collection);
        let rooms = self.collections.entry((index.to_owned(), collection.to_owned())).or_default();
        match rooms.rooms.get_mut(&room) {
            Some((_, count)) => *count += 1,
            None => {
                self.last += 1;
                rooms.engine.register(self.last, &form);
                rooms.rooms.insert(room.clone(), (self.last, 1));
                rooms.names.insert(self.last, room.clone());
            }
        }
        room
    }

    /// One subscription less; answers how many are left, `None` if there is no such room.
    pub fn leave(&mut self, index: &str, collection: &str, room: &str) -> Option<usize> {
        let key = (index.to_owned(), collection.to_owned());
        let rooms = self.collections.get_mut(&key)?;
        let (number, count) = rooms.rooms.get_mut(room)?;
        *count -= 1;
        let (number, left) = (*number, *count);
        if left == 0 {
            rooms.engine.remove(number);
            rooms.rooms.remove(room);
            rooms.names.remove(&number);
        }
        if rooms.rooms.is_empty() {
            self.collections.remove(&key);
        }
        Some(left)
    }

    /// How many subscriptions a room has; 0 for one nobody knows.
    pub fn count(&self, index: &str, collection: &str, room: &str) -> usize {
        let rooms = self.collections.get(&(index.to_owned(), collection.to_owned()));
        rooms.and_then(|rooms| rooms.rooms.get(room)).map_or(0, |(_, count)| *count)
    }

    /// The rooms whose filter this document satisfies, in no order.
    pub fn matching(&self, index: &str, collection: &str, document: &Document<'_>) -> Vec<&RoomId> {
        let Some(rooms) = self.collections.get(&(index.to_owned(), collection.to_owned())) else { return Vec::new() };
        let mut scratch = Scratch::default();
        rooms.engine.matches(document, &mut scratch).iter().filter_map(|number| rooms.names.get(number)).collect()
    }

    /// Does anybody listen to this collection?
    pub fn listened(&self, index: &str, collection: &str) -> bool {
        self.collections.contains_key(&(index.to_owned(), collection.to_owned()))
    }
}

#[cfg(test)]
mod tests;
