//! What becomes of one record, between the driver that learns it and the one caller who wants to
//! know: awaited, or handed to an observer. Must never answer twice, nor hold its lock while an
//! observer or a waker runs.

use super::{Appended, DeliveryError};
use parking_lot::Mutex;
use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

/// What became of a record.
pub type DeliveryOutcome = Result<Appended, DeliveryError>;

/// Hears of one record, on the driver's thread: must not block, nor call the driver.
pub type DeliveryObserver = Box<dyn FnOnce(DeliveryOutcome) + Send>;

enum DeliverySlot {
    Open,
    Awaited(Waker),
    Observed(DeliveryObserver),
    Resolved(DeliveryOutcome),
    /// Answered, or nobody wants to know.
    Done,
}

/// Resolves when the record is safe, or is known not to be. There is no time-out: while the log is
/// away it stays pending, however long that takes, and the caller bounds its own wait. Dropping it
/// does not withdraw the record.
pub struct Delivery(Arc<Mutex<DeliverySlot>>);

/// The driver's end. Dropped, the outcome is unknown.
pub struct DeliverySender(Arc<Mutex<DeliverySlot>>);

impl Delivery {
    /// For drivers: the two ends.
    pub fn pair() -> (DeliverySender, Self) {
        let slot = Arc::new(Mutex::new(DeliverySlot::Open));
        (DeliverySender(slot.clone()), Self(slot))
    }

    /// Instead of awaiting it: `observer` is called once, at once if the outcome is known already.
    pub fn observe(self, observer: DeliveryObserver) {
        let mut slot = self.0.lock();
        match mem::replace(&mut *slot, DeliverySlot::Done) {
            DeliverySlot::Open | DeliverySlot::Awaited(_) => {
                *slot = DeliverySlot::Observed(observer)
            }
            DeliverySlot::Resolved(outcome) => {
                drop(slot);
                observer(outcome);
            }
            DeliverySlot::Observed(_) | DeliverySlot::Done => {}
        }
    }
}

impl Future for Delivery {
    type Output = DeliveryOutcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.0.lock();
        match mem::replace(&mut *slot, DeliverySlot::Done) {
            DeliverySlot::Resolved(outcome) => Poll::Ready(outcome),
            DeliverySlot::Open | DeliverySlot::Awaited(_) | DeliverySlot::Observed(_) => {
                *slot = DeliverySlot::Awaited(cx.waker().clone());
                Poll::Pending
            }
            DeliverySlot::Done => panic!("a delivery was awaited after it had answered"),
        }
    }
}

impl DeliverySender {
    /// Answers whoever wants to know.
    pub fn send(self, outcome: DeliveryOutcome) {
        self.resolve(outcome);
    }

    fn resolve(&self, outcome: DeliveryOutcome) {
        let mut slot = self.0.lock();
        match mem::replace(&mut *slot, DeliverySlot::Done) {
            DeliverySlot::Open => *slot = DeliverySlot::Resolved(outcome),
            DeliverySlot::Awaited(waker) => {
                *slot = DeliverySlot::Resolved(outcome);
                drop(slot);
                waker.wake();
            }
            DeliverySlot::Observed(observer) => {
                drop(slot);
                observer(outcome);
            }
            DeliverySlot::Resolved(first) => *slot = DeliverySlot::Resolved(first),
            DeliverySlot::Done => {}
        }
    }
}

impl Drop for DeliverySender {
    fn drop(&mut self) {
        let lost = "the log was closed with the record in flight";
        self.resolve(Err(DeliveryError::Unknown(lost.into())));
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Delivery")
    }
}

impl fmt::Debug for DeliverySender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeliverySender")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn appended(offset: u64) -> Appended {
        Appended {
            partition: 0,
            offset,
            timestamp: 0,
        }
    }

    fn counting() -> (Arc<AtomicU64>, DeliveryObserver) {
        let heard = Arc::new(AtomicU64::new(0));
        let told = heard.clone();
        let observer = move |outcome: DeliveryOutcome| {
            let offset = outcome.map_or(1_000, |appended| appended.offset);
            told.fetch_add(offset, Ordering::SeqCst);
        };
        (heard, Box::new(observer))
    }

    #[test]
    fn an_observer_hears_once_whether_it_comes_before_or_after() {
        let (before, observer) = counting();
        let (sender, delivery) = Delivery::pair();
        delivery.observe(observer);
        sender.send(Ok(appended(7)));
        let (after, observer) = counting();
        let (sender, delivery) = Delivery::pair();
        sender.send(Ok(appended(9)));
        delivery.observe(observer);
        let (lost, observer) = counting();
        let (sender, delivery) = Delivery::pair();
        delivery.observe(observer);
        drop(sender);
        let heard = [before, after, lost].map(|heard| heard.load(Ordering::SeqCst));
        assert_eq!(heard, [7, 9, 1_000]);
    }

    #[tokio::test]
    async fn whoever_awaits_is_woken() {
        let (sender, delivery) = Delivery::pair();
        let waiting = runtime::spawn("waiting", async move {
            assert_eq!(delivery.await, Ok(appended(3)));
        });
        tokio::task::yield_now().await;
        sender.send(Ok(appended(3)));
        waiting.await.unwrap();
        let (sender, delivery) = Delivery::pair();
        drop(sender);
        assert!(matches!(delivery.await, Err(DeliveryError::Unknown(_))));
    }
}
