//! A process as the others see it: every call takes a while to travel, it may freeze between any
//! two steps, and what it sent is on its way even when it is dead.

use crate::{dice::SharedDice, signal::Signal};
use runtime::Clock;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// The longest way to a server and back, usually.
const WAY: u64 = 8;
/// Once in a while something takes much longer.
const LONG_WAY: u64 = 1_500;

#[derive(Clone, Debug)]
pub struct ModelProcess {
    pub name: String,
    pub dice: SharedDice,
    frozen: Arc<Signal<bool>>,
    /// Steps that it has taken, and the one in which it freezes.
    steps: Arc<AtomicU64>,
    freezes_at: Arc<AtomicU64>,
}

impl ModelProcess {
    #[must_use]
    pub fn new(name: String, dice: SharedDice) -> Self {
        Self {
            name,
            dice,
            frozen: Arc::default(),
            steps: Arc::default(),
            freezes_at: Arc::new(AtomicU64::new(u64::MAX)),
        }
    }

    pub fn freeze(&self) {
        self.frozen.set(true);
    }

    pub fn thaw(&self) {
        self.frozen.set(false);
    }

    /// Freezes it in the middle of a step, the first of which has the number 0.
    pub fn freeze_at(&self, step: u64) {
        self.freezes_at.store(step, Ordering::Relaxed);
    }

    /// Waits until it is frozen.
    pub async fn frozen(&self) {
        self.frozen.wait_for(|is_frozen| is_frozen).await;
    }

    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen.get()
    }

    /// A step that takes a while, and for ever while the process is frozen.
    pub async fn pass(&self) {
        tokio::time::sleep(self.way()).await;
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        if step == self.freezes_at.load(Ordering::Relaxed) {
            self.freeze();
        }
        self.frozen.wait_for(|is_frozen| !is_frozen).await;
    }

    /// How long something is on its way.
    #[must_use]
    pub fn way(&self) -> Duration {
        let longest = if self.dice.once_in(40) { LONG_WAY } else { WAY };
        Duration::from_millis(self.dice.roll(longest))
    }

    /// Has something done at a server. It is done even if nobody waits for the answer any more.
    pub async fn call<T: Send + 'static>(&self, act: impl FnOnce() -> T + Send + 'static) -> T {
        self.pass().await;
        let way = self.way();
        let there = runtime::spawn("simulated", async move {
            tokio::time::sleep(way).await;
            act()
        });
        let answer = there.await.expect("models do not panic");
        self.pass().await;
        answer
    }
}

/// Where all clocks of a history begin, Unix milliseconds.
pub const BEGIN: i64 = 1_700_000_000_000;

/// A process's clock: it goes right, and may be set wrong at any time. Clones are one clock.
#[derive(Clone, Debug)]
pub struct ModelClock {
    start: Instant,
    ahead: Arc<AtomicI64>,
}

impl ModelClock {
    /// `ahead`: milliseconds.
    #[must_use]
    pub fn new(start: Instant, ahead: i64) -> Self {
        let ahead = Arc::new(AtomicI64::new(ahead));
        Self { start, ahead }
    }

    pub fn set(&self, ahead: i64) {
        self.ahead.store(ahead, Ordering::Relaxed);
    }
}

impl Clock for ModelClock {
    fn now(&self) -> i64 {
        let passed = i64::try_from(self.elapsed().as_millis()).unwrap_or(i64::MAX);
        BEGIN + passed + self.ahead.load(Ordering::Relaxed)
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
