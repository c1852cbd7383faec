//! The gateway's subscriptions: the registry, its records on their way to and from the topic
//! `rooms`, and what recipients missed read from the log. [`SubscriptionRegistry`] is the rule; the
//! tasks here only carry. No filter is evaluated here but for catching up, and no protocol is known.

pub(crate) mod append;
pub(crate) mod catch_up;
pub(crate) mod follow;

use crate::{handles::HandleSigner, metrics::GatewayMetrics, spans};
use catch_up::CatchUpLog;
use event_log::Log;
use event_schema::{
    Raw,
    envelope::Reply,
    notification::{FeedPosition, Presence, Progress, Push},
    topics::{CHANGES, Layout, ROOMS},
};
use parking_lot::Mutex;
use runtime::Shutdown;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use subscriptions::{
    Recipient, SubscribeAck, SubscribeError, SubscribeRequest, SubscriptionRegistry,
    catch_up::{CatchUpEnd, CatchUpTarget, MissedChange},
    registry::RegistryLimits,
};
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

/// By index, collection and room: how many connections are in it.
pub(crate) type RoomListing = BTreeMap<String, BTreeMap<String, BTreeMap<String, u64>>>;

/// What subscriptions stand on.
pub(crate) struct SubscriptionPorts {
    pub log: Log,
    pub signer: HandleSigner,
    pub metrics: GatewayMetrics,
    pub shutdown: Shutdown,
}

/// Shared by connections and tasks.
pub(crate) struct Subscriptions {
    registry: Mutex<SubscriptionRegistry>,
    /// Something is to be appended.
    outgoing: Notify,
    /// The name that pushes for the registry carry.
    instance: watch::Sender<Arc<str>>,
    topic: Arc<str>,
    subscribe_timeout: Duration,
    catch_up: CatchUpLog,
    signer: HandleSigner,
    metrics: GatewayMetrics,
    shutdown: Shutdown,
    ending: AtomicBool,
    /// Turns true when all that is to be appended before the end is.
    ended: watch::Sender<bool>,
}

impl Subscriptions {
    pub(crate) fn new(
        reply: &Reply,
        layout: &Layout,
        limits: RegistryLimits,
        subscribe_timeout: Duration,
        ports: SubscriptionPorts,
    ) -> Self {
        let registry = SubscriptionRegistry::new(reply, layout.partitions(&CHANGES), limits);
        Self {
            instance: watch::Sender::new(registry.instance().clone()),
            registry: Mutex::new(registry),
            outgoing: Notify::new(),
            topic: layout.name(&ROOMS).into(),
            subscribe_timeout,
            catch_up: CatchUpLog::new(ports.log, layout),
            signer: ports.signer,
            metrics: ports.metrics,
            shutdown: ports.shutdown,
            ending: AtomicBool::new(false),
            ended: watch::Sender::new(false),
        }
    }

    pub(crate) fn connect(&self, connection: u64, recipient: Arc<dyn Recipient>) {
        self.registry.lock().add_connection(connection, recipient);
    }

    pub(crate) fn disconnect(&self, connection: u64) {
        self.registry.lock().remove_connection(connection);
        self.outgoing.notify_one();
    }

    /// Answers when nothing of the room can be missed any more; the answer's place is then reserved
    /// by the connection's recipient.
    pub(crate) async fn subscribe(
        &self,
        connection: u64,
        request: SubscribeRequest,
    ) -> Result<SubscribeAck, SubscribeError> {
        let room = request.room.clone();
        let mut pending = self.registry.lock().subscribe(connection, request)?;
        self.outgoing.notify_one();
        match timeout(self.subscribe_timeout, &mut pending).await {
            Ok(answer) => answer.unwrap_or(Err(SubscribeError::Ended)),
            Err(_) => {
                let ack = self.registry.lock().cancel(connection, &room, &mut pending);
                self.outgoing.notify_one();
                ack.ok_or(SubscribeError::NotActive)
            }
        }
    }

    /// See [`SubscriptionRegistry::replay`].
    fn replay(&self, target: &CatchUpTarget, missed: &[MissedChange]) -> Option<usize> {
        self.registry.lock().replay(target, missed)
    }

    /// See [`SubscriptionRegistry::finish_catch_up`].
    fn finish_catch_up(&self, target: &CatchUpTarget, positions: &[FeedPosition]) -> CatchUpEnd {
        self.registry.lock().finish_catch_up(target, positions)
    }

    /// From its return on nothing of the room is offered to the connection.
    pub(crate) fn unsubscribe(
        &self,
        connection: u64,
        room: &str,
        volatile: Option<Raw>,
    ) -> Result<(), SubscribeError> {
        let mut registry = self.registry.lock();
        registry.unsubscribe(connection, room, volatile)?;
        drop(registry);
        self.outgoing.notify_one();
        Ok(())
    }

    /// Index, collection and filter of a room that has members, on any gateway.
    pub(crate) fn room(&self, room: &str) -> Option<(String, String, Raw)> {
        let registry = self.registry.lock();
        registry.memberships().room(room).map(|room| {
            (
                room.index.clone(),
                room.collection.clone(),
                room.filter.clone(),
            )
        })
    }

    /// Connections in a room, over all gateways.
    pub(crate) fn count(&self, room: &str) -> u64 {
        self.registry.lock().memberships().count(room)
    }

    /// All rooms, over all gateways.
    pub(crate) fn list(&self) -> RoomListing {
        let registry = self.registry.lock();
        let mut listing = RoomListing::new();
        for (name, room) in registry.memberships().all() {
            let collections = listing.entry(room.index.clone()).or_default();
            collections
                .entry(room.collection.clone())
                .or_default()
                .insert(name.to_owned(), room.count());
        }
        listing
    }

    /// Memberships of this gateway's connections.
    pub(crate) fn len(&self) -> usize {
        self.registry.lock().subscriptions()
    }

    /// The name that pushes carry; it changes when the gateway has expired.
    pub(crate) fn address(&self) -> watch::Receiver<Arc<str>> {
        self.instance.subscribe()
    }

    pub(crate) fn push(&self, push: &Push) {
        let span = spans::begin_push(&push.notice);
        let count = self.registry.lock().push(push, &self.signer);
        spans::end_push(span, count);
        self.metrics.notified(count);
    }

    pub(crate) fn presence(&self, presence: &Presence) {
        let count = self.registry.lock().presence(presence);
        self.metrics.notified(count);
    }

    pub(crate) fn progress(&self, progress: &Progress) {
        self.registry.lock().progress(progress);
    }

    /// Pushes were lost: every subscriber must come again.
    pub(crate) fn missed(&self) {
        self.registry.lock().disconnect_members();
        self.outgoing.notify_one();
    }

    /// Ends every membership and says so; answers when that is written, or after `limit`.
    pub(crate) async fn end(&self, limit: Duration) {
        self.registry.lock().end();
        self.ending.store(true, Ordering::Release);
        self.outgoing.notify_one();
        drop(timeout(limit, self.ended.subscribe().wait_for(|ended| *ended)).await);
    }
}
