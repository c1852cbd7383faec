//! The journal's two files while it is open: one is written, the other's segments are made safe
//! meanwhile. Must never write over an entry before every segment it concerns is synced.

pub(crate) mod entry;
pub(crate) mod replay;
pub(crate) mod scan;

use crate::{
    appender::{AppenderFailure, WrittenGroup},
    lane::CommitLane,
    lock::FolderLock,
    medium::Medium,
    segment::Segment,
};
use std::{
    fs::File,
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

use entry::{BLOCK, Builder, Place};

/// A file grows by so much at once; until it has its full length.
const STEP: u64 = 1 << 20;
/// Records that are together longer are synced in their segments: there is less to write that way.
const MOST: u64 = 4 << 20;

pub(crate) struct JournalFiles {
    medium: Arc<dyn Medium>,
    /// Bytes in a file.
    size: u64,
    halves: [Half; 2],
    active: usize,
    /// Sequence number of the next entry.
    next: u64,
    builder: Builder,
    _lock: FolderLock,
}

pub(crate) struct Half {
    number: u32,
    file: Arc<File>,
    length: u64,
    /// Where the next entry goes.
    at: u64,
    /// Sequence number of its last entry.
    last: u64,
    /// What its entries concern.
    segments: Vec<Arc<Segment>>,
    emptying: Option<JoinHandle<Result<(), AppenderFailure>>>,
}

impl Half {
    /// With nothing in it that counts.
    pub fn new(number: u32, file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            number,
            file: Arc::new(file),
            length,
            at: BLOCK,
            last: 0,
            segments: Vec::new(),
            emptying: None,
        })
    }

    fn takes(&self, bytes: u64, size: u64) -> bool {
        self.at == BLOCK || self.at + bytes <= size
    }

    fn begin_emptying(&mut self, medium: &Arc<dyn Medium>) {
        let (medium, file, number, last, segments) = (
            medium.clone(),
            self.file.clone(),
            self.number,
            self.last,
            self.segments.clone(),
        );
        let work = move || empty_file(medium.as_ref(), &segments, &file, number, last);
        // Without a thread it is done when the file is needed again.
        self.emptying = thread::Builder::new()
            .name("log-checkpoint".into())
            .stack_size(256 << 10)
            .spawn(work)
            .ok();
    }

    /// Waits until nothing in it counts.
    fn emptied(&mut self, medium: &dyn Medium) -> Result<(), AppenderFailure> {
        if self.at == BLOCK {
            return Ok(());
        }
        let died = || {
            Err(AppenderFailure::Fatal(io::Error::other(
                "the thread that syncs segments panicked",
            )))
        };
        let begun = self
            .emptying
            .take()
            .map(|thread| thread.join().unwrap_or_else(|_| died()));
        match begun {
            Some(Ok(())) => {}
            Some(Err(AppenderFailure::Fatal(error))) => return Err(AppenderFailure::Fatal(error)),
            Some(Err(AppenderFailure::Rejected(_))) | None => {
                empty_file(medium, &self.segments, &self.file, self.number, self.last)?
            }
        }
        self.segments.clear();
        self.at = BLOCK;
        Ok(())
    }
}

impl JournalFiles {
    pub fn new(
        medium: Arc<dyn Medium>,
        size: u64,
        halves: [Half; 2],
        next: u64,
        lock: FolderLock,
    ) -> Self {
        Self {
            medium,
            size: size.max(4 * BLOCK),
            halves,
            active: 0,
            next,
            builder: Builder::default(),
            _lock: lock,
        }
    }

    /// Bytes of records that an entry may hold. What surrounds them is small: it fits in the rest
    /// of a file.
    pub fn room(&self) -> usize {
        usize::try_from(MOST.min(self.size / 4)).unwrap_or(usize::MAX)
    }

    /// Makes batches safe, all or none.
    pub fn commit(
        &mut self,
        written: &[(Arc<CommitLane>, WrittenGroup)],
    ) -> Result<(), AppenderFailure> {
        self.builder.clear();
        for (lane, written) in written {
            let header = written.segment.about.encode();
            let (position, header) = if written.fresh {
                (0, &header[..])
            } else {
                (written.start, &[][..])
            };
            self.builder.section(
                lane.stored.name.as_deref().unwrap_or_default(),
                written.segment.base(),
                position,
                [header, &written.batch.bytes],
            );
        }
        self.append_entry()?;
        let covered = &mut self.halves[self.active].segments;
        for (_, written) in written {
            if !covered
                .iter()
                .any(|segment| Arc::ptr_eq(segment, &written.segment))
            {
                covered.push(written.segment.clone());
            }
        }
        Ok(())
    }

