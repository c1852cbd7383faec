//! The spool in front of a log's publisher: takes records, hands them on, makes them durable, and
//! answers. Everything happens in turns under one lock; what the log and the disk report is queued
//! and worked off in the next turn. Must never wait for the disk or the log in a turn.

use crate::{
    delivery::{Acknowledged, PendingRecord, SpoolDelivery, SpoolPlace},
    machine::{
        AfterRefusal, DiskOutcome, DiskState, NextStep, NotAccepted, OrderLimits, RecordId,
        SpoolOrder,
    },
    medium::{MediumError, RecordWritten, Shipped, SpoolId, SpoolMedium, WriteError},
    spooled_times::SpooledTimes,
    stand_in,
};
use event_log::{Appended, Delivery, DeliveryError, NewRecord, Publisher, Refused};
use parking_lot::Mutex;
use runtime::Clock;
use std::{
    collections::BTreeMap,
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// What a spool is made of, beside what it is kept on.
pub struct SpoolOptions {
    pub limits: OrderLimits,
    pub reserve: u64,
    pub max_age: Duration,
    /// The topic whose offsets tokens speak of.
    pub tracked_topic: Arc<str>,
    pub clock: Arc<dyn Clock>,
}

/// Why a record was not taken: nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpoolRefusal {
    #[error(transparent)]
    Log(Refused),
    #[error(transparent)]
    Spool(NotAccepted),
    /// No outage: see [`Publisher::denied`].
    #[error("the log denies this gateway: {0}")]
    Denied(String),
}

/// A refusal, with the record back.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct SpoolSendError {
    pub why: SpoolRefusal,
    pub record: Box<NewRecord>,
}

/// How a spool is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolStatus {
    pub id: SpoolId,
    /// On the disk, not acknowledged by the log.
    pub records: u64,
    pub bytes: u64,
    /// Not acknowledged by the log, wherever they are.
    pub unacknowledged: u64,
    /// When the oldest of those on the disk was spooled, Unix milliseconds.
    pub oldest: Option<i64>,
    pub is_spooling: bool,
    pub shipped: Shipped,
    pub disk: DiskState,
    /// Why nothing can be written to the disk, where that is known.
    pub disk_why: Option<String>,
    /// What keeps records from being shipped, though the log is there.
    pub stuck: Option<String>,
}

const NO_DISK: &str = "the disk of the spool failed while the record was written";

pub(crate) enum SpoolEvent {
    Acknowledged(RecordId, Appended, bool),
    NotDelivered(RecordId, DeliveryError),
    Written(Result<RecordWritten, WriteError>),
}

/// Changed in turns.
pub(crate) struct SpoolState {
    pub order: SpoolOrder<Arc<PendingRecord>>,
    furthest: BTreeMap<u16, u64>,
    /// Refused by the log, on the disk: a stand-in is to take the place.
    pub to_replace: Vec<(RecordId, String)>,
    pub stuck: Option<String>,
    pub let_go: Option<u64>,
    pub times: SpooledTimes,
    pub disk_why: Option<String>,
}

impl SpoolState {
    /// Another process shipped these.
    pub fn skip_shipped(&mut self, shipped: &Shipped) {
        self.order.shipped_elsewhere(shipped.through);
        let mut all = Shipped {
            through: 0,
            furthest: mem::take(&mut self.furthest),
        };
        all.join(shipped);
        self.furthest = all.furthest;
    }
}

/// See the crate's header. Dropped, it takes nothing more.
pub struct Spool {
    pub(crate) medium: Arc<dyn SpoolMedium>,
    pub(crate) log: Arc<dyn Publisher>,
    pub(crate) options: SpoolOptions,
    pub(crate) state: Mutex<SpoolState>,
    events: Mutex<Vec<SpoolEvent>>,
    /// Is there anything beyond handing young records on?
    is_busy: AtomicBool,
    pub(crate) wake: Notify,
}

