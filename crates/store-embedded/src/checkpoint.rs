//! Moves pages from the file's journal (SQLite's write-ahead log) into the file, on a thread beside
//! the one that writes: a checkpoint of some thousand pages takes as long as fifty transactions,
//! and whoever waits for one of those would wait for it, too.
//!
//! SQLite begins the journal again only when all of it stands in the file and no reader looks into
//! it. Under a steady load the thread is always a transaction late, and some reader always there. So
//! when little is left the thread that writes moves that itself, between two transactions, after it
//! has answered, and gives reads that have begun a moment to end; those that begin then no longer
//! need the journal. It must never let the journal grow without a bound: where the disk takes pages
//! more slowly than they come, writes wait. Only a read that takes long lets it grow.

use crate::{NAME, config::Config, schema};
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, hooks::Wal};
use std::{
    cell::Cell,
    ffi::c_int,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};
use store::StoreError;

/// How much may stand in the journal, in pages.
#[derive(Clone, Copy)]
pub struct JournalLimits {
    /// By which it grows before pages are moved.
    pub step: u32,
    /// By which it may grow while pages are moved, before writes wait for that.
    pub ahead: u32,
}

impl Default for JournalLimits {
    fn default() -> Self {
        Self {
            step: 4_000,
            ahead: 32_000,
        }
    }
}

/// How long a finished journal waits for reads that look into it, before it is tried again later.
const READS_END_WITHIN: Duration = Duration::from_millis(8);
/// A journal that could not begin again is tried when it has grown by this share of a step.
const SHARE_TO_RETRY: u32 = 4;
/// Passes of the thread over what came meanwhile, each much shorter than the one before.
const PASSES: usize = 2;

thread_local! {
    /// Pages of the journal after this thread's last transaction.
    static JOURNAL_PAGES: Cell<u32> = const { Cell::new(0) };
}

/// How far a checkpoint has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CheckpointProgress {
    /// None is going on.
    #[default]
    Idle,
    /// The thread moves pages.
    Moving,
    /// The thread has moved all but what came at last.
    AlmostDone,
}

#[derive(Default)]
struct SharedCheckpoint {
    progress: Mutex<CheckpointProgress>,
    changed: Condvar,
}

/// The thread, as the one that writes knows it.
pub struct Checkpoints {
    shared: Arc<SharedCheckpoint>,
    limits: JournalLimits,
    /// Pages of the journal at which the next checkpoint begins.
    due_at: u32,
    wake: Option<mpsc::SyncSender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Checkpoints {
    /// From now on the connection that writes makes no checkpoint by itself.
    pub fn start(
        writer: &Connection,
        config: &Config,
        limits: JournalLimits,
    ) -> Result<Self, StoreError> {
        let unavailable = |why: String| StoreError::Unavailable { store: NAME, why };
        let connection = schema::open_checkpointer(config)?;
        let shared = Arc::new(SharedCheckpoint::default());
        let (wake, woken) = mpsc::sync_channel(1);
        let thread = thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn({
                let shared = shared.clone();
                move || move_pages_when_woken(&connection, &shared, &woken)
            })
            .map_err(|error| unavailable(format!("no thread for checkpoints: {error}")))?;
        writer.wal_hook(Some(note_journal_pages));
        Ok(Self {
            shared,
            limits,
            due_at: limits.step,
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// Behind each transaction, on the thread that writes.
    pub fn follow_transaction(&mut self, writer: &Connection) {
        let pages = JOURNAL_PAGES.get();
        if pages < self.limits.step {
            // The journal has begun again, or is short.
            self.due_at = self.limits.step;
        }
        let progress = *self.shared.progress.lock();
        match progress {
            CheckpointProgress::Idle if pages >= self.due_at => self.begin(pages),
            CheckpointProgress::Idle => {}
            CheckpointProgress::Moving if pages < self.due_at.saturating_add(self.limits.ahead) => {
            }
            CheckpointProgress::Moving => self.wait(),
            CheckpointProgress::AlmostDone => {
                if !begin_journal_again(writer) {
                    self.due_at = pages.saturating_add(self.limits.step / SHARE_TO_RETRY);
                }
                *self.shared.progress.lock() = CheckpointProgress::Idle;
            }
        }
    }

    fn begin(&mut self, pages: u32) {
        self.due_at = pages.saturating_add(self.limits.step);
        *self.shared.progress.lock() = CheckpointProgress::Moving;
        if let Some(wake) = &self.wake
            && wake.try_send(()).is_err()
        {
            *self.shared.progress.lock() = CheckpointProgress::AlmostDone;
        }
    }

    fn wait(&self) {
        let mut progress = self.shared.progress.lock();
        self.shared.changed.wait_while(&mut progress, |progress| {
            *progress == CheckpointProgress::Moving
        });
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Moves what is left, so that the next transaction begins the journal again; false where a reader
/// still looks into it.
fn begin_journal_again(writer: &Connection) -> bool {
    let begin = || -> rusqlite::Result<bool> {
        writer.busy_timeout(READS_END_WITHIN)?;
        let is_busy = writer.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| {
            row.get::<_, i64>(0)
        });
        writer.busy_timeout(schema::LOCK_TIMEOUT)?;
        Ok(is_busy? == 0)
    };
    begin().unwrap_or_else(|error| {
        tracing::warn!(%error, "a checkpoint of the embedded store failed");
        false
    })
}

fn note_journal_pages(_: &Wal, pages: c_int) -> rusqlite::Result<()> {
    JOURNAL_PAGES.set(pages.unsigned_abs());
    Ok(())
}

fn move_pages_when_woken(
    connection: &Connection,
    shared: &SharedCheckpoint,
    woken: &mpsc::Receiver<()>,
) {
    while woken.recv().is_ok() {
        // Also if it panics: the thread that writes must not wait for a thread that is gone.
        let _almost_done = AlmostDoneAtLast(shared);
        (0..PASSES).for_each(|_| move_pages(connection));
    }
}

/// Dropped, the thread that writes does the rest.
struct AlmostDoneAtLast<'a>(&'a SharedCheckpoint);

impl Drop for AlmostDoneAtLast<'_> {
    fn drop(&mut self) {
        *self.0.progress.lock() = CheckpointProgress::AlmostDone;
        self.0.changed.notify_all();
    }
}

/// Moves what no reader needs in the journal. What fails stays there and is tried again with what
/// comes next.
fn move_pages(connection: &Connection) {
    let moved = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    if let Err(error) = moved {
        tracing::warn!(%error, "a checkpoint of the embedded store failed");
    }
}

#[cfg(test)]
mod tests;
