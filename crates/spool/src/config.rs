//! What a user may say of the spool.

use crate::machine::OrderLimits;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};

/// What a write's acknowledgement stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpoolDurability {
    /// The log, and the spool where that takes longer than `after_millis`.
    #[default]
    Kafka,
    /// The spool's disk or the log, whichever is first.
    SpoolFirst,
}

/// The section of the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The folder in which each gateway has one of its own; none, and no location: there is no spool.
    pub folder: Option<PathBuf>,
    /// Instead of a folder: a place in an object store, as `s3://BUCKET/PREFIX`, or in the record's
    /// tables, as `cassandra://FOLDER`.
    pub location: Option<String>,
    /// What the gateway is called at the location, now and after a restart; none: it takes a new name
    /// each time it starts.
    pub name: Option<String>,
    pub durability: SpoolDurability,
    /// What the log has not acknowledged for so long is made durable here, milliseconds.
    pub after_millis: u64,
    /// Bytes that may wait for the log; beyond, writes are refused (503).
    pub cap_bytes: u64,
    /// Bytes of the disk that are left free for others; below, writes are refused (503).
    pub reserve_bytes: u64,
    /// A record that waited longer is not applied: it becomes a dead letter. Shorter than the ledger
    /// remembers.
    pub max_age_days: u64,
    /// Spools of gateways that died are looked for so often, and shipped, seconds.
    pub adopt_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            folder: None,
            location: None,
            name: None,
            durability: SpoolDurability::Kafka,
            after_millis: 1_000,
            cap_bytes: 8 << 30,
            reserve_bytes: 256 << 20,
            max_age_days: 7,
            adopt_seconds: 10,
        }
    }
}

/// In memory on its way to the disk, and in flight from it.
const WRITING_BYTES: u64 = 16 << 20;
const WRITING_RECORDS: usize = 16_384;
const SHIPPING: usize = 8_192;

impl Config {
    pub fn limits(&self) -> OrderLimits {
        OrderLimits {
            spool_after: self.after_millis,
            durable_first: self.durability == SpoolDurability::SpoolFirst,
            cap: self.cap_bytes,
            writing_bytes: WRITING_BYTES,
            writing_records: WRITING_RECORDS,
            shipping: SHIPPING,
        }
    }

    /// Is there to be a spool?
    pub fn is_wanted(&self) -> bool {
        self.folder.is_some() || self.location.is_some()
    }

    pub fn max_age(&self) -> Duration {
        Duration::from_secs(self.max_age_days.saturating_mul(86_400))
    }
}
