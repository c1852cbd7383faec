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

mod rewind;

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

/// What became of a record that was to be made durable.
#[derive(Debug, PartialEq, Eq)]
pub enum DiskOutcome<R> {
    /// It is on the disk now; whoever handed it in may know.
    Safe { record: R, offset: u64 },
    /// It is not on the disk and never went to the log.
    Refused(R),
    /// It may be found on the disk later.
    Unknown(R),
    /// The log was faster, or still has it.
    Nothing,
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

/// How the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskState {
    Well,
    /// It refused a record, or less is free than must be.
    Full,
    /// It is out of reach. What was issued is still being written.
    Away,
    /// A sync failed: nothing may be written before the spool is opened again.
    Failed,
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

    pub fn set_disk(&mut self, disk: DiskState) {
        if self.disk != DiskState::Failed {
            self.disk = disk;
        }
    }

    pub fn disk(&self) -> DiskState {
        self.disk
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

    /// What is to be read from the disk and handed over next: at most so many records.
    pub fn next_backlog(&self) -> Option<Range<u64>> {
        let room = self.limits.shipping.saturating_sub(self.flying.len()) as u64;
        let end = self.backlog.end.min(self.backlog.start + room);
        let due = self.hands_over() && room > 0 && !self.backlog.is_empty();
        due.then_some(self.backlog.start..end)
    }

    /// The first of the backlog was handed over.
    pub fn handed_backlog(&mut self, offset: u64, size: u64) -> RecordId {
        assert_eq!(
            offset, self.backlog.start,
            "the backlog is handed over in its order"
        );
        self.backlog.start += 1;
        self.next += 1;
        let id = RecordId(self.next);
        let entry = SpoolEntry {
            record: None,
            size,
            born: 0,
            disk: OnDisk::At(offset),
            answer: LogAnswer::None,
        };
        self.entries.insert(id, entry);
        self.flying.push_back(id);
        id
    }

    /// Another process shipped everything before this number and let go of it: what of that was not
    /// handed over yet needs not be.
    pub fn shipped_elsewhere(&mut self, through: u64) {
        let start = through.clamp(self.backlog.start, self.backlog.end);
        let (skipped, left) = (start - self.backlog.start, self.backlog.end - start);
        if skipped > 0 {
            // Sizes are not known before they are read.
            let share = self.disk_bytes as f64 * skipped as f64 / (skipped + left) as f64;
            self.disk_bytes = self.disk_bytes.saturating_sub(share as u64);
        }
        self.backlog.start = start;
    }

    /// What is to be written to the disk now, in this order.
    pub fn next_writes(&mut self, now: u64) -> Vec<(RecordId, R)> {
        self.forget_written();
        let mut due = Vec::new();
        if !self.is_spooling(now) || self.disk != DiskState::Well {
            return due;
        }
        while let Some(id) = self.unwritten.front() {
            let Some(entry) = self.entries.get_mut(id) else {
                self.unwritten.pop_front();
                continue;
            };
            let is_full = self.writing.len() >= self.limits.writing_records
                || self.writing_bytes + entry.size > self.limits.writing_bytes;
            if is_full && !self.writing.is_empty() {
                break;
            }
            let Some(record) = entry.record.clone() else {
                self.unwritten.pop_front();
                continue;
            };
            entry.disk = OnDisk::Writing;
            self.writing_bytes += entry.size;
            self.writing.push_back((*id, entry.size));
            due.push((*id, record));
            self.unwritten.pop_front();
        }
        due
    }

    /// The disk has the first of those that were issued.
    pub fn written(&mut self, offset: u64) -> DiskOutcome<R> {
        let Some((id, size)) = self.take_written() else {
            return DiskOutcome::Nothing;
        };
        self.disk_end = offset + 1;
        let Some(entry) = self.entries.get_mut(&id) else {
            return DiskOutcome::Nothing;
        };
        entry.disk = OnDisk::At(offset);
        self.memory_bytes -= size;
        self.disk_bytes += size;
        let record = entry.record.take();
        if self.waiting.front() == Some(&id) {
            self.waiting.pop_front();
            self.entries.remove(&id);
            if self.backlog.is_empty() {
                self.backlog.start = offset;
            }
            self.backlog.end = offset + 1;
        }
        record.map_or(DiskOutcome::Nothing, |record| DiskOutcome::Safe {
            record,
            offset,
        })
    }

    /// The disk would not take the first of those that were issued; it is not there.
    pub fn not_written(&mut self) -> DiskOutcome<R> {
        self.set_disk(DiskState::Full);
        self.lost(DiskOutcome::Refused)
    }

    /// A sync failed: the first of those that were issued may be there or not.
    pub fn sync_failed(&mut self) -> DiskOutcome<R> {
        self.disk = DiskState::Failed;
        self.lost(DiskOutcome::Unknown)
    }

    /// Waits and will never be written: see [`DiskState::Failed`].
    pub fn give_up_waiting(&mut self) -> Vec<R> {
        if self.disk != DiskState::Failed {
            return Vec::new();
        }
        let writing: Vec<_> = self.writing.iter().map(|(id, _)| *id).collect();
        let (kept, lost): (VecDeque<_>, VecDeque<_>) =
            self.waiting.drain(..).partition(|id| writing.contains(id));
        self.waiting = kept;
        lost.into_iter()
            .filter_map(|id| self.remove_entry(id))
            .collect()
    }

    /// The newest of those that were issued could not even be queued.
    pub fn not_issued(&mut self, id: RecordId) -> DiskOutcome<R> {
        self.disk = DiskState::Failed;
        let Some((last, size)) = self.writing.pop_back() else {
            return DiskOutcome::Nothing;
        };
        assert_eq!(last, id, "writes are issued one after the other");
        self.writing_bytes -= size;
        self.give_up_write(id, DiskOutcome::Refused)
    }

    fn lost(&mut self, told: impl FnOnce(R) -> DiskOutcome<R>) -> DiskOutcome<R> {
        match self.take_written() {
            Some((id, _)) => self.give_up_write(id, told),
            None => DiskOutcome::Nothing,
        }
    }

    /// The disk does not have the record. One that was not handed over is gone.
    fn give_up_write(
        &mut self,
        id: RecordId,
        told: impl FnOnce(R) -> DiskOutcome<R>,
    ) -> DiskOutcome<R> {
        let Some(entry) = self.entries.get_mut(&id) else {
            return DiskOutcome::Nothing;
        };
        if let Some(at) = self.waiting.iter().position(|waiting| *waiting == id) {
            self.waiting.remove(at);
            return self.remove_entry(id).map_or(DiskOutcome::Nothing, told);
        }
        entry.disk = OnDisk::Lost;
        match entry.answer {
            LogAnswer::None => DiskOutcome::Nothing,
            LogAnswer::Unknown => self
                .remove_entry(id)
                .map_or(DiskOutcome::Nothing, DiskOutcome::Unknown),
            LogAnswer::Refused => self
                .remove_entry(id)
                .map_or(DiskOutcome::Nothing, DiskOutcome::Refused),
        }
    }

    fn take_written(&mut self) -> Option<(RecordId, u64)> {
        let (id, size) = self.writing.pop_front()?;
        self.writing_bytes -= size;
        Some((id, size))
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

    /// How far the disk may be let go of, if that is further than before.
    pub fn let_go(&mut self) -> Option<u64> {
        let low = self.least_needed()?;
        if low <= self.let_go {
            return None;
        }
        self.let_go = low;
        Some(low)
    }

    /// Everything on the disk before this is acknowledged by the log.
    pub fn shipped_through(&self) -> u64 {
        self.let_go
    }

    /// The first offset that is still needed; none if that is not known now.
    fn least_needed(&self) -> Option<u64> {
        for entry in self.flying.iter().filter_map(|id| self.entries.get(id)) {
            match entry.disk {
                OnDisk::At(offset) => return Some(offset),
                OnDisk::Writing => return None,
                OnDisk::Lost => {}
                // Nothing behind it was written.
                OnDisk::No => break,
            }
        }
        if !self.backlog.is_empty() {
            return Some(self.backlog.start);
        }
        self.writing.is_empty().then_some(self.disk_end)
    }

    /// Records and bytes that the log has not acknowledged and the disk has.
    pub fn spooled(&self) -> (u64, u64) {
        let flying = self.flying.iter().filter_map(|id| self.entries.get(id));
        let on_disk = flying
            .filter(|entry| matches!(entry.disk, OnDisk::At(_)))
            .count() as u64;
        let records = on_disk + (self.backlog.end - self.backlog.start.min(self.backlog.end));
        (records, if records == 0 { 0 } else { self.disk_bytes })
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

    fn forget_written(&mut self) {
        while self
            .unwritten
            .front()
            .is_some_and(|id| !self.entries.contains_key(id))
        {
            self.unwritten.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