impl Spool {
    pub fn new(
        medium: impl Into<Arc<dyn SpoolMedium>>,
        log: Arc<dyn Publisher>,
        options: SpoolOptions,
    ) -> Arc<Self> {
        let medium = medium.into();
        let found = medium.found();
        let (records, bytes) = (found.count(), found.bytes);
        let order = SpoolOrder::new(options.limits.clone(), found.earliest..found.end, bytes);
        if records > 0 {
            tracing::warn!(spool = %medium.id(), records, bytes, "the spool holds records of an earlier process; they are shipped before anything new");
        }
        let mut times = SpooledTimes::default();
        if let Some(oldest) = found.oldest {
            times.note(found.earliest, oldest);
        }
        let state = SpoolState {
            order,
            furthest: found.shipped.furthest.clone(),
            to_replace: Vec::new(),
            stuck: None,
            let_go: None,
            times,
            disk_why: None,
        };
        Arc::new(Self {
            medium,
            log,
            options,
            state: Mutex::new(state),
            events: Mutex::default(),
            is_busy: AtomicBool::new(true),
            wake: Notify::new(),
        })
    }

    pub fn id(&self) -> SpoolId {
        self.medium.id()
    }

    /// What has been in it for longer is not applied any more.
    pub fn max_age(&self) -> Duration {
        self.options.max_age
    }

    /// Where it is kept, for people.
    pub fn kept_at(&self) -> String {
        self.medium.place()
    }

    /// What must be in the log before the records of an earlier process are shipped; none if there
    /// are no such records.
    pub async fn before(&self) -> Result<Vec<NewRecord>, MediumError> {
        if self.medium.found().count() == 0 {
            return Ok(Vec::new());
        }
        self.medium.before().await
    }

    /// The log is found to be what it must be, and what records stand on is in it.
    pub fn open(&self) {
        self.state.lock().order.open();
        self.wake.notify_one();
    }

    /// Queues a record; bounded, never blocks. Order of calls is order in the partition, and in the
    /// spool.
    pub fn send(self: &Arc<Self>, record: NewRecord) -> Result<SpoolDelivery, SpoolSendError> {
        let refuse = |why, record| {
            Err(SpoolSendError {
                why,
                record: Box::new(record),
            })
        };
        if let Some(reason) = self.log.denied() {
            return refuse(SpoolRefusal::Denied(reason), record);
        }
        let Some(size) = crate::codec::encoded_size(&record) else {
            return refuse(SpoolRefusal::Log(Refused::TooLarge), record);
        };
        let (pending, delivery) = PendingRecord::new(record);
        let pending = Arc::new(pending);
        let mut state = self.state.lock();
        self.work_off(&mut state);
        let taken = self.take_record(&mut state, size as u64, &pending);
        self.issue_writes(&mut state);
        drop(state);
        match taken {
            Ok(()) => Ok(delivery),
            Err(why) => refuse(why, pending.record.clone()),
        }
    }

    fn take_record(
        self: &Arc<Self>,
        state: &mut SpoolState,
        size: u64,
        pending: &Arc<PendingRecord>,
    ) -> Result<(), SpoolRefusal> {
        let now = self.now();
        let accepted = state.order.accept(now, size, pending.clone());
        let (id, step) = accepted.map_err(SpoolRefusal::Spool)?;
        if step == NextStep::Wait {
            return Ok(());
        }
        match self.log.send(pending.record.clone()) {
            Ok(delivery) => {
                state.order.handed(id);
                self.observe(id, delivery, &pending.record, Some(pending.clone()));
                Ok(())
            }
            Err(full) if full.why == Refused::QueueFull => {
                if state.order.log_is_full(id, now) {
                    Ok(())
                } else {
                    Err(SpoolRefusal::Log(Refused::QueueFull))
                }
            }
            Err(error) => {
                state.order.withdraw(id);
                Err(SpoolRefusal::Log(error.why))
            }
        }
    }

