//! This gateway's side of all rooms: who sits where, on which channels, and who waits for what
//! before being told so. Pure: requests, records of `rooms` and mail go in; records to append and
//! frames in outboxes come out. Whoever calls it holds its lock, and nothing in here waits.
//!
//! A subscription is told when its `Sits` was appended at R, this fold has read R, and every
//! partition of `changes` is matched against R. A room that is active already needs the first two
//! only, as it is matched for this gateway from then until its last seat is given up. Records leave
//! in the order in which they are made here, so a seat's `Leaves` never overtakes its `Sits`, nor
//! the other way round.
//!
//! Of each partition one teller is heard, the one with the newest claim that ever sent mail here:
//! an older one may be a ghost that repeats what is no news any more.

pub(crate) mod catch_up;
mod room;
mod tellers;

use super::{MISSED, Refusal, notice::Text, options::Options};

use event_schema::{
    Raw,
    envelope::Reply,
    notification::{Point, Presence, Progress, Push, Scope},
    raw,
    rooms::{Heartbeat, RoomRecord, Seat, Subscription},
};
use room::{Hears, Place, Room, Written};
use rooms::{Change, Rooms};
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};
use tellers::Tellers;
use tokio::sync::oneshot;
use websocket::{CloseReason, Outbox};

/// kuzzle-sdk begins to listen to a channel when it has handled the answer, and its WebSocket for
/// Node hands on all messages of one packet before that: a notification in the answer's packet
/// would be lost there. So what is pushed leaves a little after the answer.
const LISTENS: std::time::Duration = std::time::Duration::from_millis(10);

/// What may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub rooms_per_connection: usize,
    pub subscriptions: usize,
}

/// A record to append; `Some`: its outcome is to be told by this number.
pub(crate) type Outgoing = (Option<u64>, RoomRecord);

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub room: Arc<str>,
    pub index: String,
    pub collection: String,
    pub filter: Raw,
    pub options: Options,
    pub volatile: Option<Raw>,
    /// What it missed is told from the log first: see [`Hall::replay`].
    pub catches_up: bool,
    /// The connection's number of the request: where its answer's place is kept.
    pub request: u64,
}

/// A wish that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The seat's own number; `None`: it was on the channel before, and has missed nothing.
    pub seat: Option<u64>,
    /// How far each partition was told then; `None` while one was not heard of.
    pub points: Option<Vec<Point>>,
}

/// How a wish is answered.
pub(crate) type Told = Result<Granted, Refusal>;

pub(crate) struct Hall {
    instance: Arc<str>,
    mailbox: u16,
    limits: Limits,
    fold: Rooms,
    /// Everything in `rooms` below this offset is in the fold.
    read: u64,
    /// By partition of `changes`: it is matched against everything in `rooms` below this offset.
    fences: Vec<u64>,
    tellers: Tellers,
    members: HashMap<u64, Member>,
    rooms: HashMap<Arc<str>, Room>,
    seats: usize,
    /// Who waits: for an append to be acknowledged, for its record to be read here, for it to be
    /// matched against everywhere.
    appending: HashMap<u64, Append>,
    reading: BTreeMap<(u64, u64), Waiting>,
    fencing: BTreeMap<(u64, u64), Waiting>,
    outgoing: VecDeque<Outgoing>,
    next: u64,
    leaving: bool,
}

struct Member {
    outbox: Arc<Outbox>,
    rooms: HashSet<Arc<str>>,
}

struct Append {
    room: Arc<str>,
    connection: u64,
    place: u64,
    waiting: Vec<Waiting>,
}

struct Waiting {
    room: Arc<str>,
    connection: u64,
    /// The seat's own number: another of the same connection in the same room, later, is another.
    place: u64,
    options: Options,
    catches_up: bool,
    request: u64,
    tell: oneshot::Sender<Told>,
}

