//! Which of a committer's logs have something to commit. Must never wake a thread that is awake.

use crate::buffers::SpareBuffers;
use parking_lot::{Condvar, Mutex};
use std::{
    mem,
    sync::{Arc, OnceLock, Weak},
    thread::{self, ThreadId},
};

/// The lanes of one committer, and which of them it is to look at.
pub(crate) struct Hub<Lane> {
    pub buffers: SpareBuffers,
    state: Mutex<HubQueue<Lane>>,
    wake: Condvar,
    thread: OnceLock<ThreadId>,
}

struct HubQueue<Lane> {
    ready: Vec<Arc<Lane>>,
    all: Vec<Weak<Lane>>,
    sleeping: bool,
    closing: bool,
    failed: bool,
}

impl<Lane> Default for Hub<Lane> {
    fn default() -> Self {
        let queue = HubQueue {
            ready: Vec::new(),
            all: Vec::new(),
            sleeping: false,
            closing: false,
            failed: false,
        };
        Self {
            buffers: SpareBuffers::default(),
            state: Mutex::new(queue),
            wake: Condvar::new(),
            thread: OnceLock::new(),
        }
    }
}

impl<Lane> Hub<Lane> {
    /// From now on it is this one's turn when it is listed; not when the hub takes no more.
    pub fn join(&self, lane: &Arc<Lane>) -> bool {
        let mut state = self.state.lock();
        if state.closing || state.failed {
            return false;
        }
        state.all.retain(|lane| lane.strong_count() > 0);
        state.all.push(Arc::downgrade(lane));
        true
    }

    /// There is something to commit, or to close.
    pub fn list(&self, lane: Arc<Lane>) {
        let mut state = self.state.lock();
        state.ready.push(lane);
        if mem::take(&mut state.sleeping) {
            drop(state);
            self.wake.notify_one();
        }
    }

    pub fn list_again(&self, lanes: impl Iterator<Item = Arc<Lane>>) {
        let lanes: Vec<_> = lanes.collect();
        self.state.lock().ready.extend(lanes);
    }

    /// Waits until something is listed; `None` when all is done and closed.
    pub fn next(&self) -> Option<Vec<Arc<Lane>>> {
        let mut state = self.state.lock();
        while state.ready.is_empty() {
            if state.closing {
                return None;
            }
            state.sleeping = true;
            self.wake.wait(&mut state);
        }
        state.sleeping = false;
        Some(mem::take(&mut state.ready))
    }

    /// Takes no more, and ends when all that is listed is done. The lanes are to be closed before.
    pub fn close(&self) {
        self.state.lock().closing = true;
        self.wake.notify_one();
    }

    /// Answers the logs that were open.
    pub fn fail(&self) -> Vec<Arc<Lane>> {
        let mut state = self.state.lock();
        state.failed = true;
        state.ready.clear();
        drop(state);
        self.lanes()
    }

    pub fn has_failed(&self) -> bool {
        self.state.lock().failed
    }

    pub fn runs_on(&self, thread: ThreadId) {
        let _ = self.thread.set(thread);
    }

    /// Is the caller the thread that commits?
    pub fn is_current(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
    }

    pub fn lanes(&self) -> Vec<Arc<Lane>> {
        self.state
            .lock()
            .all
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }
}
