//! What is done when the log refuses a record, or loses sight of it. Records behind it may be in the
//! log by then: everything from it on is handed over once more, in its order, and those that were
//! there are found to be repeats. It must never hand anything over before it is known what became of
//! all that flew.

use super::{AfterRefusal, DiskOutcome, LogAnswer, OnDisk, RecordId, SpoolOrder};

/// See [`SpoolOrder::to_replace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToReplace {
    At(u64),
    /// The disk is about to have it.
    NotYet,
    /// Nothing is to be replaced any more.
    Gone,
}

impl<R: Clone> SpoolOrder<R> {
    /// It is not known whether the log has it. What was promised to nobody is given back, to be told
    /// so; all else is handed over again.
    pub fn unknown(&mut self, id: RecordId) -> DiskOutcome<R> {
        let Some(entry) = self.entries.get_mut(&id) else {
            return DiskOutcome::Nothing;
        };
        match entry.disk {
            OnDisk::No | OnDisk::Lost => self
                .remove_entry(id)
                .map_or(DiskOutcome::Nothing, DiskOutcome::Unknown),
            OnDisk::Writing | OnDisk::At(_) => {
                entry.answer = LogAnswer::Unknown;
                self.is_rewinding = true;
                DiskOutcome::Nothing
            }
        }
    }

    /// The log will never take it.
    pub fn refused(&mut self, id: RecordId) -> AfterRefusal<R> {
        let Some(entry) = self.entries.get_mut(&id) else {
            return AfterRefusal::Nothing;
        };
        match entry.disk {
            OnDisk::No | OnDisk::Lost => AfterRefusal::Told(self.remove_entry(id)),
            OnDisk::Writing | OnDisk::At(_) => {
                entry.answer = LogAnswer::Refused;
                AfterRefusal::Replace
            }
        }
    }

    /// Where a record is that was refused and is to be replaced.
    pub fn to_replace(&self, id: RecordId) -> ToReplace {
        match self
            .entries
            .get(&id)
            .map(|entry| (entry.answer, entry.disk))
        {
            Some((LogAnswer::Refused, OnDisk::At(offset))) => ToReplace::At(offset),
            Some((LogAnswer::Refused, OnDisk::Writing)) => ToReplace::NotYet,
            Some(_) | None => ToReplace::Gone,
        }
    }

    /// Something else was handed over in its place: its answer is awaited.
    pub fn replaced(&mut self, id: RecordId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.answer = LogAnswer::None;
        }
    }

    /// Is anything to be handed over once more, before which nothing else may be?
    pub fn is_rewinding(&self) -> bool {
        self.is_rewinding
    }

    /// Puts everything from the first record that got lost on back into the backlog, if it is known
    /// what became of all that flew. True if so.
    pub fn rewind(&mut self) -> bool {
        let mut first = None;
        for entry in self.flying.iter().filter_map(|id| self.entries.get(id)) {
            match (entry.answer, entry.disk) {
                (LogAnswer::Unknown, OnDisk::At(offset)) => first = first.or(Some(offset)),
                (LogAnswer::Unknown, OnDisk::Lost) => {}
                (LogAnswer::Unknown | LogAnswer::None | LogAnswer::Refused, _) => return false,
            }
        }
        if !self.is_rewinding {
            return false;
        }
        for id in std::mem::take(&mut self.flying) {
            match self.entries.get(&id).map(|entry| entry.disk) {
                Some(OnDisk::At(_)) => drop(self.entries.remove(&id)),
                Some(OnDisk::No | OnDisk::Writing | OnDisk::Lost) | None => {
                    drop(self.remove_entry(id))
                }
            }
        }
        if let Some(first) = first {
            let end = if self.backlog.is_empty() {
                self.disk_end
            } else {
                self.backlog.end
            };
            self.backlog = first..end;
        }
        self.is_rewinding = false;
        true
    }
}