impl Hall {
    pub(crate) fn new(reply: &Reply, partitions: u16, limits: Limits) -> Self {
        Self {
            instance: reply.instance.as_str().into(),
            mailbox: reply.partition,
            limits,
            fold: Rooms::default(),
            read: 0,
            fences: vec![0; usize::from(partitions)],
            tellers: Tellers::new(partitions),
            members: HashMap::new(),
            rooms: HashMap::new(),
            seats: 0,
            appending: HashMap::new(),
            reading: BTreeMap::new(),
            fencing: BTreeMap::new(),
            outgoing: VecDeque::new(),
            next: 0,
            leaving: false,
        }
    }

    /// Whom mail must be addressed to.
    pub(crate) fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    pub(crate) fn seats(&self) -> usize {
        self.seats
    }

    /// All rooms there are, as far as the topic was read.
    pub(crate) fn fold(&self) -> &Rooms {
        &self.fold
    }

    /// A connection begins.
    pub(crate) fn welcome(&mut self, connection: u64, outbox: Arc<Outbox>) {
        self.members.insert(
            connection,
            Member {
                outbox,
                rooms: HashSet::new(),
            },
        );
    }

    /// A connection ended: its seats are given up.
    pub(crate) fn forget(&mut self, connection: u64) {
        let Some(member) = self.members.remove(&connection) else {
            return;
        };
        member
            .rooms
            .into_iter()
            .for_each(|room| self.leave(&room, connection, None));
    }

    /// Puts a connection on a channel; the receiver hears when it is. The place of the answer is
    /// then kept in the outbox, unless it was there already.
    pub(crate) fn subscribe(
        &mut self,
        connection: u64,
        wish: Wish,
    ) -> Result<oneshot::Receiver<Told>, Refusal> {
        let member = self
            .members
            .get(&connection)
            .filter(|_| !self.leaving)
            .ok_or(Refusal::Ended)?;
        let seated = member.rooms.contains(&wish.room);
        if !seated
            && (member.rooms.len() >= self.limits.rooms_per_connection
                || self.seats >= self.limits.subscriptions)
        {
            return Err(Refusal::TooManyRooms);
        }
        let (tell, told) = oneshot::channel();
        if self
            .rooms
            .get(&wish.room)
            .is_some_and(|room| room.has(connection, wish.options))
        {
            _ = tell.send(Ok(Granted {
                seat: None,
                points: self.tellers.points().map(<[Point]>::to_vec),
            }));
            return Ok(told);
        }
        let Wish {
            room: name,
            options,
            catches_up,
            request,
            ..
        } = &wish;
        let (name, options, catches_up, request) = (name.clone(), *options, *catches_up, *request);
        let place = match seated {
            true => self.seat_again(&name, connection, options),
            false => self.seat(connection, wish),
        };
        let Some((place, written)) = place else {
            return Err(Refusal::Ended);
        };
        let waiting = Waiting {
            room: name,
            connection,
            place,
            options,
            catches_up,
            request,
            tell,
        };
        match written {
            Written::Sent(append) => {
                if let Some(append) = self.appending.get_mut(&append) {
                    append.waiting.push(waiting);
                }
            }
            Written::At(offset) => {
                let number = self.number();
                self.reading.insert((offset, number), waiting);
                self.settle();
            }
        }
        Ok(told)
    }

    /// The first channel of a connection in a room.
    fn seat(&mut self, connection: u64, wish: Wish) -> Option<(u64, Written)> {
        let place = self.number();
        let member = self.members.get_mut(&connection)?;
        member.rooms.insert(wish.room.clone());
        self.seats += 1;
        let room = self
            .rooms
            .entry(wish.room.clone())
            .or_insert_with(|| Room::new(wish.index, wish.collection, wish.filter));
        room.seat(connection, Place::new(place, wish.options, wish.volatile));
        let append = self.append(&wish.room, connection)?;
        Some((place, Written::Sent(append)))
    }

    /// One more channel: the seat is written again only if it wants to hear of more, or was not
    /// written last time.
    fn seat_again(
        &mut self,
        name: &Arc<str>,
        connection: u64,
        options: Options,
    ) -> Option<(u64, Written)> {
        let room = self.rooms.get_mut(name)?;
        let wider = room.widen(connection, options);
        let place = room.seats.get_mut(&connection)?;
        place.waiting += 1;
        let (number, written) = (place.number, place.written);
        let failed =
            matches!(written, Written::Sent(append) if !self.appending.contains_key(&append));
        if !wider && !failed {
            return Some((number, written));
        }
        Some((number, Written::Sent(self.append(name, connection)?)))
    }

