//! The backlog: what is only on the disk, how it is handed to the log, and how far it may be let go
//! of.

use super::{LogAnswer, OnDisk, RecordId, SpoolEntry, SpoolOrder};
use std::ops::Range;

impl<R: Clone> SpoolOrder<R> {
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
}
