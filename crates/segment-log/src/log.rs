//! The log: a folder of segments, opened by one process. Appending queues and returns; committing is `commit`, reading is `read`. Must never
//! hold its queue's lock while it touches the disk.

use crate::{
    Completion, MAX_COMMIT, MAX_RECORD, Observer, Options, Refused,
    commit::Committer,
    earliest, frame,
    lock::{FolderLock, LockError},
    medium::{Disk, Medium},
    recovery::{self, Damage, Trouble},
    segment::{self, About, HEADER, Segment, Segments},
};
use parking_lot::{Condvar, Mutex, RwLock};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("{0}; nothing was changed. Restore the file from a copy, or move the folder away to start anew")]
    Damaged(Damage),
    #[error("{path} cannot be opened: {source}")]
    Io { path: PathBuf, source: io::Error },
}

#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error("offset {wanted} is beyond the end of the log ({end})")]
    BeyondEnd { wanted: u64, end: u64 },
    #[error("what is not needed any more could not be dropped: {0}")]
    Io(#[from] io::Error),
}

/// The log was closed with something left: see [`SegmentLog::close`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the thread that commits died")]
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
    pub(crate) shared: Arc<Shared>,
    committer: Mutex<Option<JoinHandle<()>>>,
    lock: Mutex<Option<FolderLock>>,
}

pub(crate) struct Shared {
    pub folder: PathBuf,
    pub options: Options,
    pub medium: Box<dyn Medium>,
    pub segments: RwLock<Segments>,
    pub earliest: AtomicU64,
    pub end: AtomicU64,
    pub queue: Mutex<Queue>,
    pub wake: Condvar,
    /// Held while segments are dropped or replaced.
    pub maintenance: Mutex<()>,
}

#[derive(Default)]
pub(crate) struct Queue {
    /// Frames made by [`frame::begin`].
    pub bytes: Vec<u8>,
    pub completions: Vec<Completion>,
    /// Of the commit that is under way.
    pub committing: (usize, usize),
    pub state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Open,
    Closing,
    Failed,
}

impl SegmentLog {
    /// Opens or creates the log in `folder`, cutting off a torn tail.
    pub fn open(folder: &Path, options: Options) -> Result<(Self, Opened), OpenError> {
        Self::open_on(Box::new(Disk), folder, options)
    }