    /// Writes a seat down as it is now wanted.
    fn append(&mut self, name: &Arc<str>, connection: u64) -> Option<u64> {
        let number = self.number();
        let seat = self.record_of(name, connection);
        let room = self.rooms.get_mut(name)?;
        let place = room.seats.get_mut(&connection)?;
        place.written = Written::Sent(number);
        let subscription = Subscription {
            index: room.index.clone(),
            collection: room.collection.clone(),
            filter: room.filter.clone(),
            mailbox: self.mailbox,
            users: place.users,
            pending: place.pending,
            volatile: place.volatile.clone(),
        };
        let append = Append {
            room: name.clone(),
            connection,
            place: place.number,
            waiting: Vec::with_capacity(1),
        };
        self.appending.insert(number, append);
        self.outgoing
            .push_back((Some(number), RoomRecord::Sits(seat, subscription)));
        Some(number)
    }

    /// Takes a connection off all its channels in a room.
    pub(crate) fn unsubscribe(
        &mut self,
        connection: u64,
        name: &str,
        volatile: Option<Raw>,
    ) -> Result<(), Refusal> {
        let (name, room) = self
            .rooms
            .get_key_value(name)
            .ok_or(Refusal::NotSubscribed)?;
        let seated = room
            .seats
            .get(&connection)
            .is_some_and(|place| !place.channels.is_empty());
        if !seated {
            return Err(Refusal::NotSubscribed);
        }
        let name = name.clone();
        // Whoever says so says something, even if it is nothing: that is how the others tell it
        // from a connection that just ended.
        self.leave(
            &name,
            connection,
            Some(volatile.unwrap_or_else(|| raw(&serde_json::Value::Null))),
        );
        Ok(())
    }

    fn leave(&mut self, name: &Arc<str>, connection: u64, volatile: Option<Raw>) {
        if let Some(member) = self.members.get_mut(&connection) {
            member.rooms.remove(name);
        }
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        if !room.vacate(connection) {
            return;
        }
        if room.seats.is_empty() {
            self.rooms.remove(name);
        }
        self.seats -= 1;
        let seat = self.record_of(name, connection);
        self.outgoing
            .push_back((None, RoomRecord::Leaves(seat, volatile)));
    }

    /// A wish was given up by whoever had it, unless it was granted in the meantime.
    pub(crate) fn withdraw(
        &mut self,
        connection: u64,
        name: &Arc<str>,
        told: &mut oneshot::Receiver<Told>,
    ) -> Option<Granted> {
        if let Ok(Ok(granted)) = told.try_recv() {
            return Some(granted);
        }
        told.close();
        if let Some(place) = self
            .rooms
            .get_mut(name)
            .and_then(|room| room.seats.get_mut(&connection))
        {
            place.waiting = place.waiting.saturating_sub(1);
            if place.is_idle() {
                self.leave(name, connection, None);
            }
        }
        None
    }

    /// What is to be appended next, in order.
    pub(crate) fn take_outgoing(&mut self, most: usize) -> Vec<Outgoing> {
        let count = self.outgoing.len().min(most);
        self.outgoing.drain(..count).collect()
    }

    /// A sign of life, unless the end was written down.
    pub(crate) fn beat(&mut self, now: i64) {
        if !self.leaving {
            let reply = Reply {
                instance: self.instance.to_string(),
                partition: self.mailbox,
            };
            self.outgoing
                .push_back((None, RoomRecord::Beats(Heartbeat { reply, time: now })));
        }
    }

    /// A `Sits` is in the log.
    pub(crate) fn appended(&mut self, number: u64, offset: u64) {
        let Some(append) = self.appending.remove(&number) else {
            return;
        };
        let place = self
            .rooms
            .get_mut(&append.room)
            .and_then(|room| room.seats.get_mut(&append.connection));
        if let Some(place) = place
            .filter(|place| place.number == append.place && place.written == Written::Sent(number))
        {
            place.written = Written::At(offset);
        }
        for waiting in append.waiting {
            let number = self.number();
            self.reading.insert((offset, number), waiting);
        }
        self.settle();
    }

