//! The order of a spool, as a pure state machine: which records are in flight to the log, which wait
//! on the disk, which in memory, and what is to be done next. Time is passed in, nothing is done
//! here. It must never let a record reach the log or the disk before one that was accepted earlier,
//! nor let go of one on the disk that the log has not acknowledged.
//!
//! In the order of the calls there are three stretches: *flying* (handed to the log's publisher, not
//! acknowledged), the *backlog* (a range of offsets on the disk, not in memory) and *waiting* (in
//! memory, not handed). What flies is written to the disk when it grows old; what waits, at once,
//! and then it is backlog. The backlog is handed over as the log takes it; when it is empty, what
//! waits is handed over from memory. Writes are completed in the order in which they were issued.

mod backlog;
mod disk;
mod rewind;

pub use disk::{DiskOutcome, DiskState};
pub use rewind::ToReplace;

use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
};

/// Names a record in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(u64);

/// When records are made durable, and how many there may be.
#[derive(Clone, Debug)]
pub struct OrderLimits {
    /// What the log has not acknowledged for so long is made durable, milliseconds.
    pub spool_after: u64,
    /// Everything is made durable, however young.
    pub durable_first: bool,
    /// Bytes that are not acknowledged by the log, on the disk and in memory.
    pub cap: u64,
    /// Bytes and records that are on their way to the disk.
    pub writing_bytes: u64,
    pub writing_records: usize,
    /// Records of the backlog that fly at once.
    pub shipping: usize,
}

/// Where a record in memory is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDisk {
    No,
    Writing,
    At(u64),
    /// The disk would not take it: it is safe only when the log has it.
    Lost,
}

/// What the log said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogAnswer {
    None,
    /// It is not known whether the log has it: to be handed over again.
    Unknown,
    /// The log will never take it: something else takes its place.
    Refused,
}

#[derive(Debug)]
struct SpoolEntry<R> {
    /// Gone when the disk has it.
    record: Option<R>,
    size: u64,
    born: u64,
    disk: OnDisk,
    answer: LogAnswer,
}

/// Why a record was not accepted: nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAccepted {
    #[error("the spool is full")]
    Full,
    #[error("the disk of the spool takes nothing")]
    NoDisk,
    #[error("what the spool is kept on is out of reach")]
    Away,
    #[error("more waits to be written than may")]
    Busy,
}

/// What is to be done with a record that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Hand it to the log, and say [`SpoolOrder::handed`], [`SpoolOrder::log_is_full`] or
    /// [`SpoolOrder::withdraw`] before anything else.
    HandOver,
    Wait,
}

/// What the log's refusal means.
#[derive(Debug, PartialEq, Eq)]
pub enum AfterRefusal<R> {
    /// Nobody was promised anything: whoever handed it in is told.
    Told(Option<R>),
    /// It is (or will be) on the disk: something else must take its place.
    Replace,
    Nothing,
}

/// The records of one spool, in order. `R`: a record, cheap to clone.
#[derive(Debug)]
pub struct SpoolOrder<R> {
    limits: OrderLimits,
    next: u64,
    entries: HashMap<RecordId, SpoolEntry<R>>,
    flying: VecDeque<RecordId>,
    backlog: Range<u64>,
    waiting: VecDeque<RecordId>,
    /// In the order of the calls: what no write was issued for. Some are gone by now.
    unwritten: VecDeque<RecordId>,
    /// Issued, in order.
    writing: VecDeque<(RecordId, u64)>,
    writing_bytes: u64,
    /// Behind the last record that was written.
    disk_end: u64,
    /// Not acknowledged, on the disk.
    disk_bytes: u64,
    /// Not acknowledged, in memory only.
    memory_bytes: u64,
    let_go: u64,
    is_open: bool,
    is_rewinding: bool,
    disk: DiskState,
}

impl<R: Clone> SpoolOrder<R> {
    /// `found`: the offsets that the disk holds, all of them backlog, and how many bytes they are.
    pub fn new(limits: OrderLimits, found: Range<u64>, bytes: u64) -> Self {
        Self {
            limits,
            next: 0,
            entries: HashMap::new(),
            flying: VecDeque::new(),
            disk_end: found.end,
            let_go: found.start,
            disk_bytes: if found.is_empty() { 0 } else { bytes },
            backlog: found,
            waiting: VecDeque::new(),
            unwritten: VecDeque::new(),
            writing: VecDeque::new(),
            writing_bytes: 0,
            memory_bytes: 0,
            is_open: false,
            is_rewinding: false,
            disk: DiskState::Well,
        }
    }

    /// The log is found to be what it must be: from now on records are handed to it.
    pub fn open(&mut self) {
        self.is_open = true;
    }

