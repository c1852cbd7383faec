//! When subscriptions were last looked at. Whoever tells them something waits here for a look that is young
//! enough: a process that was frozen, or whose looks take long, tells nothing that was taken away meanwhile.

use runtime::Clock;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

/// For how long after a sweep began subscriptions are told by it, by a clock that counts suspension.
/// Whoever takes something away waits for it, too, after what others had read is believed no more.
pub(crate) const TOLD_FOR: Duration = Duration::from_secs(1);

/// See the module's header.
pub(crate) struct SweepTimes {
    clock: Arc<dyn Clock>,
    /// When the last sweep began that is done.
    began: watch::Sender<Option<Duration>>,
    wanted: Notify,
}

impl SweepTimes {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            began: watch::Sender::new(None),
            wanted: Notify::new(),
        }
    }

    /// `began`: by [`Clock::elapsed`].
    pub(crate) fn sweep_done(&self, began: Duration) {
        self.began.send_replace(Some(began));
    }

    /// Somebody waits for the next sweep.
    pub(crate) async fn next_wanted(&self) {
        self.wanted.notified().await;
    }

    /// Returns once a sweep is done that began at most [`TOLD_FOR`] before the call.
    pub(crate) async fn recent_sweep(&self) {
        let oldest = self.clock.elapsed().saturating_sub(TOLD_FOR);
        let is_young = |began: &Option<Duration>| began.is_some_and(|began| began >= oldest);
        if is_young(&self.began.borrow()) {
            return;
        }
        self.wanted.notify_one();
        // The sender lives as long as this.
        let _ = self.began.subscribe().wait_for(is_young).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::clock::ManualClock;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn what_is_told_waits_for_a_sweep_that_began_lately() {
        let clock = Arc::new(ManualClock::default());
        let times = SweepTimes::new(clock.clone());
        let waits = async || {
            let patience = Duration::from_secs(60);
            timeout(patience, times.recent_sweep()).await.is_err()
        };
        assert!(waits().await, "nobody looked yet");
        times.sweep_done(clock.elapsed());
        clock.advance(1_000);
        assert!(!waits().await);
        clock.advance(1);
        assert!(waits().await, "it is too old");
        times.sweep_done(Duration::ZERO);
        assert!(waits().await, "it began before the process was frozen");
        times.sweep_done(clock.elapsed());
        assert!(!waits().await);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_a_sweep_need_not_wait_for_its_hour() {
        let times = SweepTimes::new(Arc::new(ManualClock::default()));
        let sweeper = async {
            times.next_wanted().await;
            times.sweep_done(Duration::ZERO);
        };
        let both = async { tokio::join!(times.recent_sweep(), sweeper) };
        assert!(timeout(Duration::from_secs(60), both).await.is_ok());
    }
}
