//! Connections that are to be woken because something was pushed to them. A thousand that are woken
//! at once run before everything else, the making of the next message included; so they are woken a
//! few at a time, and what is pushed meanwhile leaves with the rest. It must lose no connection, and
//! knows nothing of what is pushed.

use parking_lot::Mutex;
use runtime::Shutdown;
use std::{collections::VecDeque, fmt, sync::Arc};
use tokio::{sync::Notify, task::yield_now};

/// Woken before other tasks run.
const AT_ONCE: usize = 64;

/// What can be queued here.
pub(crate) trait Wakeable: fmt::Debug + Send + Sync {
    /// Lets its connection's task run.
    fn wake(&self);
}

/// Outboxes whose connections are to be woken. One queue serves all connections of a process.
#[derive(Debug, Default)]
pub struct WakeQueue {
    /// Each once, so never more than there are connections.
    waiting: Mutex<VecDeque<Arc<dyn Wakeable>>>,
    more: Notify,
}

impl WakeQueue {
    pub(crate) fn enqueue(&self, wakeable: Arc<dyn Wakeable>) {
        let mut waiting = self.waiting.lock();
        waiting.push_back(wakeable);
        let first = waiting.len() == 1;
        drop(waiting);
        if first {
            self.more.notify_one();
        }
    }

    /// Wakes connections until the hard stop.
    pub async fn run(self: Arc<Self>, shutdown: Shutdown) {
        let mut woken = Vec::with_capacity(AT_ONCE);
        loop {
            self.take(&mut woken);
            if woken.is_empty() {
                tokio::select! {
                    () = shutdown.hard() => return,
                    () = self.more.notified() => continue,
                }
            }
            woken.drain(..).for_each(|wakeable| wakeable.wake());
            yield_now().await;
        }
    }

    /// The next to be woken.
    pub(crate) fn take(&self, woken: &mut Vec<Arc<dyn Wakeable>>) {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(AT_ONCE);
        woken.extend(waiting.drain(..count));
        if waiting.is_empty() {
            waiting.shrink_to(AT_ONCE);
        }
    }
}
