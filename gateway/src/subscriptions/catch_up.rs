//! Offers a recipient that came back with a cursor what was notified while it was away: the log is
//! read from there on, through the same feed and the same filter as live, until nothing is left
//! that others were sent and it was not. It goes as fast as the recipient takes it and keeps nothing
//! but what is decided and not yet done. It must never offer anything twice that it read once, nor
//! cut off a recipient that reads slowly.
//!
//! See ADR 11.

use super::Subscriptions;
use crate::access::CallerAccess;
use change_feed::{ChangeFeed, Emission, Notification, ResumePoint, subscriber_scope};
use event_log::{Limits, Log, Offsets, Record, StreamError};
use event_schema::{
    codec::{self, Parts},
    notification::{FeedPosition, State},
    offset::{ChangesOffset, InformativeOffset},
    topics::{CHANGES, INFORMATIVE, Layout},
};
use futures::future::join_all;
use matching::Filter;
use runtime::Backoff;
use std::{sync::Arc, time::Duration};
use subscriptions::{
    Recipient, SignHandles,
    catch_up::{CatchUpEnd, CatchUpTarget, MissedChange},
};
use tokio::sync::Semaphore;

const LIMITS: Limits = Limits {
    records: 500,
    bytes: 1 << 20,
};
const WAIT: Duration = Duration::from_secs(10);
/// Offered at once.
const BATCH: usize = 64;
/// How often it is looked whether the recipient has room again.
const PAUSE: Duration = Duration::from_millis(5);
/// So many read the log at the same time; the others wait for their turn.
const READERS: usize = 8;

/// A subscription that begins with what it missed.
pub(crate) struct CatchUpRequest {
    pub target: CatchUpTarget,
    pub recipient: Arc<dyn Recipient>,
    pub tenant: Arc<str>,
    pub index: String,
    pub collection: String,
    pub filter: Filter,
    /// By partition.
    pub positions: Vec<FeedPosition>,
    /// Whether it is known whose session goes on.
    pub access: Arc<CallerAccess>,
}

/// Why it ended before its end.
enum CatchUpFailure {
    /// The subscription is no more.
    Gone,
    /// Worth trying again.
    Unavailable(String),
    /// The log no longer holds what was missed.
    Forgotten,
}

/// The topics that are read again.
pub(super) struct CatchUpLog {
    log: Log,
    changes: Arc<str>,
    informative: Arc<str>,
    readers: Semaphore,
}

impl CatchUpLog {
    pub fn new(log: Log, layout: &Layout) -> Self {
        Self {
            log,
            changes: layout.name(&CHANGES).into(),
            informative: layout.name(&INFORMATIVE).into(),
            readers: Semaphore::new(READERS),
        }
    }
}

impl Subscriptions {
    /// Whether the log still holds everything behind these positions: `None` if it cannot be asked
    /// now.
    pub(crate) async fn holds(&self, positions: &[FeedPosition]) -> Option<bool> {
        let CatchUpLog {
            log,
            changes,
            informative,
            ..
        } = &self.catch_up;
        let within = |(partition, position): (u16, FeedPosition)| async move {
            let (changes, informative) = tokio::join!(
                log.admin.offsets(changes, partition),
                log.admin.offsets(informative, partition)
            );
            let (changes, informative) = (changes.ok()?, informative.ok()?);
            Some(
                changes.earliest <= position.resume.get()
                    && position.next.get() <= changes.end
                    && bounds_contain(informative, position.informative.get()),
            )
        };
        let all = join_all((0..).zip(positions.iter().copied()).map(within)).await;
        all.into_iter()
            .try_fold(true, |held, one| Some(held && one?))
    }

    /// Runs until the recipient is sent what all are sent, or is gone.
    pub(crate) async fn catch_up(self: Arc<Self>, request: CatchUpRequest) {
        let shutdown = self.shutdown.clone();
        let mut task = CatchUpTask::new(self, request);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            let caught_up = tokio::select! {
                () = shutdown.soft() => return,
                caught_up = task.run() => caught_up,
            };
            match caught_up {
                Ok(()) | Err(CatchUpFailure::Gone) => return,
                Err(CatchUpFailure::Forgotten) => return task.recipient.disconnect(),
                Err(CatchUpFailure::Unavailable(why)) => {
                    tracing::warn!(why, "missed changes cannot be read; retrying");
                    tokio::time::sleep(backoff.next_wait()).await;
                }
            }
        }
    }
}

fn bounds_contain(bounds: Offsets, offset: u64) -> bool {
    (bounds.earliest..=bounds.end).contains(&offset)
}

struct CatchUpTask {
    subscriptions: Arc<Subscriptions>,
    target: CatchUpTarget,
    recipient: Arc<dyn Recipient>,
    tenant: Arc<str>,
    index: String,
    collection: String,
    filter: Filter,
    feeds: Vec<ChangeFeed>,
    /// By partition: everything before it was offered.
    positions: Vec<FeedPosition>,
    access: Arc<CallerAccess>,
}

impl CatchUpTask {
    fn new(subscriptions: Arc<Subscriptions>, request: CatchUpRequest) -> Self {
        let begin = |position: &FeedPosition| {
            let resume = ResumePoint {
                offset: position.resume,
                epoch: position.epoch,
            };
            ChangeFeed::from(resume, usize::MAX)
        };
        Self {
            feeds: request.positions.iter().map(begin).collect(),
            subscriptions,
            target: request.target,
            recipient: request.recipient,
            tenant: request.tenant,
            index: request.index,
            collection: request.collection,
            filter: request.filter,
            positions: request.positions,
            access: request.access,
        }
    }

