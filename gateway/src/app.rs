//! What all handlers share: ports, options, and the few tables that live as long as the service. No
//! rule of the write path is here.

use crate::{
    Ports,
    config::Config,
    feedback::pending::Pending,
    idempotency::Keys,
    metrics::Metrics,
    origins::Origins,
    read::{collections::Collections, refresh::Refreshes},
    request::{body::Budget, caller::Caller},
    subscriptions::{Subscriptions, hall::Limits},
};
use event_schema::{
    cursor::{Bearer, Cursor},
    envelope::Reply,
    id::RequestId,
    notification::Point,
    token::Token,
    topics::{CHANGES, INFORMATIVE, TRANSACTIONS},
};
use runtime::Shutdown;
use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};
use websocket::WakeQueue;

/// Handed to every handler.
pub(crate) type Shared = Arc<App>;

pub(crate) struct App {
    pub config: Config,
    pub ports: Ports,
    pub transactions: Arc<str>,
    pub informative: Arc<str>,
    pub changes: Arc<str>,
    pub budget: Budget,
    pub collections: Collections,
    pub keys: Keys,
    pub pending: Arc<Pending>,
    /// Where workers send verdicts that somebody here waits for.
    pub reply: Reply,
    pub refreshes: Refreshes,
    pub subscriptions: Arc<Subscriptions>,
    pub wake_queue: Arc<WakeQueue>,
    pub metrics: Metrics,
    pub origins: Origins,
    pub bulks: AtomicUsize,
    /// Made once from the table of routes and the catalog.
    pub openapi: bytes::Bytes,
    pub shutdown: Shutdown,
}

impl App {
    pub(crate) fn new(
        config: Config,
        ports: Ports,
        reply: Reply,
        metrics: Metrics,
        origins: Origins,
        openapi: bytes::Bytes,
        shutdown: Shutdown,
    ) -> Self {
        let limits = Limits {
            rooms_per_connection: config.live.rooms_per_connection,
            subscriptions: config.live.subscriptions,
        };
        let patience = Duration::from_secs(config.live.subscribe_timeout_seconds.max(1));
        Self {
            subscriptions: Arc::new(Subscriptions::new(&reply, &ports.layout, limits, patience)),
            wake_queue: Arc::default(),
            transactions: ports.layout.name(&TRANSACTIONS).into(),
            informative: ports.layout.name(&INFORMATIVE).into(),
            changes: ports.layout.name(&CHANGES).into(),
            budget: Budget::new(config.body_budget_bytes),
            collections: Collections::new(ports.record.clone()),
            keys: Keys::new(config.idempotency_entries, config.idempotency_ttl_seconds),
            pending: Arc::new(Pending::new(config.max_waiting)),
            refreshes: Refreshes::default(),
            bulks: AtomicUsize::new(0),
            reply,
            metrics,
            origins,
            openapi,
            shutdown,
            config,
            ports,
        }
    }

    /// Unix milliseconds.
    pub(crate) fn now(&self) -> i64 {
        self.ports.clock.now()
    }

    /// The signed handle of writes at these places. `request`: the one it stands for, if it is one.
    pub(crate) fn token(
        &self,
        caller: &Caller,
        offsets: Vec<(u16, u64)>,
        request: Option<RequestId>,
    ) -> String {
        let token = Token {
            tenant: caller.tenant.to_owned(),
            principal: caller.principal.to_owned(),
            expires: (self.now() / 1000).max(0) as u64 + self.config.token_ttl_seconds,
            generation: self.ports.layout.generation,
            offsets,
            request,
        };
        token.sign(&self.ports.keys)
    }

    /// The signed handle of how far a room is told.
    pub(crate) fn cursor(&self, caller: &Caller, room: &str, points: &[Point]) -> String {
        let cursor = Cursor {
            generation: self.ports.layout.generation,
            expires: (self.now() / 1000).max(0) as u64 + self.config.live.cursor_ttl_seconds,
            points: points.to_vec(),
        };
        cursor.sign(&self.ports.keys, bearer(caller, room))
    }

    /// What an acknowledgement means here, as answers name it.
    pub(crate) fn durability(&self) -> &'static str {
        match self.ports.durability {
            event_log::Durability::Replicated => "replicated",
            event_log::Durability::Logged => "logged",
            event_log::Durability::Embedded => "embedded",
        }
    }
}

/// Whom a cursor of a room is given to.
pub(crate) fn bearer<'a>(caller: &'a Caller, room: &'a str) -> Bearer<'a> {
    Bearer {
        tenant: caller.tenant,
        principal: caller.principal,
        room,
    }
}
