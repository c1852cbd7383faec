//! A process as the others see it: every call takes a while to travel, it may freeze between any
//! two steps, and what it sent is on its way even when it is dead.

use crate::{dice::SeededDice, signal::Signal};
use runtime::Clock;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// The longest way to a server and back, usually.
const WAY: u64 = 8;
/// Once in a while something takes much longer.
const LONG_WAY: u64 = 1_500;

#[derive(Clone, Debug)]
pub struct ModelProcess {
    pub name: String,
    pub dice: SeededDice,
    frozen: Arc<Signal<bool>>,
}

impl ModelProcess {
    #[must_use]
    pub fn new(name: String, dice: SeededDice) -> Self {
        let frozen = Arc::default();
        Self { name, dice, frozen }
    }

    pub fn freeze(&self) {
        self.frozen.set(true);
    }

    pub fn thaw(&self) {
        self.frozen.set(false);
    }

    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen.get()
    }

    /// A step that takes a while, and for ever while the process is frozen.
    pub async fn pass(&self) {
        tokio::time::sleep(self.way()).await;
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

/// A process's clock: it goes right, and may be set wrong.
#[derive(Debug)]
pub struct ModelClock {
    start: Instant,
    ahead: i64,
}

impl ModelClock {
    /// `ahead`: milliseconds.
    #[must_use]
    pub fn new(start: Instant, ahead: i64) -> Self {
        Self { start, ahead }
    }
}

impl Clock for ModelClock {
    fn now(&self) -> i64 {
        let passed = i64::try_from(self.elapsed().as_millis()).unwrap_or(i64::MAX);
        BEGIN + passed + self.ahead
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
