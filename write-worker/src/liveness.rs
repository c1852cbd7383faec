//! Whether a tenure still is the partition's. An append of it that landed where it must shows that
//! no other owner had begun when it was *sent*: a process that was frozen hears of it late. Whoever
//! writes outside of the log looks before each attempt; if the last such append was sent more than a
//! minute ago, another one must land first. Must never count when a delivery was heard of.

use crate::tenure_end::TenureEnd;
use parking_lot::Mutex;
use runtime::Clock;
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Beyond that, others may long have taken the partition.
const BELIEVED: Duration = Duration::from_secs(60);

/// Of one tenure. Clones share it.
#[derive(Clone)]
pub(crate) struct Liveness {
    clock: Arc<dyn Clock>,
    /// When the newest append that landed was sent, by a clock that counts suspension.
    proven: Arc<Mutex<Duration>>,
    landed: Arc<Notify>,
    asked: Arc<Notify>,
}

impl Liveness {
    /// A tenure whose open was sent then.
    pub fn new(clock: Arc<dyn Clock>, sent: Duration) -> Self {
        Self {
            clock,
            proven: Arc::new(Mutex::new(sent)),
            landed: Arc::new(Notify::new()),
            asked: Arc::new(Notify::new()),
        }
    }

    pub fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// An append that was sent then has landed where it must.
    pub fn landed(&self, sent: Duration) {
        let mut proven = self.proven.lock();
        let is_newer = sent > *proven;
        *proven = sent.max(*proven);
        drop(proven);
        if is_newer {
            self.landed.notify_waiters();
        }
    }

    fn is_proven(&self) -> bool {
        self.now().saturating_sub(*self.proven.lock()) < BELIEVED
    }

    /// Waits until the tenure is proven, having asked for it.
    pub async fn prove(&self) {
        loop {
            let landed = self.landed.notified();
            if self.is_proven() {
                return;
            }
            self.asked.notify_one();
            landed.await;
        }
    }

    /// The tenure goes on only if it is proven.
    pub fn check(&self) -> Result<(), TenureEnd> {
        if self.is_proven() {
            return Ok(());
        }
        let why = "no append has landed for a minute: another owner may have begun";
        Err(TenureEnd::Reclaim(why.into()))
    }

    /// Resolves when a proof is waited for. Cancel-safe.
    pub async fn asked(&self) {
        loop {
            self.asked.notified().await;
            // It may have come by itself meanwhile.
            if !self.is_proven() {
                return;
            }
        }
    }
}
