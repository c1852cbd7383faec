//! The worker's options. Every one has a default that is right for most.

use runtime::health::Weakened;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Far more than a minute, for which an append of an owner vouches, than any time-out of a store's
/// client, and than the minute for which Elasticsearch remembers deletions.
const LEAST_MARKERS_KEPT_MS: i64 = 3_600_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Events decided together, at most.
    pub batch_records: usize,
    /// Bytes of events decided together, at most (one event always fits).
    pub batch_bytes: usize,
    /// Memory for documents and rows that were read or decided lately, per partition, bytes.
    pub cache_bytes: usize,
    /// Request ids remembered per partition to recognise records that the log holds twice.
    pub recent_ids: usize,
    /// First and longest wait between two tries of something that may pass, milliseconds.
    pub retry_first_ms: u64,
    pub retry_longest_ms: u64,
    /// Decisions younger than this are applied again when a partition is taken, milliseconds.
    /// Unset: 60,000 where the record store forgets acknowledged writes when it is killed
    /// (Cassandra with periodic commit-log sync on one node), else 0.
    pub reapply_window_ms: Option<u64>,
    /// How often a record store that may forget is asked whether it is there, milliseconds: to
    /// notice that it was away when nothing was written.
    pub probe_ms: u64,
    /// Records of a partition of `changes` kept for notifiers that are behind; what they would still
    /// need beyond that is deleted, and subscribers are disconnected, so that they notice the gap.
    pub notifier_lag_records: u64,
    /// Records kept in `changes` and `transactions` behind the mark, per partition: history for
    /// readers that come late.
    pub history_records: u64,
    /// So many dead letters of one operation may come within the window, per worker. Then its events
    /// wait at their place, and their partitions with them, until a person lets them pass or the
    /// cause is mended. 0: any number may come.
    pub flood_limit: u64,
    /// The window, milliseconds.
    pub flood_window_ms: u64,
    /// How often what waits is tried again, milliseconds.
    pub flood_retry_ms: u64,
    /// Deletion markers stay at least this long, whatever a purge asks for, milliseconds. Less than
    /// an hour is named in `/readyz`: a write that is on its way to a server that hangs may be late.
    pub markers_kept_ms: i64,
    /// How long a stopping worker finishes what is in hand, milliseconds.
    pub drain_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_records: 1_000,
            batch_bytes: 4 << 20,
            cache_bytes: 4 << 20,
            recent_ids: 100_000,
            retry_first_ms: 100,
            retry_longest_ms: 5_000,
            reapply_window_ms: None,
            probe_ms: 1_000,
            notifier_lag_records: 10_000_000,
            history_records: 1_000_000,
            flood_limit: 500,
            flood_window_ms: 60_000,
            flood_retry_ms: 30_000,
            markers_kept_ms: 86_400_000,
            drain_ms: 10_000,
        }
    }
}

impl Config {
    /// Whether markers go so early that a late write may find none.
    pub(crate) fn weaknesses(&self) -> Vec<Weakened> {
        let weakened = Weakened {
            component: "worker".to_owned(),
            setting: "worker.markers_kept_ms".to_owned(),
            found: self.markers_kept_ms.to_string(),
            wanted: format!("at least {LEAST_MARKERS_KEPT_MS}"),
            consequence: "a write that hung on its way to a store may come behind the purge of the marker that would have stopped it, and bring a deleted document back".to_owned(),
        };
        let is_weak = self.markers_kept_ms < LEAST_MARKERS_KEPT_MS;
        is_weak.then_some(weakened).into_iter().collect()
    }

    pub(crate) fn backoff(&self) -> runtime::Backoff {
        runtime::Backoff::new(
            Duration::from_millis(self.retry_first_ms),
            Duration::from_millis(self.retry_longest_ms),
        )
    }
}
