//! How long to wait before trying again: exponential, with jitter, bounded.

use crate::random::random;
use std::time::Duration;

/// Full-jitter exponential back-off: each wait is drawn from half to all of a growing bound.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempt: u32,
}

impl Backoff {
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            attempt: 0,
        }
    }

    /// The next wait; grows with each call until [`Backoff::reset`].
    pub fn next_wait(&mut self) -> Duration {
        let bound = self
            .first
            .saturating_mul(1 << self.attempt.min(20))
            .min(self.longest);
        self.attempt = self.attempt.saturating_add(1);
        bound.mul_f64(0.5 + random::<f64>() / 2.0)
    }

    /// How many times in a row it was asked.
    pub fn attempts(&self) -> u32 {
        self.attempt
    }

    /// All is well again.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_bound_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        let waits: Vec<_> = (0..40).map(|_| backoff.next_wait()).collect();
        assert!(waits[0] <= Duration::from_millis(100) && waits[0] >= Duration::from_millis(50));
        assert!(waits[30] <= Duration::from_secs(2) && waits[30] >= Duration::from_secs(1));
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(100));
    }
}
