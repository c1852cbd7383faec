//! One change → what to tell whom. The scope follows from the document before and after the change alone, so that no notifier need remember who
//! heard of what: a room whose filter holds after is told *in*, one whose filter held only before is told *out*.

use crate::rooms::{RoomId, Rooms};
use event_schema::{Raw, mutation::DocumentChange};
use matching::Document;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// Where the document is after the change, seen from a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    In,
    Out,
}

/// What a room is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Notification {
    pub room: RoomId,
    pub scope: Scope,
}

/// The rooms that must hear of a change, sorted by name; each once.
pub fn notify(rooms: &Rooms, change: &DocumentChange) -> Vec<Notification> {
    let key = &change.key;
    if !rooms.listened(&key.index, &key.collection) {
        return Vec::new();
    }
    let matched = |body: &Option<Raw>| -> BTreeSet<RoomId> {
        let Some(document) = body.as_ref().and_then(|body| with_id(body, &key.id)) else { return BTreeSet::new() };
        rooms.matching(&key.index, &key.collection, &Document::new(&document)).into_iter().cloned().collect()
    };
    let after = matched(&change.after);
    let before = matched(&change.before);
    let gone = before.difference(&after).cloned().map(|room| Notification { room, scope: Scope::Out });
    let mut told: Vec<Notification> = after.iter().cloned().map(|room| Notification { room, scope: Scope::In }).chain(gone).collect();
    told.sort_unstable();
    told
}

/// The body as filters see it: with `_id`. A body that is no object has no fields, and no filter on fields holds.
fn with_id(body: &Raw, id: &str) -> Option<Value> {
    let mut document: Value = serde_json::from_str(body.get()).ok()?;
    document.as_object_mut()?.insert("_id".to_owned(), id.into());
    Some(document)
}

#[cfg(test)]
mod tests;
