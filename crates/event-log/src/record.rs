//! Records, before and after the log gave them a place.

use bytes::Bytes;
use std::{borrow::Cow, sync::Arc};

/// In order; names may repeat. Values are bytes, usually text.
pub type Headers = Vec<(Cow<'static, str>, Bytes)>;

/// A record to append. The partition is always named: who appends knows where a key belongs.
#[derive(Clone, Debug)]
pub struct NewRecord {
    pub topic: Arc<str>,
    pub partition: u16,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Headers,
}

/// A record as it stands in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub partition: u16,
    pub offset: u64,
    /// Unix milliseconds at which the log took it (append time).
    pub timestamp: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Headers,
}

impl Record {
    /// Bytes of key, value and headers, as limits count them.
    pub fn size(&self) -> usize {
        record_size(self.key.as_ref(), self.value.as_ref(), &self.headers)
    }
}

impl NewRecord {
    /// Bytes of key, value and headers, as limits count them.
    pub fn size(&self) -> usize {
        record_size(self.key.as_ref(), self.value.as_ref(), &self.headers)
    }
}

fn record_size(key: Option<&Bytes>, value: Option<&Bytes>, headers: &Headers) -> usize {
    let headers: usize = headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    headers + key.map_or(0, Bytes::len) + value.map_or(0, Bytes::len)
}

/// The name of the header that a driver adds to a record which it sends again without knowing what
/// became of the first: whoever consumes it must look whether the log holds it twice.
pub const RESENT: &str = "consign-resent";
