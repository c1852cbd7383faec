//! The gateway's side of subscriptions: which connections sit in which rooms, written down in the
//! topic `rooms` so that notifiers and other gateways know, and what notifiers send handed to
//! whoever must be told. [`hall`] is the rule; the tasks here only carry records to and fro. No
//! filter is evaluated here, and nobody is told anything that a notifier did not send.

pub(crate) mod append;
pub(crate) mod catch_up;
pub(crate) mod follow;
pub(crate) mod hall;
mod notice;
pub(crate) mod options;

use event_schema::{
    Raw,
    envelope::Reply,
    notification::{Notice, Point, Presence, Progress, Push},
    topics::{CHANGES, Layout, ROOMS},
};
use hall::{
    Granted, Hall, Limits, Wish,
    catch_up::{Arrival, Late},
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::timeout,
};
use websocket::{CloseReason, Outbox, TextFrame};

/// Why a subscription, or the end of one, did not come to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("as many subscriptions are held as may be")]
    TooManyRooms,
    #[error("the connection is not in this room")]
    NotSubscribed,
    #[error("there is no such room")]
    UnknownRoom,
    /// The log did not take it.
    #[error("the subscription could not be written down")]
    Unavailable,
    /// Not every notifier said in time that it knows of it.
    #[error("the subscription did not become active in time")]
    NotActive,
    #[error("the connection has ended")]
    Ended,
}

/// The log is read for so many of those who came back at the same time; the others wait for their
/// turn.
const READERS: usize = 8;

/// Notifications may have been missed.
pub(crate) const MISSED: CloseReason = CloseReason {
    code: 1012,
    reason: "notifications may have been missed; connect and subscribe again",
    drop_rest: false,
};

/// By index, collection and room: how many connections are in it.
pub(crate) type Listing = BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>;

/// Shared by connections and tasks.
pub(crate) struct Subscriptions {
    hall: Mutex<Hall>,
    /// Something is to be appended.
    outgoing: Notify,
    /// The name that mail for the hall carries.
    instance: watch::Sender<Arc<str>>,
    topic: Arc<str>,
    patience: Duration,
    /// Those who read the log for somebody who came back.
    readers: Semaphore,
    ending: AtomicBool,
    /// Turns true when all that is to be appended before the end is.
    ended: watch::Sender<bool>,
}

impl Subscriptions {
    pub(crate) fn new(reply: &Reply, layout: &Layout, limits: Limits, patience: Duration) -> Self {
        let hall = Hall::new(reply, layout.partitions(&CHANGES), limits);
        Self {
            instance: watch::Sender::new(hall.instance().clone()),
            hall: Mutex::new(hall),
            outgoing: Notify::new(),
            topic: layout.name(&ROOMS).into(),
            patience,
            readers: Semaphore::new(READERS),
            ending: AtomicBool::new(false),
            ended: watch::Sender::new(false),
        }
    }

    pub(crate) fn welcome(&self, connection: u64, outbox: Arc<Outbox>) {
        self.hall.lock().welcome(connection, outbox);
    }

    pub(crate) fn forget(&self, connection: u64) {
        self.hall.lock().forget(connection);
        self.outgoing.notify_one();
    }

    /// Answers when nothing of the room can be missed any more; the answer's place is then kept in
    /// the connection's outbox.
    pub(crate) async fn subscribe(&self, connection: u64, wish: Wish) -> Result<Granted, Refusal> {
        let room = wish.room.clone();
        let mut told = self.hall.lock().subscribe(connection, wish)?;
        self.outgoing.notify_one();
        match timeout(self.patience, &mut told).await {
            Ok(answer) => answer.unwrap_or(Err(Refusal::Ended)),
            Err(_) => {
                let granted = self.hall.lock().withdraw(connection, &room, &mut told);
                self.outgoing.notify_one();
                granted.ok_or(Refusal::NotActive)
            }
        }
    }

    /// See [`Hall::replay`].
    pub(crate) fn replay(&self, late: &Late, frames: &[TextFrame]) -> Option<usize> {
        self.hall.lock().replay(late, frames)
    }

    /// See [`Hall::arrive`].
    pub(crate) fn arrive(&self, late: &Late, points: &[Point]) -> Arrival {
        self.hall.lock().arrive(late, points)
    }

    /// From its return on nothing of the room reaches the outbox.
    pub(crate) fn unsubscribe(
        &self,
        connection: u64,
        room: &str,
        volatile: Option<Raw>,
    ) -> Result<(), Refusal> {
        self.hall.lock().unsubscribe(connection, room, volatile)?;
        self.outgoing.notify_one();
        Ok(())
    }

    /// Index, collection and filter of a room that somebody is in, on any gateway.
    pub(crate) fn room(&self, room: &str) -> Option<(String, String, Raw)> {
        let hall = self.hall.lock();
        hall.fold().room(room).map(|room| {
            (
                room.index.clone(),
                room.collection.clone(),
                room.filter.clone(),
            )
        })
    }

    /// Connections in a room, over all gateways.
    pub(crate) fn count(&self, room: &str) -> u64 {
        self.hall.lock().fold().count(room)
    }

    /// All rooms, over all gateways.
    pub(crate) fn list(&self) -> Listing {
        let hall = self.hall.lock();
        let mut listing = Listing::new();
        for (name, room) in hall.fold().all() {
            let collections = listing.entry(room.index.clone()).or_default();
            collections
                .entry(room.collection.clone())
                .or_default()
                .insert(name.to_owned(), room.count());
        }
        listing
    }

    /// Seats taken here.
    pub(crate) fn seats(&self) -> usize {
        self.hall.lock().seats()
    }

    /// The name that mail for the rooms carries; it changes when the gateway was taken for dead.
    pub(crate) fn address(&self) -> watch::Receiver<Arc<str>> {
        self.instance.subscribe()
    }

    /// `token` makes the handle of the write that a notice tells of, `cursor` that of how far a
    /// room is told.
    pub(crate) fn push(
        &self,
        push: &Push,
        token: impl Fn(&Notice) -> Option<String>,
        cursor: impl Fn(&str, &[Point]) -> String,
    ) -> usize {
        self.hall.lock().push(push, || token(&push.notice), cursor)
    }

    pub(crate) fn presence(&self, presence: &Presence) -> usize {
        self.hall.lock().presence(presence)
    }

    pub(crate) fn progress(&self, progress: &Progress) {
        self.hall.lock().progress(progress);
    }

    /// Mail was lost: whoever listens must come again.
    pub(crate) fn missed(&self) {
        self.hall.lock().evict(MISSED);
        self.outgoing.notify_one();
    }

    /// Gives up every seat and says so; answers when that is written, or after `limit`.
    pub(crate) async fn end(&self, limit: Duration) {
        self.hall.lock().end();
        self.ending.store(true, Ordering::Release);
        self.outgoing.notify_one();
        drop(timeout(limit, self.ended.subscribe().wait_for(|ended| *ended)).await);
    }
}
