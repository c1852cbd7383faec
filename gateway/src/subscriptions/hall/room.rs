//! One room, as far as this gateway's connections are in it.

use crate::subscriptions::options::{Options, both};
use event_schema::{
    Raw,
    notification::{Event, Point, Push},
    rooms::Users,
};
use std::{collections::HashMap, sync::Arc};
use websocket::{Outbox, TextFrame};

pub(super) struct Room {
    pub index: String,
    pub collection: String,
    pub filter: Raw,
    /// Every partition of `changes` is matched against it for this gateway, and will be while a
    /// seat is taken.
    active: bool,
    /// The same of what is decided and not yet done, while somebody wants to hear of it.
    early_active: bool,
    early_seats: usize,
    /// By connection.
    pub seats: HashMap<u64, Place>,
    pub channels: Vec<Channel>,
}

/// Connections that want the same of a room.
pub(super) struct Channel {
    pub options: Options,
    pub name: String,
    pub members: HashMap<u64, Member>,
}

/// A connection on a channel.
pub(super) struct Member {
    pub outbox: Arc<Outbox>,
    /// Where in `rooms` it came in: who came or went before is no news to it.
    pub since: u64,
    pub hears: Hears,
}

/// What of the changes and messages that come in a member is told.
pub(super) enum Hears {
    All,
    /// None: it is told from the log what it missed, and will be told of these by that.
    Nothing,
    /// What the log did not tell it, by partition.
    From(Arc<[Point]>),
}

impl Hears {
    fn takes(&self, push: &Push) -> bool {
        let from = match self {
            Self::All => return true,
            Self::Nothing => return false,
            Self::From(points) => push
                .teller
                .and_then(|teller| points.get(usize::from(teller.partition))),
        };
        from.is_none_or(|from| match push.notice.event {
            Event::Write | Event::Delete => push.record >= from.next,
            Event::Publish => push.record >= from.informative,
        })
    }
}

impl Channel {
    /// Tells a change or a message to those who are to hear it; says to how many.
    pub fn tell(&self, push: &Push, frame: &TextFrame) -> usize {
        let members = self
            .members
            .values()
            .filter(|member| member.hears.takes(push));
        members.map(|member| member.outbox.push(frame)).count()
    }
}

/// A connection's seat.
pub(super) struct Place {
    pub number: u64,
    /// What the record says, or will say.
    pub users: Users,
    pub pending: bool,
    pub volatile: Option<Raw>,
    pub written: Written,
    pub channels: Vec<Options>,
    /// Wishes that are not yet granted.
    pub waiting: usize,
}

/// Where a seat's newest record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// On its way, under this number.
    Sent(u64),
    At(u64),
}

impl Place {
    pub fn new(number: u64, options: Options, volatile: Option<Raw>) -> Self {
        let (users, pending) = (options.users, options.state.early());
        Self {
            number,
            users,
            pending,
            volatile,
            written: Written::Sent(0),
            channels: Vec::with_capacity(1),
            waiting: 1,
        }
    }

    /// Nobody sits here, nobody wants to.
    pub fn is_idle(&self) -> bool {
        self.channels.is_empty() && self.waiting == 0
    }
}

impl Room {
    pub fn new(index: String, collection: String, filter: Raw) -> Self {
        Self {
            index,
            collection,
            filter,
            active: false,
            early_active: false,
            early_seats: 0,
            seats: HashMap::new(),
            channels: Vec::with_capacity(1),
        }
    }

    /// Is all that these options ask for told to this gateway already?
    pub fn is_active(&self, options: Options) -> bool {
        self.active && (self.early_active || !options.state.early())
    }

    /// It is from now on.
    pub fn activate(&mut self, options: Options) {
        self.active = true;
        self.early_active |= options.state.early();
    }

    /// A connection takes a seat.
    pub fn seat(&mut self, connection: u64, place: Place) {
        self.early_seats += usize::from(place.pending);
        self.seats.insert(connection, place);
    }

    /// The connection's seat is for these options, too; is that more than its record says?
    pub fn widen(&mut self, connection: u64, options: Options) -> bool {
        let Some(place) = self.seats.get_mut(&connection) else {
            return false;
        };
        let (users, pending) = (
            both(place.users, options.users),
            place.pending || options.state.early(),
        );
        let wider = users != place.users || pending != place.pending;
        self.early_seats += usize::from(pending && !place.pending);
        (place.users, place.pending) = (users, pending);
        wider
    }

    /// Is the connection told what these options ask for already?
    pub fn has(&self, connection: u64, options: Options) -> bool {
        let channels = self
            .seats
            .get(&connection)
            .map_or(&[][..], |place| place.channels.as_slice());
        channels.contains(&options)
    }

    /// Puts a seated connection on a channel.
    pub fn admit(&mut self, name: &str, connection: u64, options: Options, member: Member) {
        let Some(place) = self.seats.get_mut(&connection) else {
            return;
        };
        place.waiting = place.waiting.saturating_sub(1);
        if !place.channels.contains(&options) {
            place.channels.push(options);
        }
        match self
            .channels
            .iter_mut()
            .find(|channel| channel.options == options)
        {
            Some(channel) => _ = channel.members.insert(connection, member),
            None => {
                let members = HashMap::from([(connection, member)]);
                self.channels.push(Channel {
                    options,
                    name: options.channel(name),
                    members,
                });
            }
        }
    }

    /// A connection's membership of a channel, as long as it has this seat.
    pub fn member(&mut self, connection: u64, seat: u64, options: Options) -> Option<&mut Member> {
        self.seats
            .get(&connection)
            .filter(|place| place.number == seat)?;
        self.channels
            .iter_mut()
            .find(|channel| channel.options == options)?
            .members
            .get_mut(&connection)
    }

    /// Takes a connection out; false if it was not in.
    pub fn vacate(&mut self, connection: u64) -> bool {
        let Some(place) = self.seats.remove(&connection) else {
            return false;
        };
        self.early_seats -= usize::from(place.pending);
        self.early_active &= self.early_seats > 0;
        self.remove(connection, &place.channels);
        true
    }

    fn remove(&mut self, connection: u64, from: &[Options]) {
        for channel in self
            .channels
            .iter_mut()
            .filter(|channel| from.contains(&channel.options))
        {
            channel.members.remove(&connection);
        }
        self.channels.retain(|channel| !channel.members.is_empty());
    }
}
