//! Whose connection is to be woken because something was pushed to it. A thousand that are woken at
//! once stand before everything else that has to run, the making of the next notification too; so
//! they are woken a few at a time, and what is pushed meanwhile leaves with the rest. It knows
//! nothing of what is pushed, and loses nobody.

use super::outbox::Outbox;
use parking_lot::Mutex;
use runtime::Shutdown;
use std::{collections::VecDeque, sync::Arc};
use tokio::{sync::Notify, task::yield_now};

/// Woken before others have their turn.
const AT_ONCE: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Each once, so never more than there are connections.
    waiting: Mutex<VecDeque<Arc<Outbox>>>,
    more: Notify,
}

impl Turns {
    pub(super) fn add(&self, outbox: Arc<Outbox>) {
        let mut waiting = self.waiting.lock();
        waiting.push_back(outbox);
        let first = waiting.len() == 1;
        drop(waiting);
        if first {
            self.more.notify_one();
        }
    }

    /// Runs until all must end.
    pub(crate) async fn run(self: Arc<Self>, shutdown: Shutdown) {
        let mut woken = Vec::with_capacity(AT_ONCE);
        loop {
            self.take(&mut woken);
            if woken.is_empty() {
                tokio::select! {
                    () = shutdown.hard() => return,
                    () = self.more.notified() => continue,
                }
            }
            woken.drain(..).for_each(|outbox| outbox.wake());
            yield_now().await;
        }
    }

    /// The next to be woken.
    pub(super) fn take(&self, woken: &mut Vec<Arc<Outbox>>) {
        let mut waiting = self.waiting.lock();
        let count = waiting.len().min(AT_ONCE);
        woken.extend(waiting.drain(..count));
        if waiting.is_empty() {
            waiting.shrink_to(AT_ONCE);
        }
    }
}
