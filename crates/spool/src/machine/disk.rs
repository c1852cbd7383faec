//! What is written to the disk, in which order, and what becomes of a record that was to be.

use super::{LogAnswer, OnDisk, RecordId, SpoolOrder};
use std::collections::VecDeque;

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

impl<R: Clone> SpoolOrder<R> {
    pub fn set_disk(&mut self, disk: DiskState) {
        if self.disk != DiskState::Failed {
            self.disk = disk;
        }
    }

    pub fn disk(&self) -> DiskState {
        self.disk
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

    pub(super) fn forget_written(&mut self) {
        while self
            .unwritten
            .front()
            .is_some_and(|id| !self.entries.contains_key(id))
        {
            self.unwritten.pop_front();
        }
    }
}
