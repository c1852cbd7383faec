//! Which of a committer's logs have something to commit. Must never wake a thread that is awake.

use crate::{buffers::SpareBuffers, log::LogShared};
use parking_lot::{Condvar, Mutex};
use std::{
    mem,
    sync::{Arc, OnceLock, Weak},
    thread::{self, ThreadId},
};

#[derive(Default)]
pub(crate) struct Hub {
    pub buffers: SpareBuffers,
    state: Mutex<HubQueue>,
    wake: Condvar,
    thread: OnceLock<ThreadId>,
}

#[derive(Default)]
struct HubQueue {
    ready: Vec<Arc<LogShared>>,
    all: Vec<Weak<LogShared>>,
    sleeping: bool,
    closing: bool,
    failed: bool,
}

impl Hub {
    /// From now on it is this one's turn when it is listed; not when the hub takes no more.
    pub fn join(&self, lane: &Arc<LogShared>) -> bool {
        let mut state = self.state.lock();
        if state.closing || state.failed {
            return false;
        }
        state.all.retain(|lane| lane.strong_count() > 0);
        state.all.push(Arc::downgrade(lane));
        true
    }

    /// There is something to commit, or to close.
    pub fn list(&self, lane: Arc<LogShared>) {
        let mut state = self.state.lock();
        state.ready.push(lane);
        if mem::take(&mut state.sleeping) {
            drop(state);
            self.wake.notify_one();
        }
    }

    pub fn list_again(&self, lanes: impl Iterator<Item = Arc<LogShared>>) {
        let lanes: Vec<_> = lanes.collect();
        self.state.lock().ready.extend(lanes);
    }

    /// Waits until something is listed; `None` when all is done and closed.
    pub fn next(&self) -> Option<Vec<Arc<LogShared>>> {
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

    pub fn close(&self) {
        for lane in self.lanes() {
            lane.begin_close();
        }
        self.state.lock().closing = true;
        self.wake.notify_one();
    }

    /// Answers the logs that were open.
    pub fn fail(&self) -> Vec<Arc<LogShared>> {
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

    fn lanes(&self) -> Vec<Arc<LogShared>> {
        self.state
            .lock()
            .all
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }
}
