//! The log: a folder of segments, opened by one process. Appending queues and returns; committing
//! is `commit`, reading is `read`. Must never hold its queue's lock while it touches the disk.

use crate::{
    Completion, MAX_RECORD, Observer, Options, Refused,
    appender::Appender,
    commit::Committer,
    earliest,
    hub::Hub,
    load::load_log,
    lock::{FolderLock, LockError},
    medium::{Disk, Medium},
    queue::{CommitBatch, CommitQueue, State},
    recovery::Damage,
    segment::{Segment, SegmentList},
};
use parking_lot::{Condvar, Mutex, RwLock};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(
        "{0}; nothing was changed. Restore the file from a backup, or move the folder away to start with an empty one"
    )]
    Damaged(Damage),
    #[error("{path} cannot be opened: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// Nothing can be opened in it before it is opened again.
    #[error("the journal is closed or failed")]
    JournalClosed,
}

#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error("offset {wanted} is beyond the end of the log ({end})")]
    BeyondEnd { wanted: u64, end: u64 },
    #[error("old segments could not be removed: {0}")]
    Io(#[from] io::Error),
}

/// The log was closed with something left: see [`SegmentLog::close`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the thread that commits panicked")]
pub struct Closed;

/// First offset kept and the offset the next record gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub earliest: u64,
    pub end: u64,
}

/// What opening found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub bounds: Bounds,
    /// Bytes of a commit that was never acknowledged, cut off.
    pub truncated: u64,
}

/// See the crate's header. Dropping it commits what is queued.
pub struct SegmentLog {
    pub(crate) shared: Arc<LogShared>,
    committer: Arc<Committer>,
    /// Is the committer this log's alone?
    alone: bool,
}

