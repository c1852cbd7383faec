//! Stopping, in two levels: soft (finish what is in hand, take nothing new) and hard (now). The
//! first signal is soft, a second or the deadline is hard.

use crate::spawn::spawn;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Seen by everything that runs. Clones share the same fate.
#[derive(Clone, Debug)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
}

/// Sets a [`Shutdown`] off by hand: tests, and a parent that stops its services.
#[derive(Clone, Debug)]
pub struct ShutdownTrigger(Shutdown);

impl Shutdown {
    /// One that nothing but the trigger sets off.
    pub fn manual() -> (ShutdownTrigger, Self) {
        let shutdown = Self {
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
        };
        (ShutdownTrigger(shutdown.clone()), shutdown)
    }

    /// SIGTERM or SIGINT: soft. A second one, or `deadline` after the first: hard.
    pub fn on_signals(deadline: Duration) -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut term, mut int) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        let (trigger, shutdown) = Self::manual();
        spawn("signals", async move {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
            info!("stopping: finishing what is in hand; a second signal stops at once");
            trigger.soft();
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {}, () = tokio::time::sleep(deadline) => warn!("not done in time") }
            trigger.hard();
        });
        Ok(shutdown)
    }

    /// A child: stopped with the parent, and on its own without it.
    pub fn child(&self) -> (ShutdownTrigger, Self) {
        let shutdown = Self {
            soft: self.soft.child_token(),
            hard: self.hard.child_token(),
        };
        (ShutdownTrigger(shutdown.clone()), shutdown)
    }

    /// Resolves when nothing new may be taken.
    pub async fn soft(&self) {
        self.soft.cancelled().await;
    }

    /// Resolves when everything must end now.
    pub async fn hard(&self) {
        self.hard.cancelled().await;
    }

    pub fn is_soft(&self) -> bool {
        self.soft.is_cancelled()
    }

    pub fn is_hard(&self) -> bool {
        self.hard.is_cancelled()
    }
}

impl ShutdownTrigger {
    pub fn soft(&self) {
        self.0.soft.cancel();
    }

    /// Implies soft.
    pub fn hard(&self) {
        self.0.soft.cancel();
        self.0.hard.cancel();
    }
}