    async fn run(&mut self) -> Result<(), CatchUpFailure> {
        loop {
            for partition in 0..self.positions.len() {
                while self.changes(partition).await? {}
                while self.messages(partition).await? {}
            }
            match self
                .subscriptions
                .finish_catch_up(&self.target, &self.positions)
            {
                CatchUpEnd::CaughtUp => return Ok(()),
                CatchUpEnd::Gone => return Err(CatchUpFailure::Gone),
                CatchUpEnd::Behind => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// The next records of `changes`; false: there are none now.
    async fn changes(&mut self, partition: usize) -> Result<bool, CatchUpFailure> {
        let topic = self.subscriptions.catch_up.changes.clone();
        let from = self.feeds[partition].next().get();
        let records = self.read(topic, partition, from).await?;
        let (mut missed, mut emissions) = (Vec::new(), Vec::new());
        for record in &records {
            let feed = &mut self.feeds[partition];
            let offset = ChangesOffset::new(record.offset);
            let before = feed.resume();
            match codec::decode_change(&record_parts(record)) {
                Ok(change) => feed.fold(offset, &change, &mut emissions),
                Err(error) => {
                    let why = format!("offset {offset} of `changes` cannot be read: {error}");
                    return Err(CatchUpFailure::Unavailable(why));
                }
            }
            let after = feed.resume();
            for (number, (_, emission)) in (1..).zip(emissions.drain(..)) {
                // Without a limit a feed keeps all that it will emit.
                let Emission::Notification(notification, state) = emission else {
                    continue;
                };
                let position = &mut self.positions[partition];
                if (offset, number) <= (position.next, position.emitted) {
                    continue;
                }
                *position = FeedPosition {
                    resume: before.offset,
                    epoch: before.epoch,
                    next: offset,
                    emitted: number,
                    ..*position
                };
                missed.extend(self.missed(&notification, state));
            }
            let position = &mut self.positions[partition];
            if offset >= position.next {
                *position = FeedPosition {
                    resume: after.offset,
                    epoch: after.epoch,
                    next: offset.next(),
                    emitted: 0,
                    ..*position
                };
            }
        }
        self.offer(missed).await?;
        Ok(!records.is_empty())
    }

    /// The next records of `informative`; false: there are none now.
    async fn messages(&mut self, partition: usize) -> Result<bool, CatchUpFailure> {
        let topic = self.subscriptions.catch_up.informative.clone();
        let from = self.positions[partition].informative.get();
        let records = self.read(topic, partition, from).await?;
        let mut missed = Vec::new();
        for record in &records {
            let next = InformativeOffset::new(record.offset).next();
            self.positions[partition].informative = next;
            let notification = codec::decode_informative(&record_parts(record))
                .ok()
                .and_then(|event| change_feed::of_message(event, record.timestamp));
            missed.extend(
                notification.and_then(|notification| self.missed(&notification, State::Done)),
            );
        }
        self.offer(missed).await?;
        Ok(!records.is_empty())
    }

    async fn read(
        &self,
        topic: Arc<str>,
        partition: usize,
        from: u64,
    ) -> Result<Vec<Record>, CatchUpFailure> {
        let catch_up = &self.subscriptions.catch_up;
        let turn = catch_up.readers.acquire().await;
        let _turn = turn.map_err(|_| CatchUpFailure::Gone)?;
        let partition = u16::try_from(partition).map_err(|_| CatchUpFailure::Gone)?;
        let reader = &catch_up.log.reader;
        match reader
            .read(&topic, partition, from, u64::MAX, LIMITS, WAIT)
            .await
        {
            Ok(records) if records.first().is_some_and(|first| first.offset > from) => {
                Err(CatchUpFailure::Forgotten)
            }
            Ok(records) => Ok(records),
            Err(
                StreamError::OutOfRange { .. }
                | StreamError::TailLost { .. }
                | StreamError::Damaged { .. },
            ) => Err(CatchUpFailure::Forgotten),
            Err(error @ (StreamError::Unavailable(_) | StreamError::Revoked)) => {
                Err(CatchUpFailure::Unavailable(error.to_string()))
            }
        }
    }

    /// As the channel carries it, if it does.
    fn missed(&self, notification: &Notification, state: State) -> Option<MissedChange> {
        let notice = &notification.notice;
        if notice.index != self.index || notice.collection != self.collection {
            return None;
        }
        let scope = subscriber_scope(&self.filter, notification)
            .filter(|scope| self.target.options.takes_change(*scope, state))?;
        let signer = &self.subscriptions.signer;
        let token = SignHandles::token(signer, &self.tenant, notice);
        let cursor = signer.cursor(&self.tenant, &self.target.room, &self.positions);
        Some(MissedChange::new(
            notice.clone(),
            state,
            scope,
            token,
            cursor,
        ))
    }

    /// Offers what was read, as the recipient takes it.
    async fn offer(&self, mut missed: Vec<MissedChange>) -> Result<(), CatchUpFailure> {
        while !missed.is_empty() {
            // As what is sent live: not while it is not known whose session goes on.
            self.access.state.belief.lease().await;
            let first = &missed[..missed.len().min(BATCH)];
            let taken = self
                .subscriptions
                .replay(&self.target, first)
                .ok_or(CatchUpFailure::Gone)?;
            self.subscriptions.metrics.notified(taken);
            missed.drain(..taken);
            if taken == 0 {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }
}

fn record_parts(record: &Record) -> Parts {
    Parts {
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.clone(),
    }
}
