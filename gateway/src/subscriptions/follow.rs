//! Reads the topic `rooms`, from its beginning and then as it grows, into the hall. It must never
//! skip a record: what is written there before a client's own seat is known when the client is
//! answered.

use super::Subscriptions;
use crate::mailbox;
use event_log::{FollowOptions, Followed, Follower, Limits, Log, Record, consumer::From};
use event_schema::{
    codec::{self, Parts},
    rooms::RoomRecord,
};
use runtime::{Backoff, Health, Shutdown};
use std::{sync::Arc, time::Duration};
use tracing::warn;

// `rooms` is what a notifier in the same process calls its own.
const COMPONENT: &str = "subscriptions";
const BATCH: Limits = Limits {
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
    let options = FollowOptions {
        topic: subscriptions.topic.to_string(),
        partition: 0,
        from: From::Earliest,
        // Compaction leaves what counts, so the fold misses nothing that still stands; what it
        // missed to have ended is no worse.
        when_lost: From::Earliest,
        batch: BATCH,
        component: COMPONENT,
        purpose: "reading who listens to what",
    };
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut follower = Follower::new(log, options, health, backoff);
    loop {
        let followed = tokio::select! {
            () = shutdown.hard() => return,
            followed = follower.next() => followed,
        };
        match followed {
            Followed::Records(records) => fold(&subscriptions, records),
            Followed::Lost(error) => warn!(%error, "records of the rooms were deleted unread"),
        }
    }
}

fn fold(subscriptions: &Subscriptions, records: Vec<Record>) {
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
