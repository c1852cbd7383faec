//! Following a partition for ever: opened again with back-off when the log was away, with the state
//! of a component kept up to date meanwhile. It never skips a record without saying so.

use crate::{
    Log,
    consumer::{From, Limits, PartitionStream, StreamError},
    record::Record,
};
use runtime::{Backoff, Health, State};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Nothing for so long: what the log held when it was opened is read. The offsets at its end may
/// hold no records (compaction), so reaching it cannot be awaited.
const QUIET: Duration = Duration::from_secs(1);

/// What is followed, and under which name its state is reported.
#[derive(Clone, Debug)]
pub struct FollowOptions {
    pub topic: String,
    pub partition: u16,
    pub from: From,
    /// Where to go on when the place reached is no longer in the log.
    pub when_lost: From,
    pub batch: Limits,
    /// The component's name in `/readyz`. Ready once all that stood in the log is read.
    pub component: &'static str,
    /// What it does until then.
    pub purpose: &'static str,
}

/// What a [`Follower`] hands out.
#[derive(Debug)]
pub enum Followed {
    Records(Vec<Record>),
    /// Records may be missing before the next ones: the place reached is not in the log any more.
    Lost(StreamError),
}

/// Reads a partition for as long as it is asked to.
pub struct Follower {
    log: Log,
    options: FollowOptions,
    health: Health,
    backoff: Backoff,
    stream: Option<Box<dyn PartitionStream>>,
    next: From,
    /// The end when the stream was opened, until it is reached.
    behind: Option<u64>,
    not_before: Option<Instant>,
}

impl Follower {
    pub fn new(log: Log, options: FollowOptions, health: Health, backoff: Backoff) -> Self {
        let why = options.purpose.to_owned();
        health.set(options.component, State::Starting { why });
        Self {
            log,
            next: options.from,
            options,
            health,
            backoff,
            stream: None,
            behind: None,
            not_before: None,
        }
    }

    /// The next records, whenever they come; failures are retried. Cancel-safe.
    pub async fn next(&mut self) -> Followed {
        loop {
            if let Some(wait) = self.not_before {
                sleep_until(wait).await;
                self.not_before = None;
            }
            match self.try_next().await {
                Ok(records) => {
                    self.backoff.reset();
                    return Followed::Records(records);
                }
                Err(error) => {
                    if let Some(lost) = self.note_failure(error) {
                        return lost;
                    }
                }
            }
        }
    }

    async fn try_next(&mut self) -> Result<Vec<Record>, StreamError> {
        loop {
            let Some(stream) = &mut self.stream else {
                self.open_stream().await?;
                continue;
            };
            let more = stream.next(self.options.batch);
            let records = if self.behind.is_none() {
                more.await?
            } else if let Ok(records) = timeout(QUIET, more).await {
                records?
            } else {
                self.caught_up();
                continue;
            };
            if let Some(last) = records.last() {
                self.next = From::Offset(last.offset + 1);
                if self.behind.is_some_and(|end| last.offset + 1 >= end) {
                    self.caught_up();
                }
            }
            return Ok(records);
        }
    }

    async fn open_stream(&mut self) -> Result<(), StreamError> {
        let (topic, partition) = (&*self.options.topic, self.options.partition);
        let offsets = self.log.admin.offsets(topic, partition).await;
        let offsets = offsets.map_err(|error| StreamError::Unavailable(error.to_string()))?;
        // An end that is known as a number is gone on from, whatever comes before the first record.
        if self.next == From::End {
            self.next = From::Offset(offsets.end);
        }
        let stream = self.log.reader.tail(topic, partition, self.next).await?;
        self.stream = Some(stream);
        self.behind = Some(offsets.end);
        let is_empty = offsets.earliest == offsets.end;
        if is_empty || matches!(self.next, From::Offset(next) if next >= offsets.end) {
            self.caught_up();
        }
        Ok(())
    }

    fn caught_up(&mut self) {
        self.behind = None;
        self.health.set(self.options.component, State::Ready);
    }

    /// Notes a failure and when to try again; answers what must be said of it.
    fn note_failure(&mut self, error: StreamError) -> Option<Followed> {
        self.stream = None;
        let component = self.options.component;
        if self.backoff.attempts().is_multiple_of(10) {
            tracing::warn!(%error, component, topic = self.options.topic, "the log cannot be followed; retrying");
        }
        let why = error.to_string();
        self.health.set(component, State::Missing { why });
        self.not_before = Some(Instant::now() + self.backoff.next_wait());
        if let StreamError::OutOfRange { .. } | StreamError::TailLost { .. } = error {
            self.next = self.options.when_lost;
            return Some(Followed::Lost(error));
        }
        None
    }
}
