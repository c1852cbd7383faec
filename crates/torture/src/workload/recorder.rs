//! Where everything that was seen is written down, with the time of the run. Shared by all clients.

use super::label::notification_label;
use crate::history::{AcknowledgedWrite, RunHistory, StatusLook, Subscription, TokenRead};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Recorder {
    began: Instant,
    is_over: AtomicBool,
    kept: Mutex<RecordedRun>,
}

#[derive(Debug, Default)]
struct RecordedRun {
    history: RunHistory,
    /// The token of each write.
    tokens: Vec<String>,
}

impl Recorder {
    pub(super) fn new(began: Instant) -> Self {
        Self {
            began,
            is_over: AtomicBool::new(false),
            kept: Mutex::default(),
        }
    }

    /// Milliseconds of the run.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// No more writes.
    pub(super) fn end_load(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_load_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub(super) fn write(&self, write: AcknowledgedWrite, token: String) -> usize {
        let mut kept = self.kept.lock();
        kept.history.writes.push(write);
        kept.tokens.push(token);
        kept.tokens.len() - 1
    }

    pub(super) fn look(&self, look: StatusLook) {
        self.kept.lock().history.looks.push(look);
    }

    pub(super) fn read(&self, read: TokenRead) {
        self.kept.lock().history.reads.push(read);
    }

    pub(super) fn uncertain(&self, key: &str) {
        self.kept.lock().history.uncertain.insert(key.to_owned());
    }

    /// What was heard, each by the request of its write where this run made it.
    pub(super) fn subscription(&self, mut subscription: Subscription) {
        let mut kept = self.kept.lock();
        let requests = kept.history.writes.iter().map(|write| &write.request);
        let requests: HashMap<_, _> = requests
            .map(|request| (notification_label(request), request))
            .collect();
        for change in &mut subscription.heard {
            if let Some(request) = requests.get(&change.request) {
                change.request.clone_from(request);
            }
        }
        kept.history.subscriptions.push(subscription);
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.kept.lock().tokens.len()
    }

    /// A write's request and token.
    pub(super) fn request(&self, write: usize) -> (String, String) {
        let kept = self.kept.lock();
        (
            kept.history.writes[write].request.clone(),
            kept.tokens[write].clone(),
        )
    }

    /// Looks at what is kept so far.
    pub(super) fn with<T>(&self, look: impl FnOnce(&RunHistory) -> T) -> T {
        look(&self.kept.lock().history)
    }

    pub(super) fn take(&self) -> RunHistory {
        std::mem::take(&mut self.kept.lock().history)
    }
}