    /// A `Sits` is perhaps not in the log, and nobody may count on it.
    pub(crate) fn not_appended(&mut self, number: u64) {
        let Some(Append {
            room: name,
            connection,
            place,
            waiting,
        }) = self.appending.remove(&number)
        else {
            return;
        };
        let refused = waiting.len();
        waiting
            .into_iter()
            .for_each(|waiting| _ = waiting.tell.send(Err(Refusal::Unavailable)));
        let place = self
            .rooms
            .get_mut(&name)
            .and_then(|room| room.seats.get_mut(&connection))
            .filter(|seat| seat.number == place);
        let Some(place) = place else { return };
        place.waiting = place.waiting.saturating_sub(refused);
        // Channels that are there stay as they are; without any the seat is given up, in case that
        // it was written after all.
        if place.is_idle() {
            self.leave(&name, connection, None);
        }
    }

    /// A `Leaves` is perhaps not in the log. It is written again, unless the seat was taken again
    /// meanwhile.
    pub(crate) fn not_left(&mut self, seat: Seat, volatile: Option<Raw>) {
        let taken = u64::from_str_radix(&seat.connection, 16).is_ok_and(|connection| {
            self.rooms
                .get(seat.room.as_str())
                .is_some_and(|room| room.seats.contains_key(&connection))
        });
        if !taken || *seat.instance != *self.instance {
            self.outgoing
                .push_back((None, RoomRecord::Leaves(seat, volatile)));
        }
    }

    /// The next records of `rooms`. `rename`: a name for this gateway, if it turns out that it was
    /// taken for dead.
    pub(crate) fn read(
        &mut self,
        records: Vec<(u64, Option<RoomRecord>)>,
        rename: impl Fn() -> String,
    ) {
        for (offset, record) in records {
            let changes = record
                .map(|record| self.fold.apply(record))
                .unwrap_or_default();
            self.read = self.read.max(offset + 1);
            let gone = |change: &Change| matches!(change, Change::Gone { instance } if **instance == *self.instance);
            if !self.leaving && changes.iter().any(gone) {
                self.begin_again(rename());
            }
        }
        self.settle();
    }

    /// Everybody else believes that this gateway ended: nothing was told to it since. Its clients
    /// come back and subscribe again, to a gateway of another name.
    fn begin_again(&mut self, name: String) {
        self.evict(MISSED);
        self.outgoing.push_back((
            None,
            RoomRecord::Gone {
                instance: self.instance.to_string(),
            },
        ));
        self.instance = name.into();
    }

    /// Ends every connection that has a seat, or wants one.
    pub(crate) fn evict(&mut self, reason: CloseReason) {
        let seated: Vec<u64> = self
            .members
            .iter()
            .filter(|(_, member)| !member.rooms.is_empty())
            .map(|(number, _)| *number)
            .collect();
        for connection in seated {
            if let Some(member) = self.members.get(&connection) {
                member.outbox.end(reason);
            }
            self.forget(connection);
        }
    }

    /// The gateway ends: every seat is given up, and that is the last that is written.
    pub(crate) fn end(&mut self) {
        let members: Vec<u64> = self.members.keys().copied().collect();
        members
            .into_iter()
            .for_each(|connection| self.forget(connection));
        if !std::mem::replace(&mut self.leaving, true) {
            self.outgoing.push_back((
                None,
                RoomRecord::Gone {
                    instance: self.instance.to_string(),
                },
            ));
        }
    }

    /// What a notifier knows of.
    pub(crate) fn progress(&mut self, progress: &Progress) {
        if *progress.instance != *self.instance {
            return;
        }
        for partition in &progress.partitions {
            let teller = progress
                .tellers
                .iter()
                .find(|teller| teller.partition == *partition);
            if let Some(fence) = self.fences.get_mut(usize::from(*partition))
                && teller.is_none_or(|teller| self.tellers.hear(teller))
            {
                *fence = (*fence).max(progress.rooms + 1);
            }
        }
        self.settle();
    }

