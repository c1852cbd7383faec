//! Reads the topic `rooms`, from its beginning and then as it grows, into the registry. It must
//! never skip a record: everything before a client's own membership is known when the client is
//! answered.

use super::Subscriptions;
use crate::instance;
use event_log::{FollowOptions, Followed, Follower, Limits, Log, Record, consumer::From};
use event_schema::{
    codec::{self, Parts},
    membership::MembershipRecord,
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
pub(crate) async fn follow_memberships(
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
        purpose: "reading the topic of subscriptions",
    };
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut follower = Follower::new(log, options, health, backoff);
    loop {
        let followed = tokio::select! {
            () = shutdown.hard() => return,
            followed = follower.next() => followed,
        };
        match followed {
            Followed::Records(records) => fold_records(&subscriptions, records),
            Followed::Lost(error) => {
                warn!(%error, "records of the topic `rooms` were deleted unread")
            }
        }
    }
}

fn fold_records(subscriptions: &Subscriptions, records: Vec<Record>) {
    let records = records
        .into_iter()
        .map(|record| (record.offset, decode_record(record)))
        .collect();
    let mut registry = subscriptions.registry.lock();
    registry.read(records, instance::fresh_name);
    if **registry.instance() != **subscriptions.instance.borrow() {
        warn!(instance = %registry.instance(), "this gateway has expired for the others; its subscribers are disconnected to subscribe again");
        subscriptions
            .instance
            .send_replace(registry.instance().clone());
    }
    drop(registry);
    subscriptions.outgoing.notify_one();
}

fn decode_record(record: Record) -> Option<MembershipRecord> {
    let offset = record.offset;
    let parts = Parts {
        key: record.key,
        value: record.value,
        headers: record.headers,
    };
    codec::decode_membership(&parts)
        .map_err(|error| warn!(%error, offset, "a record of the topic `rooms` cannot be decoded; skipped"))
        .ok()
}
