//! Whether a tenure still is the partition's. An append of it that landed where it must shows that
//! no other owner had begun when it was *sent*: a process that was frozen hears of it late. Whoever
//! writes outside of the log looks before each attempt; if the last such append was sent more than a
//! minute ago, another one must land first. Must never count when a delivery was heard of.

use crate::tenure_end::TenureEnd;
use runtime::Clock;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

/// Beyond that, others may long have taken the partition.
const BELIEVED: Duration = Duration::from_secs(60);

/// Of one tenure. Clones share it.
#[derive(Clone)]
pub(crate) struct Liveness {
    clock: Arc<dyn Clock>,
    /// When the newest append that landed was sent, by a clock that counts suspension.
    proven: Arc<watch::Sender<Duration>>,
    asked: Arc<Notify>,
}

impl Liveness {
    /// A tenure whose open was sent then.
    pub fn new(clock: Arc<dyn Clock>, sent: Duration) -> Self {
        Self {
            clock,
            proven: Arc::new(watch::Sender::new(sent)),
            asked: Arc::new(Notify::new()),
        }
    }

    pub fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// An append that was sent then has landed where it must.
    pub fn landed(&self, sent: Duration) {
        self.proven.send_if_modified(|proven| {
            let is_newer = sent > *proven;
            *proven = sent.max(*proven);
            is_newer
        });
    }

    fn is_proven(&self) -> bool {
        self.now().saturating_sub(*self.proven.borrow()) < BELIEVED
    }

    /// Waits until the tenure is proven, having asked for it.
    pub async fn prove(&self) {
        let mut proven = self.proven.subscribe();
        while !self.is_proven() {
            self.asked.notify_one();
            // The sender is held here.
            _ = proven.changed().await;
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