    /// Are records made durable now, whatever their age?
    pub fn is_spooling(&self, now: u64) -> bool {
        self.limits.durable_first
            || !self.is_open
            || self.is_rewinding
            || !self.backlog.is_empty()
            || !self.waiting.is_empty()
            || self
                .oldest_flight()
                .is_some_and(|born| now.saturating_sub(born) >= self.limits.spool_after)
    }

    fn oldest_flight(&self) -> Option<u64> {
        self.flying
            .front()
            .and_then(|id| self.entries.get(id))
            .map(|entry| entry.born)
    }

    fn hands_over(&self) -> bool {
        self.is_open && !self.is_rewinding
    }

    /// Takes a record behind all that were taken before.
    pub fn accept(
        &mut self,
        now: u64,
        size: u64,
        record: R,
    ) -> Result<(RecordId, NextStep), NotAccepted> {
        self.forget_written();
        let at_once = self.hands_over() && self.backlog.is_empty() && self.waiting.is_empty();
        if self.disk_bytes + self.memory_bytes + size > self.limits.cap {
            return Err(NotAccepted::Full);
        }
        if self.is_spooling(now) && self.disk != DiskState::Well {
            return Err(match self.disk {
                DiskState::Full => NotAccepted::Full,
                DiskState::Away => NotAccepted::Away,
                DiskState::Failed | DiskState::Well => NotAccepted::NoDisk,
            });
        }
        if !at_once && self.unwritten_bytes() + size > 2 * self.limits.writing_bytes {
            return Err(NotAccepted::Busy);
        }
        self.next += 1;
        let id = RecordId(self.next);
        self.memory_bytes += size;
        let entry = SpoolEntry {
            record: Some(record),
            size,
            born: now,
            disk: OnDisk::No,
            answer: LogAnswer::None,
        };
        self.entries.insert(id, entry);
        self.unwritten.push_back(id);
        if at_once {
            Ok((id, NextStep::HandOver))
        } else {
            self.waiting.push_back(id);
            Ok((id, NextStep::Wait))
        }
    }

    /// Bytes of what waits in memory.
    fn unwritten_bytes(&self) -> u64 {
        if self.waiting.is_empty() {
            0
        } else {
            self.memory_bytes
        }
    }

    /// The log's publisher has it: the newest, or the first that waits.
    pub fn handed(&mut self, id: RecordId) {
        if self.waiting.front() == Some(&id) {
            self.waiting.pop_front();
        }
        self.flying.push_back(id);
    }

    /// The log's publisher has no room. True: the record waits. False: it is taken back, since what
    /// is before it is young.
    pub fn log_is_full(&mut self, id: RecordId, now: u64) -> bool {
        let waits = self.is_spooling(now) && self.disk == DiskState::Well;
        if waits {
            self.waiting.push_back(id);
        } else {
            self.withdraw(id);
        }
        waits
    }

    /// It was not handed over, and whoever handed it in knows that.
    pub fn withdraw(&mut self, id: RecordId) {
        self.remove_entry(id);
    }

    /// The first record that waits, if it is its turn to be handed over.
    pub fn next_waiting(&self) -> Option<(RecordId, R)> {
        let id = *self.waiting.front()?;
        let entry = self.entries.get(&id)?;
        let is_next = self.hands_over() && self.backlog.is_empty();
        let record = entry.record.clone().filter(|_| is_next)?;
        Some((id, record))
    }

    /// The log has it. Its offset on the disk, if it is there.
    pub fn acknowledged(&mut self, id: RecordId) -> Option<u64> {
        let offset = match self.entries.get(&id)?.disk {
            OnDisk::At(offset) => Some(offset),
            OnDisk::No | OnDisk::Writing | OnDisk::Lost => None,
        };
        self.remove_entry(id);
        offset
    }

    /// Records that the log has not acknowledged, wherever they are.
    pub fn unacknowledged(&self) -> u64 {
        self.entries.len() as u64 + (self.backlog.end - self.backlog.start.min(self.backlog.end))
    }

    fn remove_entry(&mut self, id: RecordId) -> Option<R> {
        let entry = self.entries.remove(&id)?;
        match entry.disk {
            OnDisk::At(_) => self.disk_bytes = self.disk_bytes.saturating_sub(entry.size),
            OnDisk::No | OnDisk::Writing | OnDisk::Lost => self.memory_bytes -= entry.size,
        }
        while self
            .flying
            .front()
            .is_some_and(|id| !self.entries.contains_key(id))
        {
            self.flying.pop_front();
        }
        if self.entries.is_empty() && self.backlog.is_empty() {
            self.disk_bytes = 0;
        }
        entry.record
    }
}

#[cfg(test)]
mod tests;
