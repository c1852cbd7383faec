//! The thread that commits for one log or for many: takes what waits in all of them, writes it,
//! makes it safe at once, tells everyone. While it syncs the next batches gather, so rounds form by
//! themselves and a lone record waits for nobody. Must never tell anybody that a record is safe
//! before it is, nor let one log's full disk refuse another's records.

use crate::{
    AppendError,
    appender::{AppenderFailure, WrittenGroup},
    journal_files::JournalFiles,
    lane::{CommitHub, CommitLane},
    queue::CommitBatch,
};
use parking_lot::Mutex;
use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
};

/// The log was closed with something left: see [`SegmentLog::close`](crate::SegmentLog::close).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the thread that commits panicked")]
pub struct Closed;

/// The thread, seen from outside. Dropping it closes all its logs.
pub(crate) struct Committer {
    pub hub: Arc<CommitHub>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    /// With a journal every log's records are made safe there, else each in its segment.
    pub fn start(name: &str, journal: Option<JournalFiles>) -> io::Result<Self> {
        let hub = Arc::new(CommitHub::default());
        let rounds = Rounds {
            hub: hub.clone(),
            journal,
        };
        let thread = thread::Builder::new()
            .name(name.into())
            .stack_size(256 << 10)
            .spawn(move || rounds.run_rounds())?;
        hub.runs_on(thread.thread().id());
        Ok(Self {
            hub,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Commits what waits and ends the thread.
    pub fn close(&self) -> Result<(), Closed> {
        for lane in self.hub.lanes() {
            lane.begin_close();
        }
        self.hub.close();
        match self.thread.lock().take() {
            // A completion may hold the last handle: the thread cannot wait for itself.
            Some(thread) if thread.thread().id() != thread::current().id() => {
                thread.join().map_err(|_| Closed)
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        if self.close().is_err() {
            tracing::error!("the thread that commits panicked");
        }
    }
}

type WrittenLane = (Arc<CommitLane>, WrittenGroup);

struct Rounds {
    hub: Arc<CommitHub>,
    journal: Option<JournalFiles>,
}

/// Nothing can be trusted any more; with it what the round had written.
struct Fatal(Vec<WrittenLane>, io::Error);

impl Rounds {
    fn run_rounds(mut self) {
        let hub = self.hub.clone();
        let _dead = DeathNote(&hub);
        while let Some(lanes) = hub.next() {
            if let Err(Fatal(written, error)) = self.commit_round(&lanes) {
                self.fail_groups(written, &error);
                break;
            }
            hub.list_again(lanes.into_iter().filter(|lane| !lane.rest()));
        }
        // After a failure the journal may have what no segment has.
        if let Some(journal) = self.journal.as_mut().filter(|_| !hub.has_failed()) {
            journal.finish();
        }
    }

    fn commit_round(&mut self, lanes: &[Arc<CommitLane>]) -> Result<(), Fatal> {
        let mut written = Vec::with_capacity(lanes.len());
        for lane in lanes {
            let Some(batch) = lane.queue.lock().take() else {
                continue;
            };
            let result = lane.appender.lock().write(&lane.stored, batch);
            match result {
                Ok(done) => written.push((lane.clone(), done)),
                Err((batch, failure)) => refuse_batch(lane, batch, failure),
            }
        }
        let safe = match &mut self.journal {
            Some(journal) => through_journal(journal, written)?,
            None => sync_alone(written),
        };
        for (lane, written) in &safe {
            lane.appender.lock().publish(&lane.stored, written);
        }
        for (lane, written) in safe {
            // Whoever hears that a record is safe finds its place in the queue free.
            lane.queue
                .lock()
                .settle(written.batch.bytes.len(), written.batch.completions.len());
            self.hub.buffers.keep_buffer(written.acknowledge());
        }
        Ok(())
    }

    fn fail_groups(&self, written: Vec<WrittenLane>, error: &io::Error) {
        tracing::error!(%error, "a sync failed: nothing is appended until the logs are opened again");
        let waiting: Vec<_> = self
            .hub
            .fail()
            .into_iter()
            .map(|lane| (lane.stop(), lane))
            .collect();
        for (lane, written) in written {
            let _ = written.take_back(lane.stored.medium.as_ref());
            written
                .batch
                .reject(&AppendError::SyncFailed(error.to_string()));
        }
        for (batches, lane) in waiting {
            reject_waiting(batches);
            lane.stored.observe();
        }
    }
}

/// One entry for all; what is too large for that is synced where it is.
fn through_journal(
    journal: &mut JournalFiles,
    written: Vec<WrittenLane>,
) -> Result<Vec<WrittenLane>, Fatal> {
    if written.is_empty() {
        return Ok(written);
    }
    let mut room = journal.room();
    let (journaled, large): (Vec<_>, Vec<_>) = written.into_iter().partition(|(_, written)| {
        let fits = written.batch.bytes.len() <= room;
        room -= if fits { written.batch.bytes.len() } else { 0 };
        fits
    });
    let synced = large
        .iter()
        .try_for_each(|(lane, written)| written.segment.make_safe(lane.stored.medium.as_ref()));
    let done = synced.map_err(AppenderFailure::Fatal).and_then(|()| {
        if journaled.is_empty() {
            Ok(())
        } else {
            journal.commit(&journaled)
        }
    });
    match done {
        Ok(()) => Ok(journaled.into_iter().chain(large).collect()),
        Err(AppenderFailure::Fatal(error)) => {
            Err(Fatal(journaled.into_iter().chain(large).collect(), error))
        }
        Err(AppenderFailure::Rejected(error)) => {
            journaled
                .into_iter()
                .for_each(|(lane, written)| take_back(&lane, written, &error));
            Ok(large)
        }
    }
}

/// Each in its segment; answers those that are safe.
fn sync_alone(written: Vec<WrittenLane>) -> Vec<WrittenLane> {
    let mut safe = Vec::with_capacity(written.len());
    for (lane, written) in written {
        let medium = lane.stored.medium.clone();
        let synced = if lane.stored.options.sync {
            written.segment.make_safe(medium.as_ref())
        } else {
            Ok(())
        };
        match synced {
            Ok(()) => safe.push((lane, written)),
            Err(error) => {
                // So that a later opening does not take what the disk refused for safe because
                // memory still has it.
                let _ = written.take_back(medium.as_ref());
                fail_one(&lane, written.batch, &error);
            }
        }
    }
    safe
}

fn take_back(lane: &CommitLane, written: WrittenGroup, error: &io::Error) {
    let failure = match written.take_back(lane.stored.medium.as_ref()) {
        Ok(()) => AppenderFailure::Rejected(io::Error::new(error.kind(), error.to_string())),
        Err(fatal) => AppenderFailure::Fatal(fatal),
    };
    refuse_batch(lane, written.batch, failure);
}

fn refuse_batch(lane: &CommitLane, batch: CommitBatch, failure: AppenderFailure) {
    match failure {
        AppenderFailure::Rejected(error) => {
            tracing::error!(folder = %lane.stored.folder.display(), %error, "records were refused: they could not be written");
            lane.queue
                .lock()
                .settle(batch.bytes.len(), batch.completions.len());
            batch.reject(&AppendError::Rejected(error.to_string()));
        }
        AppenderFailure::Fatal(error) => fail_one(lane, batch, &error),
    }
}

/// The log refuses everything from now on; others are not concerned.
fn fail_one(lane: &CommitLane, batch: CommitBatch, error: &io::Error) {
    tracing::error!(folder = %lane.stored.folder.display(), %error, "a sync failed: the log refuses records until it is opened again");
    let waiting = lane.stop();
    batch.reject(&AppendError::SyncFailed(error.to_string()));
    reject_waiting(waiting);
    lane.stored.observe();
}

fn reject_waiting(batches: Vec<CommitBatch>) {
    for batch in batches {
        batch.reject(&AppendError::Rejected("the sync before it failed".into()));
    }
}

/// Says that the thread ended; if it panicked, nobody commits any more.
struct DeathNote<'a>(&'a CommitHub);

impl Drop for DeathNote<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            for lane in self.0.fail() {
                drop(lane.stop());
            }
        }
    }
}
