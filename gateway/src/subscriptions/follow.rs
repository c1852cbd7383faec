//! Reads the topic `rooms`, from its beginning and then as it grows, into the hall. It must never
//! skip a record: what is written there before a client's own seat is known when the client is
//! answered.

use super::Subscriptions;
use crate::mailbox;
use event_log::{Limits, Log, PartitionStream, Record, StreamError, consumer::From};
use event_schema::{
    codec::{self, Parts},
    rooms::RoomRecord,
};
use runtime::{Backoff, Health, Shutdown, State};
use std::{sync::Arc, time::Duration};
use tracing::warn;

// `rooms` is what a notifier in the same process calls its own.
const COMPONENT: &str = "subscriptions";
const LIMITS: Limits = Limits {
    records: 2_000,
    bytes: 4 << 20,
};

/// Follows until all must end.
pub(crate) async fn run(
    subscriptions: Arc<Subscriptions>,
    log: Log,
    health: Health,
    shutdown: Shutdown,
) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut next = None;
    health.set(
        COMPONENT,
        State::Starting {
            why: "reading who listens to what".into(),
        },
    );
    loop {
        let followed = tokio::select! {
            () = shutdown.hard() => return,
            followed = follow(&subscriptions, &log, &mut next, &health, &mut backoff) => followed,
        };
        let Err(error) = followed;
        warn!(%error, "the rooms cannot be read; trying again");
        health.set(
            COMPONENT,
            State::Missing {
                why: error.to_string(),
            },
        );
        if let StreamError::OutOfRange { earliest, .. } = error {
            // Compaction leaves what counts, so the fold misses nothing that still stands; what it
            // missed to have ended is no worse.
            next = Some(earliest);
        }
        tokio::select! {
            () = shutdown.hard() => return,
            () = tokio::time::sleep(backoff.next_wait()) => {}
        }
    }
}

async fn follow(
    subscriptions: &Subscriptions,
    log: &Log,
    next: &mut Option<u64>,
    health: &Health,
    backoff: &mut Backoff,
) -> Result<std::convert::Infallible, StreamError> {
    let mut stream: Box<dyn PartitionStream> = log
        .reader
        .tail(
            &subscriptions.topic,
            0,
            next.map_or(From::Earliest, From::Offset),
        )
        .await?;
    let mut behind = true;
    loop {
        if behind && next.unwrap_or(0) >= stream.end() {
            behind = false;
            health.set(COMPONENT, State::Ready);
        }
        let records = stream.next(LIMITS).await?;
        backoff.reset();
        *next = records.last().map(|record| record.offset + 1).or(*next);
        let records = records
            .into_iter()
            .map(|record| (record.offset, decode(record)))
            .collect();
        let mut hall = subscriptions.hall.lock();
        hall.read(records, mailbox::name);
        if **hall.instance() != **subscriptions.instance.borrow() {
            warn!(instance = %hall.instance(), "this gateway was taken for dead; its subscribers are sent to subscribe again");
            subscriptions.instance.send_replace(hall.instance().clone());
        }
        drop(hall);
        subscriptions.outgoing.notify_one();
    }
}

fn decode(record: Record) -> Option<RoomRecord> {
    let offset = record.offset;
    let parts = Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    };
    codec::decode_room(&parts)
        .map_err(|error| warn!(%error, offset, "a record of the rooms cannot be read; left alone"))
        .ok()
}
