//! Tells somebody who came back with a cursor what was told while he was away: the log is read from
//! there on, through the same story and the same filter as live, until nothing is left that others
//! were told and he was not. It goes as fast as his connection takes it and keeps nothing but what
//! is decided and not yet done. It must never tell of anything twice that it read once, nor cut off
//! whoever reads slowly.
//!
//! See ADR 11.

use super::{
    MISSED,
    hall::catch_up::{Arrival, Late},
    notice::Text,
};
use crate::{
    app::{App, Shared},
    mailbox::token,
    request::caller::Caller,
};
use event_log::{Limits, Offsets, Record, StreamError};
use event_schema::{
    codec::{self, Parts},
    notification::{Point, State},
};
use futures::future::join_all;
use matching::Filter;
use runtime::Backoff;
use std::{sync::Arc, time::Duration};
use story::{Resume, Story, Tell, Telling, scope};
use websocket::{Outbox, TextFrame};

const LIMITS: Limits = Limits {
    records: 500,
    bytes: 1 << 20,
};
const WAIT: Duration = Duration::from_secs(10);
/// Handed over at once.
const TOGETHER: usize = 64;
/// How often it is looked whether the client took something.
const PAUSE: Duration = Duration::from_millis(5);

/// Who comes back, to what, and from where on.
pub(crate) struct Return {
    pub late: Late,
    pub outbox: Arc<Outbox>,
    pub index: String,
    pub collection: String,
    pub filter: Filter,
    /// By partition.
    pub points: Vec<Point>,
}

/// Why it ended before its end.
enum Halt {
    /// The subscription is no more.
    Gone,
    /// Worth trying again.
    Away(String),
    /// The log has forgotten what is to be told.
    Forgotten,
}

struct Reading {
    app: Shared,
    late: Late,
    outbox: Arc<Outbox>,
    index: String,
    collection: String,
    filter: Filter,
    channel: String,
    stories: Vec<Story>,
    /// By partition: everything before it is told.
    points: Vec<Point>,
}

/// Whether all of these points are still in the log: `None` if the log cannot be asked now.
pub(crate) async fn kept(app: &App, points: &[Point]) -> Option<bool> {
    let within = |(partition, point): (u16, Point)| async move {
        let admin = &app.ports.log.admin;
        let (changes, informative) = tokio::join!(
            admin.offsets(&app.changes, partition),
            admin.offsets(&app.informative, partition)
        );
        let (changes, informative) = (changes.ok()?, informative.ok()?);
        Some(
            changes.earliest <= point.resume
                && point.next <= changes.end
                && contains(informative, point.informative),
        )
    };
    let all = join_all((0..).zip(points.iter().copied()).map(within)).await;
    all.into_iter()
        .try_fold(true, |kept, one| Some(kept && one?))
}

fn contains(bounds: Offsets, offset: u64) -> bool {
    (bounds.earliest..=bounds.end).contains(&offset)
}

/// Runs until he hears what everybody hears, or is gone.
pub(crate) async fn run(app: Shared, back: Return) {
    let Return {
        late,
        outbox,
        index,
        collection,
        filter,
        points,
    } = back;
    let begin = |point: &Point| {
        Story::from(
            Resume {
                offset: point.resume,
                epoch: point.epoch,
            },
            usize::MAX,
        )
    };
    let stories = points.iter().map(begin).collect();
    let channel = late.options.channel(&late.room);
    let mut reading = Reading {
        app,
        late,
        outbox,
        index,
        collection,
        filter,
        channel,
        stories,
        points,
    };
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let shutdown = reading.app.shutdown.clone();
    loop {
        let caught_up = tokio::select! {
            () = shutdown.soft() => return,
            caught_up = reading.catch_up() => caught_up,
        };
        match caught_up {
            Ok(()) | Err(Halt::Gone) => return,
            Err(Halt::Forgotten) => return reading.outbox.end(MISSED),
            Err(Halt::Away(why)) => {
                tracing::warn!(why, "what somebody missed cannot be read now; trying again");
                tokio::time::sleep(backoff.next_wait()).await;
            }
        }
    }
}

