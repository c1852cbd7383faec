//! A log of opaque records in checksummed, append-only segment files, synced in groups; many logs
//! can share a journal, so that one sync makes safe what waits in all of them. What is acknowledged
//! is on the disk; what is on the disk and does not pass its checksum is reported, never skipped
//! and never handed out. Nothing here knows what a record means, and nothing here is async.
//!
//! # The law of the format
//!
//! **Limits.** Little endian throughout. An offset and a position are u64. A record is 0 to
//! [`MAX_RECORD`] bytes, and no longer than [`Options::record_limit`] when appended. One commit is
//! at most [`MAX_COMMIT`] bytes.
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
//! A segment is a header of [`segment::HEADER`] bytes — magic `CNSGLOG1`, base u64, created i64
//! (unix ms), end u64 (0, or for a compacted segment the offset behind the last one it stands for),
//! flags u32 (bit 0: compacted), crc32c of what precedes u32 — and frames, back to back. A frame is
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..4 | `CRF1` ([`frame::MARK`]), never zero |
//! | 4..8 | length of the record |
//! | 8..16 | offset; in a segment that is not compacted always the one before plus 1 |
//! | 16..24 | timestamp, unix ms, never smaller than the one before |
//! | 24..28 | bytes from the start of the commit (the bytes made safe at once) to this frame |
//! | 28..32 | crc32c of segment base, position in the file and bytes 0..28 |
//! | 32..36 | crc32c of bytes 28..32 and the record |
//! | 36.. | the record, then one byte `A5` |
//!
//! Base and position are in the checksum, not in the frame: a copy of a frame elsewhere (a log
//! stored in a log) is not a frame.
//!
//! **Protocol of a log alone.** A commit is one write and one fdatasync; the next starts when that
//! returned, so a valid frame of a later commit proves that all before it was synced. A segment is
//! sealed after its last sync, and the next one is created (header, fsync, fsync of the folder)
//! before anything is written to it. `earliest` and compacted segments are written beside, synced,
//! and renamed.
//!
//! **Opening.** Sealed segments are trusted until read. The active segment is read to its end. At
//! its first bad frame:
//! - a valid frame of a commit that began later follows → the bad one had been synced: *damage*,
//!   the log does not open;
//! - else the frame is the file's last and incomplete (its header is not all there, or is valid and
//!   reaches beyond the end) → *torn tail*, truncated: never acknowledged;
//! - else a whole aligned sector of [`frame::SECTOR`] bytes, cut to the rest of the file, is zero
//!   (written out of order before a power cut: marks and the last byte make sure that no sector at
//!   either end of a frame is zero by itself) → *torn tail*;
//! - else *damage*.
//!
//! What is left is synced before anybody reads it: a process that died between writing and syncing
//! left it in memory only. A last segment that is no longer than a header and has none is removed:
//! nothing is written behind a header before that is synced.
//!
//! A log that is not synced ([`Options::sync`]) is cut at its first bad frame whatever follows:
//! commits may reach the disk in any order.
//!
//! A failed fsync is fatal: what was in that commit is of unknown outcome, and every later append
//! is refused until the log is opened again. A failed write (disk full) is not: the segment is cut
//! back to the last commit and synced, and only then are the records refused.
//!
//! # The journal
//!
//! **Layout.** [`Journal::FOLDER`] beside its logs' folders holds `lock` and the files `0.journal`
//! and `1.journal`, made of sectors of 512 bytes:
//!
//! | bytes | what |
//! | --- | --- |
//! | 0..496 | a part of an entry |
//! | 496..504 | sequence number of the entry |
//! | 504..508 | how many of its sectors come before this one |
//! | 508..512 | crc32c of the file's number u32, the position in it u64, and bytes 0..508 |
//!
//! An entry is magic `CNSGJNL1`, length of what follows u64, and sections: length and bytes of a
//! log's name (its folder from the root, UTF-8), segment base u64, position u64, length u32, and
//! the bytes that stand there in that segment. Entries begin at multiples of 4096, the first at
//! 4096, so a block with an entry that counts is never written again. A file's first sector, unless
//! it is zero, is magic `CNSGJFL1`, and its sequence number is the file's *floor*: no entry up to
//! it counts, in either file. Entries are numbered without a gap. A file grows by zeros that are
//! written; from then on a sync of it writes data only.
//!
//! **Protocol.** In a round each log that has something writes one commit to its segment, without a
//! sync. One entry has them all; one fdatasync of the journal makes them safe, and only then is any
//! of them readable or acknowledged, and the next round begun. Commits that are too large for that
//! are synced in their segments, before the entry. A segment is created without a sync: its header
//! is part of its first section. When a file is full the other one is written, and this one is
//! *emptied* beside it: all segments that its entries concern are synced, names in their folders
//! included, and then its floor is raised. A file is only written again when it is empty, and only
//! emptied when the other is. Closing a log syncs it; closing the journal empties both files. A log
//! that a journal left after a crash is whole only when that was opened again.
//!
//! **Opening.** Before any log is opened, the entries with the numbers from the greater floor plus
//! 1 on are written to the segments and these synced; then both floors are raised to the greatest
//! number that stands anywhere. A disk writes a sector or does not, so each sector is zero, or
//! valid, or *damage*; of the two former:
//! - an entry whose sectors are not all there was never synced: it ends the journal;
//! - a sector with a number greater than that entry's, anywhere, proves that it had been synced:
//!   *damage*;
//! - smaller numbers are leftovers of an earlier use.
//!
//! A section must follow bytes that are there, or begin the file: else what was once synced is
//! missing, *damage*. Not written are sections of segments that lie in one that is compacted, or
//! that are not there and before one that begins at or below `earliest`; both were made permanent
//! before anything was deleted. Until it is known that everything fits, nothing is changed.
//!
//! Then each log is opened as above, and the same rules hold: all that was acknowledged is in the
//! segments, behind it stands at most one commit that was not (the next round begins when the one
//! before was synced), so a valid frame of a later commit still proves what it did. But as segments
//! are now created without a sync, a last one without a header is also removed when its first
//! sector is zero and no valid frame of a later commit stands in it; and a segment that lies in a
//! compacted one is removed unread.
//!
//! A failed fsync, of the journal or of a segment that is emptied, is fatal for all its logs. A
//! full disk refuses: the records of one log if its segment could not be written; all of a round if
//! the entry could not, after that was zeroed and synced.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

