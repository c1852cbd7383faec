//! Topics: create, check, measure, and delete what nobody needs any more.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of forgetting a topic is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CleanupPolicy {
    /// Never by itself; [`Admin::delete_before`] only.
    Keep,
    /// Records older than this many milliseconds may go.
    Age(u64),
    Compact,
}

/// A topic as it must be.
#[derive(Clone, Debug)]
pub struct TopicSpec {
    pub name: String,
    pub partitions: u16,
    pub cleanup: CleanupPolicy,
    /// Largest record, bytes.
    pub record_limit: usize,
    /// Must an acknowledged record survive a crash of process and machine?
    pub durable: bool,
}

/// How a topic differs from its [`TopicSpec`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "problem")]
pub enum TopicProblem {
    Missing {
        topic: String,
    },
    Setting {
        topic: String,
        setting: String,
        expected: String,
        found: String,
    },
}

impl fmt::Display for TopicProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { topic } => write!(f, "topic `{topic}` does not exist"),
            Self::Setting {
                topic,
                setting,
                expected,
                found,
            } => {
                write!(
                    f,
                    "topic `{topic}`: `{setting}` is `{found}`, must be `{expected}`"
                )
            }
        }
    }
}

/// What an acknowledgement of the log means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Replication of 3 and more, min.insync of 2 and more.
    Replicated,
    /// Kafka with less.
    Logged,
    /// Fsynced by this process.
    Embedded,
}

/// A setting of the servers that weakens a promise. Allowed, never silent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weakness {
    pub setting: String,
    pub found: String,
    pub wanted: String,
    pub consequence: String,
}

/// First offset kept and the offset the next record would get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Offsets {
    pub earliest: u64,
    pub end: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    #[error("the log is out of reach: {0}")]
    Unavailable(String),
    /// Wrong credentials, or a certificate that is refused: waiting does not end it.
    #[error("the log denies access: {0}")]
    Denied(String),
    #[error("the log refuses: {0}")]
    Refused(String),
    #[error("there is no topic `{0}` or it lacks the partition")]
    UnknownPartition(String),
    /// [`Admin::delete_before`] beyond the end of the partition.
    #[error("offset {wanted} is beyond the end of the partition")]
    BeyondEnd { wanted: u64 },
}

#[async_trait::async_trait]
pub trait Admin: Send + Sync {
    /// Creates what is missing, changes nothing that is there; answers what differs.
    async fn create(&self, topics: &[TopicSpec]) -> Result<Vec<TopicProblem>, AdminError>;
    /// What differs, creating nothing.
    async fn check(&self, topics: &[TopicSpec]) -> Result<Vec<TopicProblem>, AdminError>;
    async fn offsets(&self, topic: &str, partition: u16) -> Result<Offsets, AdminError>;
    /// The log's own identity of each topic, in order, asked for at once: another one after a delete
    /// and re-create under the same name, and never again the same. `None` where the log cannot
    /// tell; an error if one of the topics does not exist.
    async fn topic_ids(&self, topics: &[&str]) -> Result<Vec<Option<String>>, AdminError>;
    /// Everything below `offset` may go; never awaited for being gone.
    async fn delete_before(
        &self,
        topic: &str,
        partition: u16,
        offset: u64,
    ) -> Result<(), AdminError>;
    /// What an acknowledgement on these topics means, and what weakens it.
    async fn durability(
        &self,
        topics: &[TopicSpec],
    ) -> Result<(Durability, Vec<Weakness>), AdminError>;
}
