//! The thread that commits: takes all that is queued, writes it at once, syncs once, tells everyone. While it syncs the next batch gathers, so
//! batches form by themselves and a lone record waits for nobody. Must never tell anybody that a record is safe before the sync returned.

use crate::{
    AppendError, Appended, Completion, frame,
    log::{Shared, State},
    segment::{About, Segment},
};
use std::{
    io, mem,
    sync::{Arc, atomic::Ordering},
};

/// A buffer that grew beyond this is not kept for the next commit.
const SPARE: usize = 128 << 10;

pub(crate) struct Committer {
    shared: Arc<Shared>,
    active: Arc<Segment>,
    /// The last timestamp given.
    timestamp: i64,
    spare: Vec<u8>,
}

struct Batch {
    bytes: Vec<u8>,
    completions: Vec<Completion>,
}

enum Failure {
    /// The segment is as it was before.
    Rejected(io::Error),
    /// Nobody knows what is on the disk.
    Fatal(io::Error),
}

impl Committer {
    pub fn new(shared: Arc<Shared>, timestamp: i64) -> Self {
        let segments = shared.segments.read();
        let active = segments[segments.len() - 1].clone();
        drop(segments);
        Self { shared, active, timestamp, spare: Vec::new() }
    }

    pub fn run(mut self) {
        while let Some(mut batch) = self.next() {
            match self.commit(&mut batch) {
                Ok(first) => self.acknowledge(batch, first),
                Err(Failure::Rejected(error)) => {
                    tracing::error!(folder = %self.shared.folder.display(), %error, "records were refused: they could not be written");
                    reject(batch.completions, &AppendError::Rejected(error.to_string()));
                }
                Err(Failure::Fatal(error)) => return self.fail(batch, &error),
            }
        }
    }

    /// Waits for something to commit; `None` when the log is closed and all is committed.
    fn next(&mut self) -> Option<Batch> {
        let mut queue = self.shared.queue.lock();
        queue.committing = (0, 0);
        while queue.completions.is_empty() {
            if queue.state != State::Open {
                return None;
            }
            self.shared.wake.wait(&mut queue);
        }
        let bytes = mem::replace(&mut queue.bytes, mem::take(&mut self.spare));
        let completions = mem::take(&mut queue.completions);
        queue.committing = (bytes.len(), completions.len());
        Some(Batch { bytes, completions })
    }

    /// Answers the offset of the first record.
    fn commit(&mut self, batch: &mut Batch) -> Result<u64, Failure> {
        let first = self.shared.end.load(Ordering::Acquire);
        self.timestamp = self.timestamp.max((self.shared.options.clock)());
        if self.must_roll() {
            self.roll(first).map_err(Failure::Rejected)?;
        }
        let start = self.active.readable();
        let mut at = 0;
        for offset in first.. {
            if at == batch.bytes.len() {
                break;
            }
            let back = u32::try_from(at).map_err(|error| Failure::Rejected(io::Error::other(error)))?;
            let place = self.active.place(start + at as u64);
            at += frame::seal(&mut batch.bytes[at..], place, offset, self.timestamp, back);
        }
        self.write(start, &batch.bytes)?;
        self.publish(batch, first, start);
        Ok(first)
    }

    fn write(&self, start: u64, bytes: &[u8]) -> Result<(), Failure> {
        let (medium, file) = (&self.shared.medium, self.active.file());
        if let Err(error) = medium.write(file, start, bytes) {
            // What was half written must be gone for good before anyone hears that it was not written.
            return Err(match medium.truncate(file, start).and_then(|()| medium.sync(file)) {
                Ok(()) => Failure::Rejected(error),
                Err(fatal) => Failure::Fatal(fatal),
            });
        }
        if self.shared.options.sync {
            medium.sync(file).map_err(|error| {
                // So that a later opening does not take what the disk refused for safe because memory still has it.
                let _ = medium.truncate(file, start);
                Failure::Fatal(error)
            })?;
        }
        Ok(())
    }

    fn publish(&self, batch: &Batch, first: u64, start: u64) {
        let mut at = 0;
        for offset in first..first + batch.completions.len() as u64 {
            self.active.note(offset, start + at as u64);
            at += frame::length(&batch.bytes[at..]);
        }
        self.active.publish(start + batch.bytes.len() as u64);
        self.shared.end.store(first + batch.completions.len() as u64, Ordering::Release);
        self.shared.observe();
    }

    fn acknowledge(&mut self, batch: Batch, first: u64) {
        // Whoever hears that a record is safe finds its place in the queue free.
        self.shared.queue.lock().committing = (0, 0);
        for (offset, done) in (first..).zip(batch.completions) {
            done(Ok(Appended { offset, timestamp: self.timestamp }));
        }
        if batch.bytes.capacity() <= SPARE {
            self.spare = batch.bytes;
            self.spare.clear();
        }
    }

    fn must_roll(&self) -> bool {
        let options = &self.shared.options;
        let age = options.segment_age.map_or(i64::MAX, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let empty = self.active.readable() == crate::segment::HEADER as u64;
        !empty && (self.active.readable() >= options.segment_bytes || self.timestamp.saturating_sub(self.active.about.created) > age)
    }

    fn roll(&mut self, base: u64) -> io::Result<()> {
        if !self.shared.options.sync {
            // A sealed segment is whole even where single commits are not synced.
            self.shared.medium.sync(self.active.file())?;
        }
        let about = About { base, created: self.timestamp, compacted_end: None };
        self.active = Arc::new(Segment::create(self.shared.medium.as_ref(), &self.shared.folder, about)?);
        self.shared.segments.write().push(self.active.clone());
        Ok(())
    }

    fn fail(self, batch: Batch, error: &io::Error) {
        tracing::error!(folder = %self.shared.folder.display(), %error, "a sync failed: the log refuses records until it is opened again");
        let waiting = {
            let mut queue = self.shared.queue.lock();
            queue.state = State::Failed;
            queue.committing = (0, 0);
            queue.bytes = Vec::new();
            mem::take(&mut queue.completions)
        };
        reject(batch.completions, &AppendError::SyncFailed(error.to_string()));
        reject(waiting, &AppendError::Rejected("the sync before it failed".into()));
        self.shared.observe();
    }
}

fn reject(completions: Vec<Completion>, error: &AppendError) {
    for done in completions {
        done(Err(error.clone()));
    }
}