    pub(crate) fn open_on(medium: Box<dyn Medium>, folder: &Path, options: Options) -> Result<(Self, Opened), OpenError> {
        let lock = FolderLock::acquire(folder)?;
        let found = load(medium.as_ref(), folder, &options)?;
        let bounds = Bounds { earliest: found.earliest, end: found.end.offset };
        if found.end.truncated > 0 {
            tracing::warn!(folder = %folder.display(), bytes = found.end.truncated, end = bounds.end, "a torn tail was cut off: a commit that was never acknowledged");
        }
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            options,
            medium,
            segments: RwLock::new(found.segments),
            earliest: AtomicU64::new(bounds.earliest),
            end: AtomicU64::new(bounds.end),
            queue: Mutex::default(),
            wake: Condvar::new(),
            maintenance: Mutex::new(()),
        });
        let committer = Committer::new(shared.clone(), found.end.timestamp);
        let thread = std::thread::Builder::new().name("segment-commit".into()).stack_size(256 << 10).spawn(move || committer.run());
        let thread = thread.map_err(|source| OpenError::Io { path: folder.to_owned(), source })?;
        let log = Self { shared, committer: Mutex::new(Some(thread)), lock: Mutex::new(Some(lock)) };
        Ok((log, Opened { bounds, truncated: found.end.truncated }))
    }

    /// Queues a record of about `size` bytes, written by `fill`. `done` hears when it is safe, or that it is not. Records get their offsets
    /// in the order of the calls.
    pub fn append(&self, size: usize, fill: impl FnOnce(&mut Vec<u8>), done: Completion) -> Result<(), Refused> {
        let limit = self.shared.options.record_limit.min(MAX_RECORD);
        if size > limit {
            return Err(Refused::TooLarge);
        }
        let mut queue = self.shared.queue.lock();
        match queue.state {
            State::Open => {}
            State::Closing => return Err(Refused::Closed),
            State::Failed => return Err(Refused::Failed),
        }
        let waiting = queue.bytes.len() + queue.committing.0;
        let records = queue.completions.len() + queue.committing.1;
        let room = self.shared.options.queue_bytes.min(MAX_COMMIT / 2);
        if records >= self.shared.options.queue_records || (waiting > 0 && waiting + size + frame::OVERHEAD > room) {
            return Err(Refused::QueueFull);
        }
        let start = queue.bytes.len();
        if frame::begin(&mut queue.bytes, fill) > limit {
            queue.bytes.truncate(start);
            return Err(Refused::TooLarge);
        }
        queue.completions.push(done);
        let first = queue.completions.len() == 1;
        drop(queue);
        if first {
            self.shared.wake.notify_one();
        }
        Ok(())
    }

    pub fn bounds(&self) -> Bounds {
        self.shared.bounds()
    }

    /// Is this offset in the segment that is appended to? Then it was written lately and reading it will hardly wait for the disk.
    pub fn is_recent(&self, offset: u64) -> bool {
        self.shared.segments.read().last().is_some_and(|active| offset >= active.base())
    }

    /// May records still be appended?
    pub fn healthy(&self) -> bool {
        self.shared.queue.lock().state == State::Open
    }

    /// Commits what is queued, refuses everything from now on, and lets go of the folder. What is there can still be read.
    pub fn close(&self) -> Result<(), Closed> {
        {
            let mut queue = self.shared.queue.lock();
            if queue.state == State::Open {
                queue.state = State::Closing;
            }
        }
        self.shared.wake.notify_one();
        let result = match self.committer.lock().take() {
            // A completion may hold the last handle of its own log: the thread cannot wait for itself.
            Some(thread) if thread.thread().id() != std::thread::current().id() => thread.join().map_err(|_| Closed),
            _ => Ok(()),
        };
        drop(self.lock.lock().take());
        result
    }

    /// Everything below `offset` may go: it cannot be read any more, and segments that hold nothing else are deleted.
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
        let old =
            self.shared.segments.read().windows(2).take_while(|pair| pair[1].about.created < timestamp).last().map(|pair| pair[1].base());
        old.map_or(Ok(()), |offset| self.shared.delete_before(offset))
    }

    /// A closed log may be open elsewhere: nothing is changed in its folder any more.
    pub(crate) fn holds_folder(&self) -> io::Result<()> {
        match *self.lock.lock() {
            Some(_) => Ok(()),
            None => Err(io::Error::other("the log is closed")),
        }
    }

    /// The segment that holds `offset`, and the offset at which it ends.
    pub(crate) fn segment_of(&self, offset: u64, end: u64) -> (Arc<Segment>, u64) {
        let segments = self.shared.segments.read();
        let at = segments.partition_point(|segment| segment.base() <= offset).saturating_sub(1);
        (segments[at].clone(), segments.get(at + 1).map_or(end, |next| next.base()))
    }
}

impl Drop for SegmentLog {
    fn drop(&mut self) {
        if self.close().is_err() {
            tracing::error!(folder = %self.shared.folder.display(), "the thread that commits died");
        }
    }
}