    fn append_entry(&mut self) -> Result<(), AppenderFailure> {
        let size = self.builder.size();
        if !self.halves[self.active].takes(size, self.size) {
            self.switch_files()?;
        }
        let (medium, half) = (self.medium.as_ref(), &mut self.halves[self.active]);
        grow_file(medium, half, half.at + size, self.size).map_err(AppenderFailure::Rejected)?;
        let bytes = self.builder.finish(
            self.next,
            Place {
                file: half.number,
                position: half.at,
            },
        );
        if let Err(error) = medium.write(&half.file, half.at, bytes) {
            // Not a trace of it may be left: the next entry has its number.
            let blank = vec![0; bytes.len()];
            return Err(
                match medium
                    .write(&half.file, half.at, &blank)
                    .and_then(|()| medium.sync(&half.file))
                {
                    Ok(()) => AppenderFailure::Rejected(error),
                    Err(fatal) => AppenderFailure::Fatal(fatal),
                },
            );
        }
        medium.sync(&half.file).map_err(AppenderFailure::Fatal)?;
        half.at = (half.at + size).next_multiple_of(BLOCK);
        half.last = self.next;
        self.next += 1;
        Ok(())
    }

    /// Goes on in the other file and has this one emptied. Waits when the other is not empty yet.
    fn switch_files(&mut self) -> Result<(), AppenderFailure> {
        // One after the other: that a file is empty says that what was written before it does not
        // count, either.
        self.halves[1 - self.active].emptied(self.medium.as_ref())?;
        self.halves[self.active].begin_emptying(&self.medium);
        self.active = 1 - self.active;
        Ok(())
    }

    /// Leaves nothing in the journal that counts.
    pub fn finish(&mut self) {
        for at in [1 - self.active, self.active] {
            if let Err(AppenderFailure::Rejected(error) | AppenderFailure::Fatal(error)) =
                self.halves[at].emptied(self.medium.as_ref())
            {
                tracing::error!(%error, "the journal could not be emptied: the next opening will do it");
                return;
            }
        }
    }
}

impl Drop for JournalFiles {
    fn drop(&mut self) {
        // Whoever opens the journal next is alone with it.
        for thread in self
            .halves
            .iter_mut()
            .filter_map(|half| half.emptying.take())
        {
            drop(thread.join());
        }
    }
}

/// All zeros, written: a sync of what is written over them later has nothing else to write.
fn grow_file(medium: &dyn Medium, half: &mut Half, wanted: u64, most: u64) -> io::Result<()> {
    if wanted <= half.length {
        return Ok(());
    }
    let length = wanted.next_multiple_of(STEP).min(most).max(wanted);
    let zeros = vec![0; usize::try_from(length - half.length).unwrap_or(usize::MAX)];
    if let Err(error) = medium.write(&half.file, half.length, &zeros) {
        // They mean nothing, they only take room.
        let _ = medium.truncate(&half.file, half.length);
        return Err(error);
    }
    half.length = length;
    Ok(())
}

/// Syncs what the file's entries are about; then they do not count any more.
fn empty_file(
    medium: &dyn Medium,
    segments: &[Arc<Segment>],
    file: &File,
    number: u32,
    last: u64,
) -> Result<(), AppenderFailure> {
    segments
        .iter()
        .try_for_each(|segment| segment.make_safe(medium))
        .map_err(AppenderFailure::Fatal)?;
    write_floor(medium, file, number, last)
}

/// Entries up to `last` do not count any more, in either file.
pub(crate) fn write_floor(
    medium: &dyn Medium,
    file: &File,
    number: u32,
    last: u64,
) -> Result<(), AppenderFailure> {
    medium
        .write(file, 0, &entry::floor_sector(last, number))
        .map_err(AppenderFailure::Rejected)?;
    medium.sync(file).map_err(AppenderFailure::Fatal)
}
