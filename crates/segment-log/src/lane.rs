//! A log as the thread that commits sees it: what waits in it, where that is appended, and whether
//! it is being closed. Must never hold the queue's lock while it touches the disk.

use crate::{
    Completion, MAX_RECORD, Refused,
    appender::Appender,
    hub::Hub,
    lock::FolderLock,
    queue::{CommitBatch, CommitQueue, State},
    segment::SegmentList,
    stored::StoredLog,
};
use parking_lot::{Condvar, Mutex};
use std::{io, sync::Arc};

/// The logs that one thread commits.
pub(crate) type CommitHub = Hub<CommitLane>;

pub(crate) struct CommitLane {
    pub stored: StoredLog,
    pub queue: Mutex<CommitQueue>,
    pub appender: Mutex<Appender>,
    hub: Arc<CommitHub>,
    /// Told when a closing log is closed.
    closed: Condvar,
    lock: Mutex<Option<FolderLock>>,
}

impl CommitLane {
    pub fn new(
        stored: StoredLog,
        appender: Appender,
        hub: Arc<CommitHub>,
        lock: FolderLock,
    ) -> Self {
        Self {
            stored,
            queue: Mutex::default(),
            appender: Mutex::new(appender),
            hub,
            closed: Condvar::new(),
            lock: Mutex::new(Some(lock)),
        }
    }

    /// Queues a record of about `size` bytes, written by `fill`.
    pub fn push_record(
        self: &Arc<Self>,
        size: usize,
        fill: impl FnOnce(&mut Vec<u8>),
        done: Completion,
    ) -> Result<(), Refused> {
        let options = &self.stored.options;
        if size > options.record_limit.min(MAX_RECORD) {
            return Err(Refused::TooLarge);
        }
        let spare = &self.hub.buffers;
        let first = self.queue.lock().push(options, spare, size, fill, done)?;
        if first {
            self.hub.list(self.clone());
        }
        Ok(())
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
        let segments: SegmentList = if self.stored.is_journaled() {
            self.stored.segments.read().clone()
        } else {
            SegmentList::new()
        };
        if let Err(error) = segments
            .iter()
            .try_for_each(|segment| segment.make_safe(self.stored.medium.as_ref()))
        {
            tracing::error!(folder = %self.stored.folder.display(), %error, "the log could not be synced: only the journal has its last records");
        }
        self.let_go();
        self.queue.lock().state = State::Closed;
        self.closed.notify_all();
    }

    /// Nothing is committed any more. Answers what waited.
    pub fn stop(&self) -> Vec<CommitBatch> {
        let waiting = self.queue.lock().fail();
        self.closed.notify_all();
        waiting
    }

    /// Waits until what was queued is committed; not on the thread that commits, which cannot wait
    /// for itself and finishes this when it is idle. Answers whether it waited.
    pub fn wait_closed(&self) -> bool {
        if self.hub.is_current() {
            return false;
        }
        let mut queue = self.queue.lock();
        while queue.state == State::Closing {
            self.closed.wait(&mut queue);
        }
        true
    }

    /// Lets go of the folder.
    pub fn let_go(&self) {
        drop(self.lock.lock().take());
    }

    /// A closed log may be open elsewhere: nothing is changed in its folder any more.
    pub fn holds_folder(&self) -> io::Result<()> {
        match *self.lock.lock() {
            Some(_) => Ok(()),
            None => Err(io::Error::other("the log is closed")),
        }
    }
}