impl Shared {
    pub fn bounds(&self) -> Bounds {
        // `earliest` first: it never passes an `end` that is read after it.
        let earliest = self.earliest.load(Ordering::Acquire);
        Bounds { earliest, end: self.end.load(Ordering::Acquire) }
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
            return Err(RetentionError::BeyondEnd { wanted: offset, end });
        }
        if offset <= earliest {
            return Ok(());
        }
        earliest::store(self.medium.as_ref(), &self.folder, offset)?;
        self.earliest.store(offset, Ordering::Release);
        let dropped: Segments = {
            let mut segments = self.segments.write();
            let count = segments.windows(2).take_while(|pair| pair[1].base() <= offset).count();
            segments.drain(..count).collect()
        };
        for segment in &dropped {
            fs::remove_file(&segment.path)?;
        }
        if !dropped.is_empty() {
            self.medium.sync_folder(&self.folder)?;
        }
        self.observe();
        Ok(())
    }
}

struct Loaded {
    segments: Segments,
    earliest: u64,
    end: recovery::End,
}

fn load(medium: &dyn Medium, folder: &Path, options: &Options) -> Result<Loaded, OpenError> {
    let failed = |source| OpenError::Io { path: folder.to_owned(), source };
    let mut segments: Segments = Vec::new();
    let mut unfinished = None;
    let files = list(folder).map_err(failed)?;
    for (at, (base, path)) in files.iter().enumerate() {
        match Segment::open(path.clone()).map_err(failed)? {
            Some(segment) if segment.base() == *base => segments.push(Arc::new(segment)),
            Some(_) => return Err(OpenError::Damaged(damage(path, *base, "its name and its header disagree"))),
            // Nothing is written behind a header before that is synced.
            None if at + 1 == files.len() && fs::metadata(path).map_err(failed)?.len() <= HEADER as u64 => {
                fs::remove_file(path).map_err(failed)?;
                unfinished = Some(*base);
            }
            None => return Err(OpenError::Damaged(damage(path, *base, "its header does not pass its checksum"))),
        }
    }
    drop_replaced(&mut segments).map_err(failed)?;
    let kept = earliest::load(folder).map_err(failed)?;
    if segments.is_empty() {
        let base = unfinished.or(kept).unwrap_or(0);
        let about = About { base, created: (options.clock)(), compacted_end: None };
        segments.push(Arc::new(Segment::create(medium, folder, about).map_err(failed)?));
        unfinished = None;
    }
    let earliest = kept.unwrap_or(segments[0].base());
    if earliest < segments[0].base() {
        return Err(OpenError::Damaged(damage(&segment::path(folder, earliest), earliest, "the segment is missing")));
    }
    let active = segments[segments.len() - 1].clone();
    let end = match recovery::recover(medium, &active, options.sync) {
        Ok(end) => end,
        Err(Trouble::Damage(damage)) => return Err(OpenError::Damaged(damage)),
        Err(Trouble::Io(source)) => return Err(failed(source)),
    };
    if end.offset < earliest || unfinished.is_some_and(|base| base != end.offset) {
        return Err(OpenError::Damaged(damage(&active.path, end.offset, "it ends before what is known to have been in it")));
    }
    let gone = segments.windows(2).take_while(|pair| pair[1].base() <= earliest).count();
    for segment in segments.drain(..gone) {
        fs::remove_file(&segment.path).map_err(failed)?;
    }
    Ok(Loaded { segments, earliest, end })
}

fn damage(path: &Path, offset: u64, why: &'static str) -> Damage {
    Damage { path: path.to_owned(), position: 0, offset, why }
}

/// Segment files by base; leftovers of an unfinished replacement are removed.
fn list(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".tmp") {
            fs::remove_file(&path)?;
        } else if let Some(base) = name.strip_suffix(".segment").and_then(|base| base.parse().ok()) {
            files.push((base, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// A crash between putting a compacted segment in place and deleting what it stands for leaves both.
fn drop_replaced(segments: &mut Segments) -> io::Result<()> {
    let mut until = 0;
    let mut result = Ok(());
    segments.retain(|segment| {
        let replaced = segment.base() < until;
        if replaced && result.is_ok() {
            result = fs::remove_file(&segment.path);
        }
        until = until.max(segment.about.compacted_end.unwrap_or(0));
        !replaced
    });
    result
}

#[cfg(test)]
mod tests;
