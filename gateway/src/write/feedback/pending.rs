//! Who waits for which request: a bounded table. It must never hold a waiter that went away.

use event_schema::{id::RequestId, outcome::LedgerEntry};
use parking_lot::Mutex;
use std::{borrow::Cow, collections::HashMap, sync::Arc, time::Duration};
use tokio::{sync::oneshot, time::Instant};

/// The table.
#[derive(Debug)]
pub(crate) struct PendingRequests {
    slots: Mutex<HashMap<[u8; 16], Slot>>,
    limit: usize,
}

#[derive(Debug)]
struct Slot {
    request: RequestId,
    /// When it began to wait, or was last looked up.
    asked: Instant,
    waiters: Vec<oneshot::Sender<Arc<LedgerEntry>>>,
}

/// One that waits. Dropped, it leaves the table.
#[derive(Debug)]
pub(crate) struct FeedbackWaiter {
    table: Arc<PendingRequests>,
    unique: [u8; 16],
    receiver: oneshot::Receiver<Arc<LedgerEntry>>,
}

impl PendingRequests {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            slots: Mutex::new(HashMap::new()),
            limit,
        }
    }

    /// Begins to wait; `None` if too many do.
    pub(crate) fn expect(self: &Arc<Self>, request: RequestId) -> Option<FeedbackWaiter> {
        let (sender, receiver) = oneshot::channel();
        let mut slots = self.slots.lock();
        if slots.len() >= self.limit {
            return None;
        }
        let slot = slots.entry(request.unique()).or_insert_with(|| Slot {
            request,
            asked: Instant::now(),
            waiters: Vec::with_capacity(1),
        });
        slot.waiters.push(sender);
        Some(FeedbackWaiter {
            table: self.clone(),
            unique: request.unique(),
            receiver,
        })
    }

    /// Gives a verdict to all who wait for it; false if nobody does.
    pub(crate) fn resolve(&self, entry: Cow<'_, LedgerEntry>) -> bool {
        let Some(slot) = self.slots.lock().remove(&entry.request.unique()) else {
            return false;
        };
        let entry = Arc::new(entry.into_owned());
        for waiter in slot.waiters {
            drop(waiter.send(entry.clone()));
        }
        true
    }

    /// Requests that were not looked up for `patience`, those that wait longest first, at most
    /// `most`; they count as looked up now.
    pub(crate) fn overdue(&self, patience: Duration, most: usize) -> Vec<RequestId> {
        let now = Instant::now();
        let mut slots = self.slots.lock();
        let mut due: Vec<_> = slots
            .values_mut()
            .filter(|slot| now.duration_since(slot.asked) >= patience)
            .collect();
        due.sort_unstable_by_key(|slot| slot.asked);
        due.truncate(most);
        due.iter_mut().for_each(|slot| slot.asked = now);
        due.into_iter().map(|slot| slot.request).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.lock().len()
    }
}

impl FeedbackWaiter {
    /// The verdict; `None` if the table was dropped.
    pub(crate) async fn verdict(mut self) -> Option<Arc<LedgerEntry>> {
        (&mut self.receiver).await.ok()
    }
}

impl Drop for FeedbackWaiter {
    fn drop(&mut self) {
        self.receiver.close();
        let mut slots = self.table.slots.lock();
        if let Some(slot) = slots.get_mut(&self.unique) {
            slot.waiters.retain(|waiter| !waiter.is_closed());
            if slot.waiters.is_empty() {
                slots.remove(&self.unique);
            }
        }
    }
}

#[cfg(test)]
mod tests;
