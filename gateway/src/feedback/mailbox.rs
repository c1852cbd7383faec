//! The gateway's mailbox: one partition, read by hand from its end, by a name that is random per start. What is not addressed to it is
//! dropped unread. A lost mailbox loses no verdict, only time: [`super::sweep`] asks the ledger.

use super::pending::Pending;
use event_log::{Limits, Log, PartitionStream, Record, StreamError, consumer::From};
use event_schema::{
    codec::{self, Parts},
    envelope::Reply,
    notification::Mail,
    topics::{Layout, MAILBOX},
};
use runtime::{Backoff, Health, Shutdown, State};
use std::{sync::Arc, time::Duration};
use tracing::{debug, warn};

const COMPONENT: &str = "mailbox";
const LIMITS: Limits = Limits { records: 1_000, bytes: 4 << 20 };

/// A name for this start, and the partition that goes with it.
pub(crate) fn address(layout: &Layout) -> Reply {
    let instance = uuid::Uuid::from_bytes(crate::idempotency::random()).simple().to_string();
    let partition = event_schema::id::EntityKey(instance.clone()).partition(layout.partitions(&MAILBOX));
    Reply { instance, partition }
}

/// An open mailbox.
pub(crate) struct Mailbox {
    log: Log,
    topic: String,
    reply: Reply,
    stream: Box<dyn PartitionStream>,
}

impl Mailbox {
    /// The start is known when this returns: what is sent from now on is seen.
    pub(crate) async fn open(log: Log, layout: &Layout, reply: Reply) -> Result<Self, StreamError> {
        let topic = layout.name(&MAILBOX);
        let stream = log.reader.tail(&topic, reply.partition, From::End).await?;
        Ok(Self { log, topic, reply, stream })
    }

    /// Reads until shutdown; opens itself again when the log was away.
    pub(crate) async fn run(mut self, pending: Arc<Pending>, health: Health, shutdown: Shutdown) {
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
                    records.iter().for_each(|record| self.deliver(record, &pending));
                }
                Err(error) => {
                    warn!(%error, "the mailbox is closed; opening it again, verdicts come from the ledger meanwhile");
                    health.set(COMPONENT, State::Missing { why: error.to_string() });
                    if !self.reopen(&mut backoff, &shutdown).await {
                        return;
                    }
                    health.set(COMPONENT, State::Ready);
                }
            }
        }
    }

    /// False: shutdown came first.
    async fn reopen(&mut self, backoff: &mut Backoff, shutdown: &Shutdown) -> bool {
        loop {
            tokio::select! {
                () = shutdown.hard() => return false,
                () = tokio::time::sleep(backoff.next_wait()) => {}
            }
            match self.log.reader.tail(&self.topic, self.reply.partition, From::End).await {
                Ok(stream) => {
                    self.stream = stream;
                    return true;
                }
                Err(error) => debug!(%error, "the mailbox is still closed"),
            }
        }
    }

    fn deliver(&self, record: &Record, pending: &Pending) {
        if record.key.as_deref() != Some(self.reply.instance.as_bytes()) {
            return;
        }
        let parts = Parts { key: None, value: record.value.clone(), headers: record.headers.clone() };
        match codec::decode_mail(&parts) {
            Ok(Mail::Feedback(feedback)) => _ = pending.resolve(feedback.entry),
            Ok(Mail::Push(_) | Mail::Presence(_) | Mail::Progress(_)) => {}
            Err(error) => warn!(%error, offset = record.offset, "a record in the mailbox cannot be read; left alone"),
        }
    }
}
