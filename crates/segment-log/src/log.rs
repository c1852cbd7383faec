//! The log: a folder of segments, opened by one process. Appending queues and returns; committing
//! is `commit`, reading is `read`. Must never let two processes have it open.

use crate::{
    Completion, Options, Refused,
    appender::Appender,
    commit::{Closed, Committer},
    lane::CommitLane,
    load::{OpenError, load_log},
    lock::FolderLock,
    medium::{Disk, Medium},
    queue::State,
    stored::{Bounds, RetentionError, StoredLog},
};
use parking_lot::{Mutex, RwLock};
use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

/// What opening found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub bounds: Bounds,
    /// Bytes of a commit that was never acknowledged, cut off.
    pub truncated: u64,
}

/// See the crate's header. Dropping it commits what is queued.
pub struct SegmentLog {
    pub(crate) lane: Arc<CommitLane>,
    committer: Arc<Committer>,
    /// Is the committer this log's alone?
    alone: bool,
}

/// Who commits for a log.
pub(crate) struct CommitService {
    pub committer: Arc<Committer>,
    /// Its name in the journal, if that makes its records safe.
    pub name: Option<String>,
    /// Is the committer this log's alone?
    pub alone: bool,
}

impl SegmentLog {
    /// Opens or creates the log in `folder`, cutting off a torn tail. One that is in a journal is
    /// opened by that.
    pub fn open(folder: &Path, options: Options) -> Result<(Self, Opened), OpenError> {
        Self::open_on(Arc::new(Disk), folder, options)
    }

    /// Likewise, on a disk of the caller's: tests have some that fail.
    pub fn open_on(
        medium: Arc<dyn Medium>,
        folder: &Path,
        options: Options,
    ) -> Result<(Self, Opened), OpenError> {
        let started = Committer::start("segment-commit", None).map_err(|source| OpenError::Io {
            path: folder.to_owned(),
            source,
        })?;
        let service = CommitService {
            committer: Arc::new(started),
            name: None,
            alone: true,
        };
        Self::join(medium, folder, options, service)
    }

    /// Opens it as one of many that a committer serves.
    pub(crate) fn join(
        medium: Arc<dyn Medium>,
        folder: &Path,
        options: Options,
        service: CommitService,
    ) -> Result<(Self, Opened), OpenError> {
        let CommitService {
            committer,
            name,
            alone,
        } = service;
        let lock = FolderLock::acquire(folder)?;
        let found = load_log(medium.as_ref(), folder, &options, name.is_some())?;
        let bounds = Bounds {
            earliest: found.earliest,
            end: found.end.offset,
        };
        if found.end.truncated > 0 {
            tracing::warn!(folder = %folder.display(), bytes = found.end.truncated, end = bounds.end, "a torn tail was cut off: a commit that was never acknowledged");
        }
        let active = found.segments[found.segments.len() - 1].clone();
        let stored = StoredLog {
            folder: folder.to_owned(),
            options,
            medium,
            segments: RwLock::new(found.segments),
            earliest: AtomicU64::new(bounds.earliest),
            end: AtomicU64::new(bounds.end),
            maintenance: Mutex::new(()),
            name,
        };
        let appender = Appender::new(active, found.end.timestamp);
        let lane = Arc::new(CommitLane::new(
            stored,
            appender,
            committer.hub.clone(),
            lock,
        ));
        if !committer.hub.join(&lane) {
            return Err(OpenError::JournalClosed);
        }
        Ok((
            Self {
                lane,
                committer,
                alone,
            },
            Opened {
                bounds,
                truncated: found.end.truncated,
            },
        ))
    }

    /// Queues a record of about `size` bytes, written by `fill`. `done` hears when it is safe, or
    /// that it is not. Records get their offsets in the order of the calls.
    pub fn append(
        &self,
        size: usize,
        fill: impl FnOnce(&mut Vec<u8>),
        done: Completion,
    ) -> Result<(), Refused> {
        self.lane.push_record(size, fill, done)
    }

    pub fn bounds(&self) -> Bounds {
        self.lane.stored.bounds()
    }

    /// Is this offset in the segment that is appended to? Then it was written lately and reading it
    /// will hardly wait for the disk.
    pub fn is_recent(&self, offset: u64) -> bool {
        self.lane
            .stored
            .segments
            .read()
            .last()
            .is_some_and(|active| offset >= active.base())
    }

    /// May records still be appended?
    pub fn healthy(&self) -> bool {
        self.lane.queue.lock().state == State::Open
    }

    /// Commits what is queued, refuses everything from now on, and lets go of the folder. What is
    /// there can still be read.
    pub fn close(&self) -> Result<(), Closed> {
        self.lane.begin_close();
        if !self.lane.wait_closed() {
            // A completion may hold the last handle of its own log.
            return Ok(());
        }
        self.lane.let_go();
        if self.alone {
            self.committer.close()
        } else {
            Ok(())
        }
    }

    /// Everything below `offset` may go: it cannot be read any more, and segments that hold nothing
    /// else are deleted.
    pub fn delete_before(&self, offset: u64) -> Result<(), RetentionError> {
        self.lane.holds_folder()?;
        let _maintenance = self.lane.stored.maintenance.lock();
        self.lane.stored.delete_before(offset)
    }

    /// Drops whole segments in which every record is older than `timestamp` (unix ms).
    pub fn delete_older(&self, timestamp: i64) -> Result<(), RetentionError> {
        self.lane.holds_folder()?;
        let _maintenance = self.lane.stored.maintenance.lock();
        // The next segment was created after the last record of the one before.
        let old = self
            .lane
            .stored
            .segments
            .read()
            .windows(2)
            .take_while(|pair| pair[1].about.created < timestamp)
            .last()
            .map(|pair| pair[1].base());
        old.map_or(Ok(()), |offset| self.lane.stored.delete_before(offset))
    }
}

impl Drop for SegmentLog {
    fn drop(&mut self) {
        if self.close().is_err() {
            tracing::error!(folder = %self.lane.stored.folder.display(), "the thread that commits panicked");
        }
    }
}

#[cfg(test)]
mod tests;
