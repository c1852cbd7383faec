//! The gateway's mailbox: one partition, read by hand from its end, by a name that is random per
//! start. What is not addressed to it is dropped unread. Verdicts go to whoever waits, what
//! notifiers send goes to [`crate::subscriptions`], in the order in which it came. A lost mailbox
//! loses no verdict, only time: [`crate::write::feedback::sweep`] asks the ledger; those who
//! subscribed are sent to subscribe again.

use crate::{
    app::{App, Shared},
    request::caller::Caller,
};
use event_log::{Limits, Log, PartitionStream, Record, StreamError, consumer::From};
use event_schema::{
    codec::{self, Parts},
    envelope::Reply,
    notification::{Mail, Notice, Point},
    topics::{Layout, MAILBOX},
};
use runtime::{Backoff, Shutdown, State};
use std::time::Duration;
use tracing::{debug, warn};

const COMPONENT: &str = "mailbox";
const LIMITS: Limits = Limits {
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

/// An open mailbox.
pub(crate) struct Mailbox {
    log: Log,
    topic: String,
    reply: Reply,
    stream: Box<dyn PartitionStream>,
    /// Where to go on, once something came.
    next: Option<u64>,
}

impl Mailbox {
    /// The start is known when this returns: what is sent from now on is seen.
    pub(crate) async fn open(log: Log, layout: &Layout, reply: Reply) -> Result<Self, StreamError> {
        let topic = layout.name(&MAILBOX);
        let stream = log.reader.tail(&topic, reply.partition, From::End).await?;
        Ok(Self {
            log,
            topic,
            reply,
            stream,
            next: None,
        })
    }

    /// Reads until shutdown; opens itself again when the log was away.
    pub(crate) async fn run(mut self, app: Shared, shutdown: Shutdown) {
        let health = app.ports.health.clone();
        let mut rooms = app.subscriptions.address();
        health.set(COMPONENT, State::Ready);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            let records = tokio::select! {
                () = shutdown.hard() => return,
                records = self.stream.next(LIMITS) => records,
            };
            match records {
                Ok(records) => {
                    backoff.reset();
                    self.next = records.last().map(|record| record.offset + 1).or(self.next);
                    let instance = rooms.borrow_and_update().clone();
                    records
                        .iter()
                        .for_each(|record| self.deliver(record, &app, &instance));
                }
                Err(error) => {
                    warn!(%error, "the mailbox is closed; opening it again, verdicts come from the ledger meanwhile");
                    health.set(
                        COMPONENT,
                        State::Missing {
                            why: error.to_string(),
                        },
                    );
                    if !self.reopen(&app, &mut backoff, &shutdown).await {
                        return;
                    }
                    health.set(COMPONENT, State::Ready);
                }
            }
        }
    }

    /// Goes on where it was; where that is not possible, whoever listens is told. False: shutdown
    /// came first.
    async fn reopen(&mut self, app: &App, backoff: &mut Backoff, shutdown: &Shutdown) -> bool {
        let mut from = self.next.map_or(From::End, From::Offset);
        loop {
            tokio::select! {
                () = shutdown.hard() => return false,
                () = tokio::time::sleep(backoff.next_wait()) => {}
            }
            match self
                .log
                .reader
                .tail(&self.topic, self.reply.partition, from)
                .await
            {
                Ok(stream) => {
                    if from == From::End {
                        app.subscriptions.missed();
                    }
                    self.stream = stream;
                    return true;
                }
                Err(StreamError::OutOfRange { .. }) => from = From::End,
                Err(error) => debug!(%error, "the mailbox is still closed"),
            }
        }
    }

    /// `instance`: the name under which the rooms know this gateway.
    fn deliver(&self, record: &Record, app: &App, instance: &str) {
        let to = record.key.as_deref().unwrap_or_default();
        if to != self.reply.instance.as_bytes() && to != instance.as_bytes() {
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
                app.metrics.told(app.subscriptions.push(
                    &push,
                    |notice| token(app, notice),
                    cursor,
                ));
            }
            Ok(Mail::Presence(presence)) => app.metrics.told(app.subscriptions.presence(&presence)),
            Ok(Mail::Progress(progress)) => app.subscriptions.progress(&progress),
            Err(error) => {
                warn!(%error, offset = record.offset, "a record in the mailbox cannot be read; left alone")
            }
        }
    }
}

/// The handle of the write that a notice tells of; messages have none.
pub(crate) fn token(app: &App, notice: &Notice) -> Option<String> {
    notice
        .write
        .map(|write| app.token(&Caller::anonymous(), vec![write], Some(notice.request)))
}
