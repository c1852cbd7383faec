//! Which credential each subscription of a connection was made with: it lives as long as that. One
//! room may be held by several credentials of a connection; it is left when the last is gone. Pure:
//! what still counts is asked elsewhere ([`crate::session_sweep`]).

use crate::access::{Caller, Credential};
use parking_lot::Mutex;
use std::{collections::HashMap, sync::Arc};
use websocket::Outbox;

/// A credential, whatever tokens it is shown by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SubscriptionHolder {
    Nobody,
    Session(String),
    ApiKey(String),
    /// Of a user, whichever stands for the user.
    Certificate(Arc<str>),
    /// Of another issuer, by name and profiles: whichever token was shown last that gives these. Two
    /// tokens that give different ones are two holders, so neither ends nor prolongs what the other
    /// may hear.
    Issued(Arc<str>, Arc<[String]>),
}

impl SubscriptionHolder {
    pub(crate) fn of(caller: &Caller) -> Self {
        match &caller.credential {
            Credential::Nothing | Credential::Kept => Self::Nobody,
            Credential::Session(session) => Self::Session(session.sid.clone()),
            Credential::ApiKey { id, .. } => Self::ApiKey(id.clone()),
            Credential::Certificate { .. } => Self::Certificate(caller.name.clone()),
            Credential::Issued { .. } => Self::Issued(caller.name.clone(), caller.profiles.clone()),
        }
    }
}

/// When a token ends after which there may be another, Unix milliseconds.
fn renewable_until(caller: &Caller) -> Option<i64> {
    match &caller.credential {
        Credential::Session(session) => Some(session.exp.saturating_mul(1000)),
        Credential::Issued { until, .. } => Some(*until),
        Credential::Nothing
        | Credential::Kept
        | Credential::ApiKey { .. }
        | Credential::Certificate { .. } => None,
    }
}

/// A room, and where its documents are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoomPlace<'a> {
    pub room: &'a str,
    pub index: &'a str,
    pub collection: &'a str,
}

/// A room on a connection.
struct HeldRoom {
    index: String,
    collection: String,
    /// How many subscriptions of each stand or are being made.
    holders: HashMap<SubscriptionHolder, usize>,
}

struct HeldConnection {
    outbox: Arc<Outbox>,
    rooms: HashMap<String, HeldRoom>,
    /// By which caller each was shown last.
    callers: HashMap<SubscriptionHolder, Caller>,
}

impl HeldConnection {
    fn of(
        &self,
        connection: u64,
        holder: &SubscriptionHolder,
        caller: &Caller,
    ) -> Option<HolderRooms> {
        let rooms = self.rooms.iter();
        let rooms = rooms.filter(|(_, room)| room.holders.contains_key(holder));
        let place = |(name, room): (&String, &HeldRoom)| {
            (name.clone(), room.index.clone(), room.collection.clone())
        };
        let rooms: Vec<_> = rooms.map(place).collect();
        (!rooms.is_empty()).then(|| HolderRooms {
            connection,
            outbox: self.outbox.clone(),
            holder: holder.clone(),
            caller: caller.clone(),
            rooms,
        })
    }
}

/// Of all connections of this gateway.
#[derive(Default)]
pub(crate) struct SubscriptionHolders {
    connections: Mutex<HashMap<u64, HeldConnection>>,
}

/// A holder on a connection, and the rooms that it holds: name, index, collection.
pub(crate) struct HolderRooms {
    pub connection: u64,
    pub outbox: Arc<Outbox>,
    pub holder: SubscriptionHolder,
    pub caller: Caller,
    pub rooms: Vec<(String, String, String)>,
}

impl SubscriptionHolders {
    pub(crate) fn connected(&self, connection: u64, outbox: Arc<Outbox>) {
        let held = HeldConnection {
            outbox,
            rooms: HashMap::new(),
            callers: HashMap::new(),
        };
        self.connections.lock().insert(connection, held);
    }

    pub(crate) fn disconnected(&self, connection: u64) {
        self.connections.lock().remove(&connection);
    }

    /// Before the connection is put into the room, so that no subscription is held by nobody; and
    /// again once it is in it, since it may have left the room meanwhile.
    pub(crate) fn hold(&self, connection: u64, caller: &Caller, place: RoomPlace<'_>) {
        let mut connections = self.connections.lock();
        let Some(held) = connections.get_mut(&connection) else {
            return;
        };
        let holder = SubscriptionHolder::of(caller);
        let known = held.callers.entry(holder.clone());
        known.or_insert_with(|| caller.clone());
        let room = held.rooms.entry(place.room.to_owned());
        let room = room.or_insert_with(|| HeldRoom {
            index: place.index.to_owned(),
            collection: place.collection.to_owned(),
            holders: HashMap::new(),
        });
        *room.holders.entry(holder).or_default() += 1;
    }

    /// What was held for a subscription that did not come to be, or is held twice.
    pub(crate) fn unhold(&self, connection: u64, caller: &Caller, room: &str) {
        let mut connections = self.connections.lock();
        let Some(held) = connections.get_mut(&connection) else {
            return;
        };
        let holder = SubscriptionHolder::of(caller);
        let Some(known) = held.rooms.get_mut(room) else {
            return;
        };
        if let Some(count) = known.holders.get_mut(&holder) {
            *count -= 1;
            if *count == 0 {
                known.holders.remove(&holder);
            }
        }
        if known.holders.is_empty() {
            held.rooms.remove(room);
        }
    }

    /// A session, or somebody of another issuer, showed a later token: what is held lives as long as
    /// that.
    pub(crate) fn shown(&self, connection: u64, caller: &Caller) {
        let Some(end) = renewable_until(caller) else {
            return;
        };
        let mut connections = self.connections.lock();
        let Some(held) = connections.get_mut(&connection) else {
            return;
        };
        let holder = SubscriptionHolder::of(caller);
        if let Some(known) = held.callers.get_mut(&holder)
            && renewable_until(known).is_some_and(|known| known < end)
        {
            *known = caller.clone();
        }
    }

    /// The connection left the room.
    pub(crate) fn left(&self, connection: u64, room: &str) {
        if let Some(held) = self.connections.lock().get_mut(&connection) {
            held.rooms.remove(room);
        }
    }

    /// All that hold something, and of which this is true.
    pub(crate) fn all(&self, wanted: impl Fn(&Caller) -> bool) -> Vec<HolderRooms> {
        let connections = self.connections.lock();
        let mut all = Vec::new();
        for (connection, held) in connections.iter() {
            let callers = held.callers.iter().filter(|(_, caller)| wanted(caller));
            all.extend(callers.filter_map(|(holder, caller)| held.of(*connection, holder, caller)));
        }
        all
    }

    /// What the holder that a caller is holds on a connection.
    pub(crate) fn held_by(&self, connection: u64, caller: &Caller) -> Option<HolderRooms> {
        let connections = self.connections.lock();
        let held = connections.get(&connection)?;
        held.of(connection, &SubscriptionHolder::of(caller), caller)
    }

    /// The holder lets a room go. True: nobody on the connection holds it any more.
    pub(crate) fn let_go(&self, connection: u64, holder: &SubscriptionHolder, room: &str) -> bool {
        let mut connections = self.connections.lock();
        let Some(held) = connections.get_mut(&connection) else {
            return false;
        };
        let Some(known) = held.rooms.get_mut(room) else {
            return false;
        };
        known.holders.remove(holder);
        let is_last = known.holders.is_empty();
        if is_last {
            held.rooms.remove(room);
        }
        is_last
    }
}
