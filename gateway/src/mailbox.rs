//! The gateway's mailbox: one partition, read by hand from its end, by a name that is random per
//! start. What is not addressed to it is dropped unread. Verdicts go to whoever waits, what
//! notifiers send goes to [`crate::subscriptions`], in the order in which it came. A lost mailbox
//! loses no verdict, only time: [`crate::write::feedback::sweep`] asks the ledger; those who
//! subscribed are sent to subscribe again.

use crate::{
    app::{App, Shared},
    request::caller::Caller,
};
use event_log::{FollowOptions, Followed, Follower, Limits, Record, consumer::From};
use event_schema::{
    codec::{self, Parts},
    envelope::Reply,
    notification::{Mail, Notice, Point},
    topics::{Layout, MAILBOX},
};
use runtime::{Backoff, Shutdown};
use std::time::Duration;
use tracing::warn;

const COMPONENT: &str = "mailbox";
const BATCH: Limits = Limits {
    records: 1_000,
    bytes: 4 << 20,
};

/// A name for this start, and the partition that goes with it.
pub(crate) fn address(layout: &Layout) -> Reply {
    let instance = name();
    let partition =
        event_schema::id::EntityKey(instance.clone()).partition(layout.partitions(&MAILBOX));
    Reply {
        instance,
        partition,
    }
}

/// A name that nobody had before.
pub(crate) fn name() -> String {
    uuid::Uuid::from_bytes(crate::write::identify::random())
        .simple()
        .to_string()
}

/// Reads until shutdown; opened again when the log was away.
pub(crate) async fn run(app: Shared, shutdown: Shutdown) {
    let options = FollowOptions {
        topic: app.ports.layout.name(&MAILBOX),
        partition: app.writes.builder.reply.partition,
        from: From::End,
        when_lost: From::End,
        batch: BATCH,
        component: COMPONENT,
        purpose: "opening the mailbox",
    };
    let (log, health) = (app.ports.log.clone(), app.ports.health.clone());
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut follower = Follower::new(log, options, health, backoff);
    let mut rooms = app.subscriptions.address();
    loop {
        let followed = tokio::select! {
            () = shutdown.hard() => return,
            followed = follower.next() => followed,
        };
        match followed {
            Followed::Records(records) => {
                let instance = rooms.borrow_and_update().clone();
                records
                    .iter()
                    .for_each(|record| deliver(record, &app, &instance));
            }
            Followed::Lost(error) => {
                warn!(%error, "records of the mailbox were lost; subscribers are told that they missed something");
                app.subscriptions.missed();
            }
        }
    }
}

/// `instance`: the name under which the rooms know this gateway.
fn deliver(record: &Record, app: &App, instance: &str) {
    let to = record.key.as_deref().unwrap_or_default();
    if to != app.writes.builder.reply.instance.as_bytes() && to != instance.as_bytes() {
        return;
    }
    let parts = Parts {
        key: None,
        value: record.value.clone(),
        headers: record.headers.clone(),
    };
    match codec::decode_mail(&parts) {
        Ok(Mail::Feedback(feedback)) => _ = app.writes.feedback.pending.resolve(feedback.entry),
        Ok(Mail::Push(push)) => {
            let cursor =
                |room: &str, points: &[Point]| app.cursor(&Caller::anonymous(), room, points);
            app.metrics.told(
                app.subscriptions
                    .push(&push, |notice| token(app, notice), cursor),
            );
        }
        Ok(Mail::Presence(presence)) => app.metrics.told(app.subscriptions.presence(&presence)),
        Ok(Mail::Progress(progress)) => app.subscriptions.progress(&progress),
        Err(error) => {
            warn!(%error, offset = record.offset, "a record in the mailbox cannot be read; left alone")
        }
    }
}

/// The handle of the write that a notice tells of; messages have none.
pub(crate) fn token(app: &App, notice: &Notice) -> Option<String> {
    notice
        .write
        .map(|write| app.token(&Caller::anonymous(), vec![write], Some(notice.request)))
}
