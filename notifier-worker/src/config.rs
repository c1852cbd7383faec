//! The notifier's options. Every one has a default that is right for most.

use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Records matched together, at most.
    pub batch_records: usize,
    /// Bytes of records matched together, at most (one record always fits).
    pub batch_bytes: usize,
    /// Pushes per partition that wait for the log's acknowledgement; beyond, nothing more is read.
    pub pushes_in_flight: usize,
    /// Memory per partition for changes that are decided and not yet applied, bytes; beyond, they
    /// are read again from the log.
    pub undone_bytes: usize,
    /// How often the group is told how far a partition is, milliseconds: so much is told twice when
    /// another takes over.
    pub commit_ms: u64,
    /// A gateway that gave no sign of life for so long is taken for dead, milliseconds.
    pub expiry_ms: u64,
    /// Comings and goings of users kept per partition, for whoever takes over from a notifier that
    /// could not tell them any more.
    pub presence_kept: usize,
    /// First and longest wait between two tries of something that may pass, milliseconds.
    pub retry_first_ms: u64,
    pub retry_longest_ms: u64,
    /// How long a stopping notifier waits for the log to take what it sent, milliseconds.
    pub drain_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_records: 256,
            batch_bytes: 4 << 20,
            pushes_in_flight: 4_096,
            undone_bytes: 32 << 20,
            commit_ms: 200,
            expiry_ms: 10_000,
            presence_kept: 4_096,
            retry_first_ms: 100,
            retry_longest_ms: 5_000,
            drain_ms: 5_000,
        }
    }
}

impl Config {
    pub(crate) fn backoff(&self) -> runtime::Backoff {
        runtime::Backoff::new(
            Duration::from_millis(self.retry_first_ms),
            Duration::from_millis(self.retry_longest_ms),
        )
    }

    pub(crate) fn expiry(&self) -> Duration {
        Duration::from_millis(self.expiry_ms)
    }
}
