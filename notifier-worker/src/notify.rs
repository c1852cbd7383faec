//! Stage: who must hear of it. The scope follows from the document before and after the change
//! alone, so that no notifier need remember who heard of what: a room whose filter holds after is
//! told *in*, one whose filter held only before is told *out*. Pure.

use crate::rooms::state::RoomsState;
use change_feed::{Notification, with_id};
use event_schema::{
    Raw,
    notification::{self, RoomMatch, Scope},
};
use matching::Scratch;
use std::{collections::BTreeMap, sync::Arc};

/// A gateway that must hear of it.
#[derive(Debug)]
pub(crate) struct Route {
    pub instance: String,
    /// The partition of `mailbox` that it reads.
    pub mailbox: u16,
    pub rooms: Vec<RoomMatch>,
}

/// The gateways that must hear of it in this state, each once, with their rooms sorted by name.
pub(crate) fn notification_routes(
    state: &RoomsState,
    notification: &Notification,
    how_far: notification::State,
    scratch: &mut Scratch,
) -> Vec<Route> {
    let (index, collection) = (
        notification.notice.index.as_str(),
        notification.notice.collection.as_str(),
    );
    let early = how_far == notification::State::Pending;
    if !state.engines.listened(index, collection) || (early && !state.memberships.wants_pending()) {
        return Vec::new();
    }
    let id = notification.notice.id.as_deref();
    let mut matched = |body: &Option<Raw>| -> Vec<Arc<str>> {
        let document = body.as_ref().and_then(|body| with_id(body, id));
        document.map_or_else(Vec::new, |document| {
            state
                .engines
                .matching(index, collection, &document, scratch)
        })
    };
    let (after, before) = (matched(&notification.after), matched(&notification.before));
    let gone = before
        .iter()
        .filter(|room| after.binary_search(room).is_err())
        .map(|room| (room, Scope::Out));
    let mut routes: BTreeMap<&str, Route> = BTreeMap::new();
    for (name, scope) in after.iter().map(|room| (room, Scope::In)).chain(gone) {
        let Some(room) = state.memberships.room(name) else {
            continue;
        };
        for (instance, there) in room
            .gateways()
            .filter(|(_, there)| !early || there.pending > 0)
        {
            let fresh = || Route {
                instance: instance.to_owned(),
                mailbox: there.mailbox,
                rooms: Vec::new(),
            };
            routes
                .entry(instance)
                .or_insert_with(fresh)
                .rooms
                .push(RoomMatch {
                    room: name.to_string(),
                    scope,
                });
        }
    }
    let mut routes: Vec<Route> = routes.into_values().collect();
    routes
        .iter_mut()
        .for_each(|route| route.rooms.sort_unstable());
    routes
}

#[cfg(test)]
mod tests;