    /// Reports what the log says of a record; whoever handed it in hears of it at once.
    pub(crate) fn observe(
        self: &Arc<Self>,
        id: RecordId,
        delivery: Delivery,
        record: &NewRecord,
        pending: Option<Arc<PendingRecord>>,
    ) {
        let spool = Arc::downgrade(self);
        let is_tracked = record.topic == self.options.tracked_topic;
        delivery.observe(Box::new(move |outcome| {
            let event = match outcome {
                Ok(appended) => {
                    if let Some(pending) = pending {
                        pending.resolve(Ok(Acknowledged::Logged(appended)));
                    }
                    SpoolEvent::Acknowledged(id, appended, is_tracked)
                }
                Err(error) => SpoolEvent::NotDelivered(id, error),
            };
            if let Some(spool) = spool.upgrade() {
                spool.report_event(event);
            }
        }));
    }

    fn report_event(&self, event: SpoolEvent) {
        let wakes = !matches!(event, SpoolEvent::Acknowledged(..));
        self.events.lock().push(event);
        if wakes || self.is_busy.load(Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }

    /// One turn: what was reported, what is to be written, what is to be handed over once more.
    pub(crate) fn turn(self: &Arc<Self>, state: &mut SpoolState) {
        self.work_off(state);
        self.issue_writes(state);
        for lost in state.order.give_up_waiting() {
            lost.resolve(Err(DeliveryError::Rejected(
                "the disk of the spool failed".into(),
            )));
        }
        if let Some(through) = state.order.let_go() {
            state.let_go = Some(through);
        }
        let is_busy = state.order.is_spooling(self.now()) || state.let_go.is_some();
        self.is_busy.store(is_busy, Ordering::Relaxed);
    }

    fn work_off(&self, state: &mut SpoolState) {
        let events = mem::take(&mut *self.events.lock());
        for event in events {
            match event {
                SpoolEvent::Acknowledged(id, appended, is_tracked) => {
                    let spooled = state.order.acknowledged(id).is_some();
                    if spooled {
                        state.stuck = None;
                    }
                    if spooled && is_tracked {
                        let furthest = state.furthest.entry(appended.partition).or_default();
                        *furthest = appended.offset.max(*furthest);
                    }
                }
                SpoolEvent::NotDelivered(id, error) => self.not_delivered(state, id, error),
                SpoolEvent::Written(Ok(written)) => self.answer_written(state, written),
                SpoolEvent::Written(Err(error)) => Self::answer_unwritten(state, error),
            }
        }
    }

    fn not_delivered(&self, state: &mut SpoolState, id: RecordId, error: DeliveryError) {
        match error {
            DeliveryError::Rejected(why) => match state.order.refused(id) {
                AfterRefusal::Told(Some(pending)) => {
                    pending.resolve(Err(DeliveryError::Rejected(why)));
                }
                AfterRefusal::Replace => state.to_replace.push((id, why)),
                AfterRefusal::Told(None) | AfterRefusal::Nothing => {}
            },
            DeliveryError::Unknown(why) => {
                if let DiskOutcome::Unknown(pending) = state.order.unknown(id) {
                    pending.resolve(Err(DeliveryError::Unknown(why)));
                } else {
                    state.stuck = Some(why);
                }
            }
        }
    }

    fn answer_written(&self, state: &mut SpoolState, written: RecordWritten) {
        state.times.note(written.number, written.at);
        if let DiskOutcome::Safe { record, offset } = state.order.written(written.number) {
            record.resolve(Ok(Acknowledged::Spooled(self.place(offset))));
        }
    }

    fn answer_unwritten(state: &mut SpoolState, error: WriteError) {
        let lost = match error {
            WriteError::Rejected(_) => state.order.not_written(),
            WriteError::Failed(_) => state.order.sync_failed(),
        };
        match lost {
            DiskOutcome::Refused(pending) => {
                let why = "the disk of the spool is full".to_owned();
                pending.resolve(Err(DeliveryError::Rejected(why)));
            }
            DiskOutcome::Unknown(pending) => {
                pending.resolve(Err(DeliveryError::Unknown(NO_DISK.into())));
            }
            DiskOutcome::Safe { .. } | DiskOutcome::Nothing => {}
        }
    }

    fn issue_writes(self: &Arc<Self>, state: &mut SpoolState) {
        let due = state.order.next_writes(self.now());
        for (id, pending) in due {
            let spool = Arc::downgrade(self);
            let queued = self.medium.append(
                &pending.record,
                Box::new(move |written| {
                    if let Some(spool) = spool.upgrade() {
                        spool.report_event(SpoolEvent::Written(written));
                    }
                }),
            );
            if queued.is_err()
                && let DiskOutcome::Refused(pending) | DiskOutcome::Unknown(pending) =
                    state.order.not_issued(id)
            {
                pending.resolve(Err(DeliveryError::Unknown(NO_DISK.into())));
            }
        }
    }

    /// Hands over what takes the place of a record that the log refused; false: not now.
    pub(crate) fn replace(
        self: &Arc<Self>,
        state: &mut SpoolState,
        id: RecordId,
        place: SpoolPlace,
        record: &NewRecord,
        reason: &str,
    ) -> bool {
        let small = stand_in::stand_in(record, place, reason);
        match self.log.send(small.clone()) {
            Ok(delivery) => {
                state.order.replaced(id);
                self.observe(id, delivery, &small, None);
                true
            }
            Err(_) => false,
        }
    }

    pub(crate) fn place(&self, number: u64) -> SpoolPlace {
        SpoolPlace {
            spool: self.medium.id(),
            number,
        }
    }

    pub(crate) fn shipped(&self, state: &SpoolState) -> Shipped {
        Shipped {
            through: state.order.shipped_through(),
            furthest: state.furthest.clone(),
        }
    }

    /// Milliseconds, by a clock that is never set.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.options.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Is anything made durable, or on the disk?
    pub fn is_empty(&self) -> bool {
        let state = self.state.lock();
        state.order.spooled().0 == 0 && !state.order.is_spooling(self.now())
    }

    /// How far everything is in the log by now.
    pub fn shipped_so_far(&self) -> Shipped {
        let mut state = self.state.lock();
        self.work_off(&mut state);
        // What is let go of in the next turn counts already.
        if let Some(through) = state.order.let_go() {
            state.let_go = Some(through);
        }
        self.shipped(&state)
    }

    pub fn status(&self) -> SpoolStatus {
        let mut state = self.state.lock();
        let (records, bytes) = state.order.spooled();
        let shipped = self.shipped(&state);
        state.times.forget_before(shipped.through);
        let oldest = state.times.spooled_at(shipped.through);
        SpoolStatus {
            id: self.id(),
            records,
            bytes,
            unacknowledged: state.order.unacknowledged(),
            oldest: oldest.filter(|_| records > 0),
            is_spooling: state.order.is_spooling(self.now()),
            disk: state.order.disk(),
            disk_why: state.disk_why.clone(),
            stuck: state.stuck.clone(),
            shipped,
        }
    }

    /// Gives free what it is kept on: nothing more is taken.
    pub async fn close(&self) {
        let shipped = self.shipped_so_far();
        if let Err(error) = self.medium.let_go(&shipped).await {
            tracing::warn!(spool = %self.id(), %error, "shipped records cannot be removed from the spool; they may be shipped again");
        }
        self.medium.close().await;
    }

    /// Returns when the log has everything, or the limit is over; says how many records it has not
    /// acknowledged, on the disk or not.
    pub async fn flush(&self, limit: Duration) -> u64 {
        let begun = self.now();
        loop {
            self.wake.notify_one();
            let left = self.state.lock().order.unacknowledged();
            if left == 0 || self.now().saturating_sub(begun) >= limit.as_millis() as u64 {
                return left;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
