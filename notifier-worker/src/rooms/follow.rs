//! The task that folds `rooms` from its beginning, and tells gateways how far it is. It must tell
//! only when every lane already sees it.

use crate::{Notifier, rooms::state::RoomsState};
use event_log::{FollowOptions, Followed, Follower, Limits, Record, StreamError, consumer::From};
use event_schema::{
    codec,
    notification::{Mail, Progress},
};
use runtime::Shutdown;
use std::{collections::BTreeSet, sync::Arc};
use tokio::time::Instant;

const COMPONENT: &str = "rooms";
const BATCH: Limits = Limits {
    records: 1_000,
    bytes: 4 << 20,
};

/// Follows the topic until shutdown; opens it again when the log was away.
pub(crate) async fn follow_rooms(notifier: Arc<Notifier>, shutdown: Shutdown) {
    let options = FollowOptions {
        topic: notifier.topics.rooms.to_string(),
        partition: 0,
        from: From::Earliest,
        when_lost: From::Earliest,
        batch: BATCH,
        component: COMPONENT,
        purpose: "reading the topic of subscriptions",
    };
    let (log, health) = (notifier.ports.log.clone(), notifier.ports.health.clone());
    let mut follower = Follower::new(log, options, health, notifier.config.backoff());
    loop {
        tokio::select! {
            () = shutdown.hard() => return,
            followed = follower.next() => match followed {
                Followed::Records(records) => {
                    let touched = fold_records(&notifier, &records);
                    tell_progress(&notifier, touched.iter().map(String::as_str));
                }
                Followed::Lost(error) => begin_again(&notifier, &error),
            },
            () = notifier.registry.begun.notified() => tell_all(&notifier),
        }
    }
}

/// The topic was made anew, or cut off: what was folded is worth nothing.
fn begin_again(notifier: &Notifier, error: &StreamError) {
    tracing::error!(%error, "ALARM: `rooms` lost records: reading it again from its beginning");
    *notifier.registry.state.write() = RoomsState::new(
        notifier.ports.layout.partitions,
        notifier.config.presence_kept,
    );
    notifier.registry.folded.send_replace(0);
}

/// Takes a batch in, for all lanes at once; answers which gateways wrote in it.
fn fold_records(notifier: &Notifier, records: &[Record]) -> BTreeSet<String> {
    let now = Instant::now();
    let mut touched = BTreeSet::new();
    let decoded: Vec<_> = records
        .iter()
        .filter_map(|record| Some((record, decode_record(record)?)))
        .collect();
    let mut state = notifier.registry.state.write();
    for (record, room) in decoded {
        state.take(record.offset, record.timestamp, room, now, &mut touched);
    }
    notifier.metrics.rooms(&state);
    if let Some(last) = records.last() {
        notifier.registry.folded.send_replace(last.offset + 1);
    }
    drop(state);
    touched
}

fn decode_record(record: &Record) -> Option<event_schema::membership::MembershipRecord> {
    let decoded = codec::decode_membership(&crate::record_parts(record));
    decoded.inspect_err(|error| tracing::error!(%error, offset = record.offset, "a record of `rooms` cannot be read; left alone")).ok()
}

/// Every gateway that is known.
fn tell_all(notifier: &Notifier) {
    let instances: Vec<String> = notifier
        .registry
        .read()
        .memberships
        .instances()
        .map(|(instance, _)| instance.to_owned())
        .collect();
    tell_progress(notifier, instances.iter().map(String::as_str));
}

/// Not awaited: whoever misses one hears the next, with its own next heartbeat.
fn tell_progress<'a>(notifier: &Notifier, instances: impl Iterator<Item = &'a str>) {
    let Some((owners, rooms)) = notifier.registry.progress(&notifier.ports.notifier) else {
        return;
    };
    for instance in instances {
        let Some(mailbox) = notifier.registry.read().memberships.mailbox(instance) else {
            continue;
        };
        let progress = Progress {
            instance: instance.to_owned(),
            notifier: notifier.ports.notifier.clone(),
            owners: owners.clone(),
            missed: Vec::new(),
            rooms,
        };
        notifier.post_now(mailbox, &Mail::Progress(progress));
    }
}
