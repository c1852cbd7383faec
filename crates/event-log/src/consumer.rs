//! Reading: as a member of a group that shares a topic's partitions, or by hand from any offset.
//!
//! A group only says who owns which partition; the owner then opens each partition as a stream from
//! the offset it chooses. Back-pressure is not polling the stream: drivers bound what they fetch
//! ahead.

use crate::record::Record;
use std::time::Duration;

/// What happens to a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerEvent {
    /// These are ours from now on (only the new ones).
    Assigned(Vec<u16>),
    /// These are no longer ours: stop at once; streams on them end with [`StreamError::Revoked`].
    Revoked(Vec<u16>),
    /// Gone without notice (session expired): somebody else may have them already.
    Lost(Vec<u16>),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsumerError {
    /// Worth trying again (broker away).
    #[error("the log is out of reach: {0}")]
    Unavailable(String),
    /// Never works as configured.
    #[error("the log refuses this consumer: {0}")]
    Fatal(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error("the partition was revoked")]
    Revoked,
    /// The offset is not in the partition: older than what is kept, or beyond its end.
    #[error("offset {wanted} is outside of the partition ({earliest} to {end})")]
    OutOfRange {
        wanted: u64,
        earliest: u64,
        end: u64,
    },
    /// Records that were read are gone, and others stand in their place by now: a server lost what
    /// it had acknowledged.
    #[error(
        "the log lost records before offset {wanted}, where it was being read, and ends at {end} now: what was appended since begins at an offset that is not known"
    )]
    TailLost { wanted: u64, end: u64 },
    #[error("the log is out of reach: {0}")]
    Unavailable(String),
    /// A stored record does not pass its checksum or cannot be read.
    #[error("the record at offset {offset} is damaged: {why}")]
    Damaged { offset: u64, why: String },
}

/// How much one call may return; at least one record comes whatever its size.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub records: usize,
    pub bytes: usize,
}

/// A group's hint of how far it is. Marks are the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub offset: u64,
    pub metadata: String,
}

/// Records of one partition, in order, from a chosen offset.
#[async_trait::async_trait]
pub trait PartitionStream: Send {
    /// Waits for at least one record, then returns what is there, within `limits`. Cancel-safe:
    /// nothing is lost when the future is dropped.
    async fn next(&mut self, limits: Limits) -> Result<Vec<Record>, StreamError>;
    /// The partition's end as last heard: the offset the next appended record would get. For lag.
    fn end(&self) -> u64;
}

/// A member of a group on one topic.
#[async_trait::async_trait]
pub trait Consumer: Send {
    /// The next event. Cancel-safe.
    async fn next(&mut self) -> Result<ConsumerEvent, ConsumerError>;
    /// Opens an assigned partition from `offset` on.
    async fn open(
        &mut self,
        partition: u16,
        offset: u64,
    ) -> Result<Box<dyn PartitionStream>, StreamError>;
    /// A hint for others: everything below `offset` is resolved. Not awaited, may be lost.
    fn commit(&self, partition: u16, offset: u64, metadata: &str);
    /// The last hint.
    async fn committed(&self, partition: u16) -> Result<Option<Committed>, ConsumerError>;
    /// Leaves the group at once, so that others need not wait for a time-out.
    async fn leave(self: Box<Self>);
}

/// Joins groups.
#[async_trait::async_trait]
pub trait Groups: Send + Sync {
    async fn join(&self, group: &str, topic: &str) -> Result<Box<dyn Consumer>, ConsumerError>;
    /// The group's hint for a partition, asked from outside the group.
    async fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: u16,
    ) -> Result<Option<Committed>, ConsumerError>;
}

/// Where to start by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Offset(u64),
    /// Only what is appended from now on; the end is determined before `tail` returns.
    End,
    Earliest,
}

/// Reads without a group.
#[async_trait::async_trait]
pub trait Reader: Send + Sync {
    /// Follows a partition.
    async fn tail(
        &self,
        topic: &str,
        partition: u16,
        from: From,
    ) -> Result<Box<dyn PartitionStream>, StreamError>;
    /// All records with `from <= offset < until` that exist now, at most `limits`. An empty answer
    /// means there are none (aborted or deleted ones are skipped); if the log has said nothing
    /// after `wait`, it is [`StreamError::Unavailable`].
    async fn read(
        &self,
        topic: &str,
        partition: u16,
        from: u64,
        until: u64,
        limits: Limits,
        wait: Duration,
    ) -> Result<Vec<Record>, StreamError>;
}