    /// Tells a change on every channel that takes it; says how many times. `token` makes the handle
    /// of the write, `cursor` that of how far a room is told.
    pub(crate) fn push(
        &mut self,
        push: &Push,
        token: impl FnOnce() -> Option<String>,
        cursor: impl Fn(&str, &[Point]) -> String,
    ) -> usize {
        if *push.instance != *self.instance
            || !push.teller.is_none_or(|teller| self.tellers.hear(&teller))
        {
            return 0;
        }
        let points = self.tellers.points();
        let (mut token, mut text) = (Some(token), None);
        let mut count = 0;
        for told in &push.rooms {
            let Some(room) = self.rooms.get(told.room.as_str()) else {
                continue;
            };
            let mut signed = None;
            for channel in room
                .channels
                .iter()
                .filter(|channel| channel.options.take(told.scope, push.notice.state))
            {
                let text = text.get_or_insert_with(|| {
                    let token = token.take().and_then(|token| token());
                    Text::of_change(&push.notice, push.notice.state, token.as_deref())
                });
                let signed =
                    signed.get_or_insert_with(|| points.map(|points| cursor(&told.room, points)));
                count += channel.tell(push, &text.on(&channel.name, told.scope, signed.as_deref()));
            }
        }
        count
    }

    /// Tells of somebody's coming or going.
    pub(crate) fn presence(&self, presence: &Presence) -> usize {
        if *presence.instance != *self.instance {
            return 0;
        }
        let Some(room) = self.rooms.get(presence.room.as_str()) else {
            return 0;
        };
        let text = Text::of_user(presence);
        let mut count = 0;
        for channel in room
            .channels
            .iter()
            .filter(|channel| channel.options.take_user(presence.user))
        {
            let frame = text.on(&channel.name, Scope::In, None);
            for member in channel
                .members
                .values()
                .filter(|member| member.since < presence.rooms)
            {
                member.outbox.push(&frame);
                count += 1;
            }
        }
        count
    }

    /// Grants every wish for which nothing is missing any more.
    fn settle(&mut self) {
        while let Some(entry) = self
            .reading
            .first_entry()
            .filter(|entry| entry.key().0 < self.read)
        {
            let (key, waiting) = entry.remove_entry();
            let active = self
                .rooms
                .get(&waiting.room)
                .is_some_and(|room| room.is_active(waiting.options));
            match active {
                true => self.grant(waiting, key.0),
                false => _ = self.fencing.insert(key, waiting),
            }
        }
        let fence = self.fences.iter().copied().min().unwrap_or(0);
        while let Some(entry) = self
            .fencing
            .first_entry()
            .filter(|entry| entry.key().0 < fence)
        {
            let (key, waiting) = entry.remove_entry();
            self.grant(waiting, key.0);
        }
    }

    /// `since`: where the record stands by which it came in.
    fn grant(&mut self, waiting: Waiting, since: u64) {
        let Waiting {
            room: name,
            connection,
            place,
            options,
            catches_up,
            request,
            tell,
        } = waiting;
        let member = self.members.get(&connection);
        let room = self.rooms.get_mut(&name).filter(|room| {
            room.seats
                .get(&connection)
                .is_some_and(|seat| seat.number == place)
        });
        let (Some(member), Some(room)) = (member, room) else {
            _ = tell.send(Err(Refusal::Ended));
            return;
        };
        room.activate(options);
        if tell.is_closed() {
            // Given up: whoever did so takes care of the seat.
            return;
        }
        let hears = if catches_up {
            Hears::Nothing
        } else {
            Hears::All
        };
        room.admit(
            &name,
            connection,
            options,
            room::Member {
                outbox: member.outbox.clone(),
                since,
                hears,
            },
        );
        member.outbox.reserve(request, LISTENS);
        if tell
            .send(Ok(Granted {
                seat: Some(place),
                points: self.tellers.points().map(<[Point]>::to_vec),
            }))
            .is_err()
        {
            member.outbox.unreserve(request);
        }
    }

    fn record_of(&self, room: &str, connection: u64) -> Seat {
        Seat {
            instance: self.instance.to_string(),
            connection: format!("{connection:x}"),
            room: room.to_owned(),
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests;
