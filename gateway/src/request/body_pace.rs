//! Is a client that sends a body piece by piece fast enough? Only the time spent waiting for it counts.

use super::body::too_slow;
use crate::{Config, error::Problem};
use std::time::Duration;

pub(crate) struct BodyPace {
    /// The longest wait for a piece, and the time over which the rate is averaged.
    pub idle: Duration,
    least_bytes_per_second: u64,
    waited: Duration,
    bytes: u64,
}

impl BodyPace {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            idle: config.body_idle(),
            least_bytes_per_second: config.bulk_least_bytes_per_second,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Counts a piece that was waited for.
    pub(crate) fn check(&mut self, waited: Duration, bytes: usize) -> Result<(), Problem> {
        self.waited += waited;
        self.bytes += bytes as u64;
        if self.waited < self.idle {
            return Ok(());
        }
        let least = self.least_bytes_per_second;
        let is_enough = self.bytes >= least.saturating_mul(self.waited.as_secs());
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        if is_enough {
            Ok(())
        } else {
            Err(too_slow(self.idle))
        }
    }
}
