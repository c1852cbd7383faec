//! What waits for a commit, in batches that are not too large for one. Must never touch the disk:
//! appending holds its lock.

use crate::{
    AppendError, Completion, MAX_COMMIT, MAX_RECORD, Options, Refused, buffers::SpareBuffers, frame,
};
use std::{collections::VecDeque, mem};

/// A batch that is longer gets no further record.
const BATCH: usize = 4 << 20;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Open,
    /// No more is taken; what waits is still committed.
    Closing,
    Closed,
    Failed,
}

#[derive(Default)]
pub(crate) struct CommitQueue {
    pub state: State,
    /// Does the committer know that there is something to do? It looks again after each round by
    /// itself.
    pub listed: bool,
    waiting: VecDeque<CommitBatch>,
    /// Of all that waits or is being committed.
    bytes: usize,
    records: usize,
}

#[derive(Default)]
pub(crate) struct CommitBatch {
    /// Frames made by [`frame::begin_frame`].
    pub bytes: Vec<u8>,
    pub completions: Vec<Completion>,
}

impl CommitBatch {
    pub fn reject(self, error: &AppendError) {
        for done in self.completions {
            done(Err(error.clone()));
        }
    }
}

impl CommitQueue {
    /// Answers whether the committer has to be told.
    pub fn push(
        &mut self,
        options: &Options,
        spare: &SpareBuffers,
        size: usize,
        fill: impl FnOnce(&mut Vec<u8>),
        done: Completion,
    ) -> Result<bool, Refused> {
        match self.state {
            State::Open => {}
            State::Closing | State::Closed => return Err(Refused::Closed),
            State::Failed => return Err(Refused::Failed),
        }
        let limit = options.record_limit.min(MAX_RECORD);
        let room = options.queue_bytes.min(MAX_COMMIT / 2);
        if self.records >= options.queue_records
            || (self.bytes > 0 && self.bytes + size + frame::OVERHEAD > room)
        {
            return Err(Refused::QueueFull);
        }
        let mut batch = match self.waiting.pop_back() {
            Some(last) if last.bytes.len() < BATCH => last,
            other => {
                self.waiting.extend(other);
                CommitBatch {
                    bytes: spare.take_buffer(),
                    completions: Vec::new(),
                }
            }
        };
        let start = batch.bytes.len();
        let fits = frame::begin_frame(&mut batch.bytes, fill) <= limit;
        if fits {
            self.bytes += batch.bytes.len() - start;
            self.records += 1;
            batch.completions.push(done);
        } else {
            batch.bytes.truncate(start);
        }
        if batch.completions.is_empty() {
            spare.keep_buffer(batch.bytes);
        } else {
            self.waiting.push_back(batch);
        }
        if fits {
            Ok(!mem::replace(&mut self.listed, true))
        } else {
            Err(Refused::TooLarge)
        }
    }

    pub fn take(&mut self) -> Option<CommitBatch> {
        self.waiting.pop_front()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// A batch of this many bytes and records is no longer in the way.
    pub fn settle(&mut self, bytes: usize, records: usize) {
        self.bytes -= bytes;
        self.records -= records;
    }

    /// Nothing will be committed any more: what waited.
    pub fn fail(&mut self) -> Vec<CommitBatch> {
        self.state = State::Failed;
        (self.bytes, self.records) = (0, 0);
        mem::take(&mut self.waiting).into()
    }
}