impl Reading {
    async fn catch_up(&mut self) -> Result<(), Halt> {
        loop {
            for partition in 0..self.points.len() {
                while self.changes(partition).await? {}
                while self.messages(partition).await? {}
            }
            match self.app.subscriptions.arrive(&self.late, &self.points) {
                Arrival::There => return Ok(()),
                Arrival::Gone => return Err(Halt::Gone),
                Arrival::Behind => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// The next records of `changes`; false: there are none now.
    async fn changes(&mut self, partition: usize) -> Result<bool, Halt> {
        let records = self
            .read(
                self.app.changes.clone(),
                partition,
                self.stories[partition].next(),
            )
            .await?;
        let (mut frames, mut tells) = (Vec::new(), Vec::new());
        for record in &records {
            let story = &mut self.stories[partition];
            let before = story.resume();
            match codec::decode_change(&parts(record)) {
                Ok(change) => story.fold(record.offset, change, &mut tells),
                // Whoever told it live left it out, too.
                Err(_) => story.skip(record.offset),
            }
            let after = story.resume();
            for (number, (_, tell)) in (1..).zip(tells.drain(..)) {
                // Without a limit a story keeps all that it will tell.
                let Tell::This(telling, state) = tell else {
                    continue;
                };
                let point = &mut self.points[partition];
                if (record.offset, number) <= (point.next, point.told) {
                    continue;
                }
                *point = Point {
                    resume: before.offset,
                    epoch: before.epoch,
                    next: record.offset,
                    told: number,
                    ..*point
                };
                frames.extend(self.frame(&telling, state));
            }
            let point = &mut self.points[partition];
            if record.offset >= point.next {
                *point = Point {
                    resume: after.offset,
                    epoch: after.epoch,
                    next: record.offset + 1,
                    told: 0,
                    ..*point
                };
            }
        }
        self.tell(frames).await?;
        Ok(!records.is_empty())
    }

    /// The next records of `informative`; false: there are none now.
    async fn messages(&mut self, partition: usize) -> Result<bool, Halt> {
        let records = self
            .read(
                self.app.informative.clone(),
                partition,
                self.points[partition].informative,
            )
            .await?;
        let mut frames = Vec::new();
        for record in &records {
            self.points[partition].informative = record.offset + 1;
            let telling = codec::decode_informative(&parts(record))
                .ok()
                .and_then(|event| story::of_message(event, record.timestamp));
            frames.extend(telling.and_then(|telling| self.frame(&telling, State::Done)));
        }
        self.tell(frames).await?;
        Ok(!records.is_empty())
    }

    async fn read(
        &self,
        topic: Arc<str>,
        partition: usize,
        from: u64,
    ) -> Result<Vec<Record>, Halt> {
        let _turn = self
            .app
            .subscriptions
            .readers
            .acquire()
            .await
            .map_err(|_| Halt::Gone)?;
        let partition = u16::try_from(partition).map_err(|_| Halt::Gone)?;
        match self
            .app
            .ports
            .log
            .reader
            .read(&topic, partition, from, u64::MAX, LIMITS, WAIT)
            .await
        {
            Ok(records) if records.first().is_some_and(|first| first.offset > from) => {
                Err(Halt::Forgotten)
            }
            Ok(records) => Ok(records),
            Err(StreamError::OutOfRange { .. } | StreamError::Damaged { .. }) => {
                Err(Halt::Forgotten)
            }
            Err(error @ (StreamError::Unavailable(_) | StreamError::Revoked)) => {
                Err(Halt::Away(error.to_string()))
            }
        }
    }

    /// As it is told on the channel, if it is.
    fn frame(&self, telling: &Telling, state: State) -> Option<TextFrame> {
        if telling.notice.index != self.index || telling.notice.collection != self.collection {
            return None;
        }
        let scope =
            scope(&self.filter, telling).filter(|scope| self.late.options.take(*scope, state))?;
        let token = token(&self.app, &telling.notice);
        let cursor = self
            .app
            .cursor(&Caller::anonymous(), &self.late.room, &self.points);
        Some(
            Text::of_change(&telling.notice, state, token.as_deref()).on(
                &self.channel,
                scope,
                Some(&cursor),
            ),
        )
    }

    /// Hands over what was read, as the client takes it.
    async fn tell(&self, mut frames: Vec<TextFrame>) -> Result<(), Halt> {
        while !frames.is_empty() {
            let first = &frames[..frames.len().min(TOGETHER)];
            let Some(taken) = self.app.subscriptions.replay(&self.late, first) else {
                return Err(Halt::Gone);
            };
            if taken == 0 {
                tokio::time::sleep(PAUSE).await;
            }
            self.app.metrics.told(taken);
            frames.drain(..taken);
        }
        Ok(())
    }
}

fn parts(record: &Record) -> Parts {
    Parts {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.clone(),
    }
}