pub(crate) struct LogShared {
    pub folder: PathBuf,
    pub options: Options,
    pub medium: Arc<dyn Medium>,
    pub segments: RwLock<SegmentList>,
    pub earliest: AtomicU64,
    pub end: AtomicU64,
    pub queue: Mutex<CommitQueue>,
    pub appender: Mutex<Appender>,
    /// Held while segments are dropped or replaced.
    pub maintenance: Mutex<()>,
    /// Its name in the journal, if that makes its records safe.
    pub name: Option<String>,
    hub: Arc<Hub>,
    /// Told when a closing log is closed.
    closed: Condvar,
    lock: Mutex<Option<FolderLock>>,
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
        Self::join(medium, folder, options, None, Arc::new(started), true)
    }

    /// Opens it as one of many that a committer serves.
    pub(crate) fn join(
        medium: Arc<dyn Medium>,
        folder: &Path,
        options: Options,
        name: Option<String>,
        committer: Arc<Committer>,
        alone: bool,
    ) -> Result<(Self, Opened), OpenError> {
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
        let shared = Arc::new(LogShared {
            folder: folder.to_owned(),
            options,
            medium,
            segments: RwLock::new(found.segments),
            earliest: AtomicU64::new(bounds.earliest),
            end: AtomicU64::new(bounds.end),
            queue: Mutex::default(),
            appender: Mutex::new(Appender::new(active, found.end.timestamp)),
            maintenance: Mutex::new(()),
            name,
            hub: committer.hub.clone(),
            closed: Condvar::new(),
            lock: Mutex::new(Some(lock)),
        });
        if !committer.hub.join(&shared) {
            return Err(OpenError::JournalClosed);
        }
        Ok((
            Self {
                shared,
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
        if size > self.shared.options.record_limit.min(MAX_RECORD) {
            return Err(Refused::TooLarge);
        }
        let LogShared {
            options,
            hub,
            queue,
            ..
        } = self.shared.as_ref();
        let first = queue.lock().push(options, &hub.buffers, size, fill, done)?;
        if first {
            hub.list(self.shared.clone());
        }
        Ok(())
    }

    pub fn bounds(&self) -> Bounds {
        self.shared.bounds()
    }

    /// Is this offset in the segment that is appended to? Then it was written lately and reading it
    /// will hardly wait for the disk.
    pub fn is_recent(&self, offset: u64) -> bool {
        self.shared
            .segments
            .read()
            .last()
            .is_some_and(|active| offset >= active.base())
    }

    /// May records still be appended?
    pub fn healthy(&self) -> bool {
        self.shared.queue.lock().state == State::Open
    }

    /// Commits what is queued, refuses everything from now on, and lets go of the folder. What is
    /// there can still be read.
    pub fn close(&self) -> Result<(), Closed> {
        self.shared.begin_close();
        if self.shared.hub.is_current() {
            // A completion may hold the last handle of its own log: the thread cannot wait for
            // itself, and finishes this when it is idle.
            return Ok(());
        }
        let mut queue = self.shared.queue.lock();
        while queue.state == State::Closing {
            self.shared.closed.wait(&mut queue);
        }
        drop(queue);
        drop(self.shared.lock.lock().take());
        if self.alone {
            self.committer.close()
        } else {
            Ok(())
        }
    }

    /// Everything below `offset` may go: it cannot be read any more, and segments that hold nothing
    /// else are deleted.
    pub fn delete_before(&self, offset: u64) -> Result<(), RetentionError> {
        self.holds_folder()?;
        let _maintenance = self.shared.maintenance.lock();
        self.shared.delete_before(offset)
    }

    /// Drops whole segments in which every record is older than `timestamp` (unix ms).
    pub fn delete_older(&self, timestamp: i64) -> Result<(), RetentionError> {
        self.holds_folder()?;
        let _maintenance = self.shared.maintenance.lock();
        // The next segment was created after the last record of the one before.
        let old = self
            .shared
            .segments
            .read()
            .windows(2)
            .take_while(|pair| pair[1].about.created < timestamp)
            .last()
            .map(|pair| pair[1].base());
        old.map_or(Ok(()), |offset| self.shared.delete_before(offset))
    }

    /// A closed log may be open elsewhere: nothing is changed in its folder any more.
    pub(crate) fn holds_folder(&self) -> io::Result<()> {
        match *self.shared.lock.lock() {
            Some(_) => Ok(()),
            None => Err(io::Error::other("the log is closed")),
        }
    }

    /// The segment that holds `offset`, and the offset at which it ends.
    pub(crate) fn segment_of(&self, offset: u64, end: u64) -> (Arc<Segment>, u64) {
        let segments = self.shared.segments.read();
        let at = segments
            .partition_point(|segment| segment.base() <= offset)
            .saturating_sub(1);
        (
            segments[at].clone(),
            segments.get(at + 1).map_or(end, |next| next.base()),
        )
    }
}

impl Drop for SegmentLog {
    fn drop(&mut self) {
        if self.close().is_err() {
            tracing::error!(folder = %self.shared.folder.display(), "the thread that commits panicked");
        }
    }
}

impl LogShared {
    pub fn is_journaled(&self) -> bool {
        self.name.is_some()
    }

    /// Takes no more; what waits is still committed.
    pub fn begin_close(self: &Arc<Self>) {
        let mut queue = self.queue.lock();
        if queue.state == State::Open {
            queue.state = State::Closing;
            if !std::mem::replace(&mut queue.listed, true) {
                drop(queue);
                self.hub.list(self.clone());
            }
        }
    }

    /// After a round: is there nothing more to do? Closes what was to be closed.
    pub fn rest(&self) -> bool {
        let mut queue = self.queue.lock();
        if !queue.is_empty() {
            return false;
        }
        if queue.state != State::Closing {
            queue.listed = false;
            return true;
        }
        drop(queue);
        self.leave();
        true
    }

    /// Nothing waits, nothing comes. Without the journal the log has to be whole.
    fn leave(&self) {
        let segments: SegmentList = if self.is_journaled() {
            self.segments.read().clone()
        } else {
            SegmentList::new()
        };
        if let Err(error) = segments
            .iter()
            .try_for_each(|segment| segment.make_safe(self.medium.as_ref()))
        {
            tracing::error!(folder = %self.folder.display(), %error, "the log could not be synced: only the journal has its last records");
        }
        drop(self.lock.lock().take());
        self.queue.lock().state = State::Closed;
        self.closed.notify_all();
    }

    /// Nothing is committed any more. Answers what waited.
    pub fn stop(&self) -> Vec<CommitBatch> {
        let waiting = self.queue.lock().fail();
        self.closed.notify_all();
        waiting
    }

    pub fn bounds(&self) -> Bounds {
        // `earliest` first: it never passes an `end` that is read after it.
        let earliest = self.earliest.load(Ordering::Acquire);
        Bounds {
            earliest,
            end: self.end.load(Ordering::Acquire),
        }
    }

    pub fn observe(&self) {
        if let Some(observer) = &self.options.observer {
            let observer: &Observer = observer;
            observer(self.bounds());
        }
    }

    fn delete_before(&self, offset: u64) -> Result<(), RetentionError> {
        let Bounds { earliest, end } = self.bounds();
        if offset > end {
            return Err(RetentionError::BeyondEnd {
                wanted: offset,
                end,
            });
        }
        if offset <= earliest {
            return Ok(());
        }
        earliest::store_earliest(self.medium.as_ref(), &self.folder, offset)?;
        self.earliest.store(offset, Ordering::Release);
        let dropped: SegmentList = {
            let mut segments = self.segments.write();
            let count = segments
                .windows(2)
                .take_while(|pair| pair[1].base() <= offset)
                .count();
            segments.drain(..count).collect()
        };
        for segment in &dropped {
            self.medium.remove(&segment.path)?;
        }
        if !dropped.is_empty() {
            self.medium.sync_folder(&self.folder)?;
        }
        self.observe();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
