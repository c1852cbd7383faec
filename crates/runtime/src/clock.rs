//! Time as a parameter, so that tests can own it.

use rustix::time::ClockId;
use std::{
    fmt::Debug,
    path::PathBuf,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Tells the time of day, and how much time passes. Decides nothing about order: positions do.
pub trait Clock: Send + Sync + Debug {
    /// Unix milliseconds. It may jump: whoever measures how long something took asks
    /// [`Clock::elapsed`].
    fn now(&self) -> i64;
    /// Time since some fixed moment: never goes back, is never set, and counts the time for which
    /// the machine was suspended.
    fn elapsed(&self) -> Duration;
}

/// Elsewhere the plain monotonic clock is the best there is.
#[cfg(target_os = "linux")]
const SUSPENSION_COUNTS: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const SUSPENSION_COUNTS: ClockId = ClockId::Monotonic;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine"
    )]
    fn now(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as i64)
    }

    fn elapsed(&self) -> Duration {
        let since = rustix::time::clock_gettime(SUSPENSION_COUNTS);
        Duration::new(
            since.tv_sec.try_into().unwrap_or(0),
            since.tv_nsec.try_into().unwrap_or(0),
        )
    }
}

/// The variable that names the file of a [`SteppedClock`].
pub const CLOCK_FILE: &str = "TORTURE_CLOCK_FILE";

/// The machine's clock, whose time of day is off by as many milliseconds as a file says at the moment:
/// what a clock that is set does to a process can be tried without rights over the machine.
#[derive(Clone, Debug)]
pub struct SteppedClock {
    file: PathBuf,
}

impl SteppedClock {
    pub fn by(file: PathBuf) -> Self {
        Self { file }
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> i64 {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        let ahead: i64 = text.trim().parse().unwrap_or(0);
        SystemClock.now().saturating_add(ahead)
    }

    fn elapsed(&self) -> Duration {
        SystemClock.elapsed()
    }
}

/// A clock that stands until it is moved: for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicI64,
    elapsed: AtomicU64,
}

impl ManualClock {
    pub fn at(millis: i64) -> Self {
        Self {
            now: AtomicI64::new(millis),
            elapsed: AtomicU64::new(0),
        }
    }

    /// Time passes.
    pub fn advance(&self, millis: u32) {
        self.set_ahead(i64::from(millis));
        self.elapsed.fetch_add(u64::from(millis), Ordering::Relaxed);
    }

    /// The time of day is set; none passes.
    pub fn set_ahead(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_and_never_goes_back() {
        let clock = SystemClock;
        let before = clock.elapsed();
        std::thread::sleep(Duration::from_millis(20));
        let passed = clock.elapsed() - before;
        assert!((20..5_000).contains(&passed.as_millis()), "{passed:?}");
    }

    #[test]
    fn a_clock_that_is_set_lets_no_time_pass() {
        let clock = ManualClock::at(1_000);
        clock.set_ahead(-500);
        assert_eq!((clock.now(), clock.elapsed()), (500, Duration::ZERO));
        clock.advance(10);
        assert_eq!(
            (clock.now(), clock.elapsed()),
            (510, Duration::from_millis(10))
        );
    }
}