mod appender;
mod buffers;
mod commit;
mod compact;
mod earliest;
pub mod frame;
mod hub;
mod journal;
mod journal_files;
mod lane;
mod load;
mod lock;
mod log;
pub mod medium;
mod queue;
mod read;
mod recent;
mod recovery;
pub mod segment;
mod stored;

pub use commit::Closed;
pub use compact::{Compacted, Kept};
pub use journal::{Journal, JournalOptions};
pub use load::OpenError;
pub use lock::{FolderLock, LOCK_FILE, LockError, create_folder};
pub use log::{Opened, SegmentLog};
pub use read::{Cursor, Entry, ReadError};
pub use stored::{Bounds, RetentionError};

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
    /// A segment that is older is sealed before the next commit, so that retention by age has
    /// something to drop.
    pub segment_age: Option<Duration>,
    /// Longest record that may be appended.
    pub record_limit: usize,
    /// Bytes that may wait for a commit; a single record always fits.
    pub queue_bytes: usize,
    /// Records that may wait for a commit.
    pub queue_records: usize,
    /// Sync before acknowledging? Without (and so without a journal), a crash of the machine may
    /// lose acknowledged records (a crash of the process does not).
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

#[expect(
    clippy::disallowed_methods,
    reason = "the default of a parameter, in a crate that knows nothing of the pipeline"
)]
fn system_clock() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}
