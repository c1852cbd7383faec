//! A log of opaque records in checksummed, append-only segment files, synced in groups. What is acknowledged is on the disk; what is on the
//! disk and does not pass its checksum is reported, never skipped and never handed out. Nothing here knows what a record means, and nothing
//! here is async.
//!
//! # The law of the format
//!
//! **Limits.** Little endian throughout. An offset and a position are u64. A record is 0 to [`MAX_RECORD`] bytes, and no longer than
//! [`Options::record_limit`] when appended. One commit is at most [`MAX_COMMIT`] bytes.
//!
//! **Layout.** A folder holds
//!
//! | file | what |
//! | --- | --- |
//! | `lock` | locked as long as a process has the log open; empty |
//! | `earliest` | the first offset that is kept: magic `CNSGEAR1`, offset u64, crc32c of both u32. Absent: the base of the first segment |
//! | `<base>.segment` | records from offset `base` (20 digits) on. The one with the greatest base is *active*, all others are *sealed* |
//! | `*.tmp` | unfinished, deleted when the log is opened |
//!
//! A segment is a header of [`segment::HEADER`] bytes — magic `CNSGLOG1`, base u64, created i64 (unix ms), end u64 (0, or for a compacted
//! segment the offset behind the last one it stands for), flags u32 (bit 0: compacted), crc32c of what precedes u32 — and frames, back to
//! back. A frame is
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..4 | `CRF1` ([`frame::MARK`]), never zero |
//! | 4..8 | length of the record |
//! | 8..16 | offset; in a segment that is not compacted always the one before plus 1 |
//! | 16..24 | timestamp, unix ms, never smaller than the one before |
//! | 24..28 | bytes from the start of the commit (the bytes made safe by one sync) to this frame |
//! | 28..32 | crc32c of segment base, position in the file and bytes 0..28 |
//! | 32..36 | crc32c of bytes 28..32 and the record |
//! | 36.. | the record, then one byte `A5` |
//!
//! Base and position are in the checksum, not in the frame: a copy of a frame elsewhere (a log stored in a log) is not a frame.
//!
//! **Protocol.** A commit is one write and one fdatasync; the next starts when that returned, so a valid frame of a later commit proves that
//! all before it was synced. A segment is sealed after its last sync, and the next one is created (header, fsync, fsync of the folder) before
//! anything is written to it. `earliest` and compacted segments are written beside, synced, and renamed.
//!
//! **Opening.** Sealed segments are trusted until read. The active segment is read to its end. At its first bad frame:
//! - a valid frame of a commit that began later follows → the bad one had been synced: *damage*, the log does not open;
//! - else the frame is the file's last and incomplete (its header is not all there, or is valid and reaches beyond the end) → *torn tail*,
//!   truncated: never acknowledged;
//! - else a whole aligned sector of [`frame::SECTOR`] bytes, cut to the rest of the file, is zero (written out of order before a power
//!   cut: marks and the last byte make sure that no sector at either end of a frame is zero by itself) → *torn tail*;
//! - else *damage*.
//!
//! A log that is not synced ([`Options::sync`]) is cut at its first bad frame whatever follows: commits may reach the disk in any order.
//!
//! A failed fsync is fatal: what was in that commit is of unknown outcome, and every later append is refused until the log is opened again.
//! A failed write (disk full) is not: the segment is cut back to the last commit and synced, and only then are the records refused.

mod appender;
mod commit;
mod compact;
mod earliest;
pub mod frame;
mod hub;
mod journal;
mod load;
mod lock;
mod log;
mod medium;
mod queue;
mod read;
mod recent;
mod recovery;
pub mod segment;

pub use compact::{Compacted, Kept};
pub use journal::{Journal, JournalOptions};
pub use lock::{FolderLock, LockError};
pub use log::{Bounds, Closed, OpenError, Opened, RetentionError, SegmentLog};
pub use read::{Cursor, Entry, ReadError};

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// No record may be longer, whatever the options say.
pub const MAX_RECORD: usize = 256 << 20;
/// No commit may be longer: frames count their distance from its start in 32 bits.
pub const MAX_COMMIT: usize = 1 << 30;

/// Where a record was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub offset: u64,
    /// Unix milliseconds.
    pub timestamp: i64,
}

/// Why a record was not even queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the queue is full")]
    QueueFull,
    #[error("the record is too large")]
    TooLarge,
    #[error("the log is closed")]
    Closed,
    /// An fsync failed: nothing may be appended before the log is opened again.
    #[error("the log failed and must be opened again")]
    Failed,
}

/// Why a queued record was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// It is not in the log (disk full).
    #[error("the record was not written: {0}")]
    Rejected(String),
    /// It may be in the log when that is opened again.
    #[error("the sync failed, so it is not known whether the record is in the log: {0}")]
    SyncFailed(String),
}

/// Called once, on the thread that syncs: must not block.
pub type Completion = Box<dyn FnOnce(Result<Appended, AppendError>) + Send>;
/// Told the new bounds after each commit, before its completions: must not block.
pub type Observer = Arc<dyn Fn(Bounds) + Send + Sync>;
/// Unix milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a log is kept.
#[derive(Clone)]
pub struct Options {
    /// A segment that is longer is sealed before the next commit.
    pub segment_bytes: u64,
    /// A segment that is older is sealed before the next commit, so that retention by age has something to drop.
    pub segment_age: Option<Duration>,
    /// Longest record that may be appended.
    pub record_limit: usize,
    /// Bytes that may wait for a commit; a single record always fits.
    pub queue_bytes: usize,
    /// Records that may wait for a commit.
    pub queue_records: usize,
    /// Sync before acknowledging? Without, a crash of the machine may lose acknowledged records (a crash of the process does not).
    pub sync: bool,
    pub observer: Option<Observer>,
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            segment_age: None,
            record_limit: 16 << 20,
            queue_bytes: 32 << 20,
            queue_records: 65_536,
            sync: true,
            observer: None,
            clock: Arc::new(system_clock),
        }
    }
}

fn system_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
