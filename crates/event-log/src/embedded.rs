//! The log in this process, on files: topics as folders of segment logs, groups shared by members
//! of the same process (a lock keeps other processes out). Must never acknowledge a record of a
//! durable topic before it is synced.
//!
//! A data folder holds `lock`, `journal/` (by which one sync makes the new records of all
//! partitions safe), `topics/<name>/topic.json` (what the topic is), `topics/<name>/<partition>/`
//! (a segment log), and `groups/<group>/<topic>.json` (committed offsets).
//!
//! See ADR 1.

mod admin;
mod balance;
mod commits;
mod copy;
mod group;
mod publisher;
mod reader;
mod topic;
mod upkeep;

pub use copy::copy_topic;

use crate::Log;
use parking_lot::Mutex;
use segment_log::{FolderLock, LockError};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool, atomic::AtomicUsize},
    time::Duration,
};
use tokio::sync::watch;

/// How the embedded log is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment that is longer is sealed.
    pub segment_bytes: u64,
    /// Bytes of each of the journal's two files.
    pub journal_bytes: u64,
    /// Bytes of records that wait to be written, over all partitions.
    pub queue_bytes: usize,
    /// Records that wait to be written, over all partitions.
    pub queue_records: usize,
    /// How often committed offsets are written down.
    pub commit_interval: Duration,
    /// How often old records are looked for.
    pub retention_interval: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            journal_bytes: segment_log::JournalOptions::default().file_bytes,
            queue_bytes: 64 << 20,
            queue_records: 100_000,
            commit_interval: Duration::from_millis(500),
            retention_interval: Duration::from_secs(30),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("the journal: {0}")]
    Journal(#[source] segment_log::OpenError),
    #[error("topic `{topic}`: {source}")]
    Log {
        topic: String,
        source: segment_log::OpenError,
    },
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}

/// Opens or creates the log in a folder. Opening reads the last segment of every partition, on the
/// calling thread.
pub fn open_log(folder: &Path, options: Options) -> Result<(Log, Handle), OpenError> {
    let lock = FolderLock::acquire(folder)?;
    let load = Arc::new(EmbeddedLoad {
        bytes: AtomicUsize::new(0),
        records: AtomicUsize::new(0),
        failed: AtomicBool::new(false),
    });
    let topics = topic::EmbeddedTopics::open(folder, &options, &load)?;
    let commits = commits::Commits::open(folder).map_err(|source| OpenError::Io {
        path: folder.to_owned(),
        source,
    })?;
    let core = Arc::new(Core {
        topics,
        commits,
        groups: group::Coordinator::default(),
        options,
        load,
        closed: watch::channel(false).0,
        lock: Mutex::new(Some(lock)),
    });
    let upkeep = upkeep::start_upkeep(&core).map_err(|source| OpenError::Io {
        path: folder.to_owned(),
        source,
    })?;
    let log = Log {
        publisher: Arc::new(publisher::EmbeddedPublisher(core.clone())),
        reader: Arc::new(reader::EmbeddedReader(core.clone())),
        groups: Arc::new(group::EmbeddedGroups(core.clone())),
        admin: Arc::new(admin::EmbeddedAdmin(core.clone())),
    };
    Ok((
        log,
        Handle {
            core,
            upkeep: Some(upkeep),
        },
    ))
}

/// Closes the log when its time has come. Dropped without, the log closes with the last of its
/// clones.
pub struct Handle {
    core: Arc<Core>,
    upkeep: Option<std::thread::JoinHandle<()>>,
}

impl Handle {
    /// Commits what is queued, writes down the committed offsets, and refuses everything from now
    /// on, and lets go of the folder. Blocks for as long as that takes.
    pub fn close(mut self) {
        self.core.topics.close();
        self.core.closed.send_replace(true);
        if let Some(thread) = self.upkeep.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("the thread that maintains the embedded log panicked");
            }
        }
        self.core.commits.flush();
        drop(self.core.lock.lock().take());
    }

    /// As [`Handle::close`], for async code.
    pub async fn shutdown(self) {
        if tokio::task::spawn_blocking(|| self.close()).await.is_err() {
            tracing::error!("closing the embedded log panicked");
        }
    }
}

/// What all parts of an open log share.
struct Core {
    topics: topic::EmbeddedTopics,
    commits: commits::Commits,
    groups: group::Coordinator,
    options: Options,
    load: Arc<EmbeddedLoad>,
    closed: watch::Sender<bool>,
    /// Until the log is closed.
    lock: Mutex<Option<FolderLock>>,
}

impl Drop for Core {
    fn drop(&mut self) {
        // Closed or not, and before another may open the folder.
        if self.lock.lock().is_some() {
            self.commits.flush();
        }
    }
}

/// What waits to be written, over all partitions.
struct EmbeddedLoad {
    bytes: AtomicUsize,
    records: AtomicUsize,
    /// A sync failed somewhere.
    failed: AtomicBool,
}

/// Dropped while a completion was pending, or asked after the end.
const CLOSED: &str = "the log is closed";
