//! The task that folds `rooms` from its beginning, and tells gateways how far it is. It must tell
//! only when every lane already sees it.

use crate::{Notifier, rooms::state::State};
use event_log::{Limits, Record, StreamError, consumer::From};
use event_schema::{
    codec,
    notification::{Mail, Progress},
};
use runtime::Shutdown;
use std::{collections::BTreeSet, sync::Arc};
use tokio::time::Instant;

const COMPONENT: &str = "rooms";
const LIMITS: Limits = Limits {
    records: 1_000,
    bytes: 4 << 20,
};

/// Follows the topic until shutdown; opens it again when the log was away.
pub(crate) async fn follow(notifier: Arc<Notifier>, shutdown: Shutdown) {
    let mut backoff = notifier.config.backoff();
    notifier.ports.health.set(
        COMPONENT,
        runtime::State::Starting {
            why: "reads who listens to what".into(),
        },
    );
    loop {
        let ended = tokio::select! {
            () = shutdown.hard() => return,
            ended = follow_stream(&notifier, &mut backoff) => ended,
        };
        tracing::warn!(error = %ended, "`rooms` cannot be read; opening it again");
        notifier.ports.health.set(
            COMPONENT,
            runtime::State::Missing {
                why: ended.to_string(),
            },
        );
        if let StreamError::OutOfRange { .. } = ended {
            // Made anew, or cut off: what was folded is worth nothing.
            tracing::error!("ALARM: `rooms` is not what it was: reading it from its beginning");
            *notifier.registry.state.write() = fresh(&notifier);
            notifier.registry.folded.send_replace(0);
        }
        tokio::select! {
            () = shutdown.hard() => return,
            () = tokio::time::sleep(backoff.next_wait()) => {}
        }
    }
}

fn fresh(notifier: &Notifier) -> State {
    State::new(
        notifier.ports.layout.partitions,
        notifier.config.presence_kept,
    )
}

async fn follow_stream(notifier: &Notifier, backoff: &mut runtime::Backoff) -> StreamError {
    let from = match *notifier.registry.folded.borrow() {
        0 => From::Earliest,
        next => From::Offset(next),
    };
    let mut stream = match notifier
        .ports
        .log
        .reader
        .tail(&notifier.topics.rooms, 0, from)
        .await
    {
        Ok(stream) => stream,
        Err(error) => return error,
    };
    notifier.ports.health.set(COMPONENT, runtime::State::Ready);
    loop {
        tokio::select! {
            records = stream.next(LIMITS) => match records {
                Ok(records) => {
                    backoff.reset();
                    let touched = fold(notifier, &records);
                    tell(notifier, touched.iter().map(String::as_str));
                }
                Err(error) => return error,
            },
            () = notifier.registry.begun.notified() => tell_all(notifier),
        }
    }
}

/// Takes a batch in, for all lanes at once; answers which gateways wrote in it.
fn fold(notifier: &Notifier, records: &[Record]) -> BTreeSet<String> {
    let now = Instant::now();
    let mut touched = BTreeSet::new();
    let decoded: Vec<_> = records
        .iter()
        .filter_map(|record| Some((record, decode(record)?)))
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

fn decode(record: &Record) -> Option<event_schema::rooms::RoomRecord> {
    let decoded = codec::decode_room(&crate::parts(record));
    decoded.inspect_err(|error| tracing::error!(%error, offset = record.offset, "a record of `rooms` cannot be read; left alone")).ok()
}

/// Every gateway that is known.
fn tell_all(notifier: &Notifier) {
    let instances: Vec<String> = notifier
        .registry
        .read()
        .rooms
        .instances()
        .map(|(instance, _)| instance.to_owned())
        .collect();
    tell(notifier, instances.iter().map(String::as_str));
}

/// Not awaited: whoever misses one hears the next, with its own next heartbeat.
fn tell<'a>(notifier: &Notifier, instances: impl Iterator<Item = &'a str>) {
    let Some((tellers, rooms)) = notifier.registry.progress(&notifier.ports.notifier) else {
        return;
    };
    let partitions: Vec<u16> = tellers.iter().map(|teller| teller.partition).collect();
    for instance in instances {
        let Some(mailbox) = notifier.registry.read().rooms.mailbox(instance) else {
            continue;
        };
        let progress = Progress {
            instance: instance.to_owned(),
            notifier: notifier.ports.notifier.clone(),
            partitions: partitions.clone(),
            tellers: tellers.clone(),
            rooms,
        };
        notifier.post_now(mailbox, &Mail::Progress(progress));
    }
}
