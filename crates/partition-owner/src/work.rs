//! What a service does with a partition that it owns, and what it answers when that has ended.

use crate::OwnedPartition;
use std::time::Duration;

/// The service's part: a tenure of one partition at a time, in a task of that partition.
#[async_trait::async_trait]
pub trait PartitionWork: Send + Sync + 'static {
    /// What one tenure leaves to the next of the same task. A panic throws it away.
    type Carried: Default + Send;

    /// Takes the partition and works on it until something ends that. It is dropped where it stands
    /// when the partition is revoked; at a soft shutdown it finishes what is in hand by itself.
    async fn tenure(
        &self,
        partition: &OwnedPartition,
        carried: &mut Self::Carried,
    ) -> TenureOutcome;

    /// Something happened to a partition: for metrics, and for what the service keeps of it.
    fn notice(&self, partition: u16, notice: OwnerNotice) {
        _ = (partition, notice);
    }
}

/// Why a tenure ended, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenureOutcome {
    /// Shutdown or revocation.
    Stopped,
    /// Something is unsure: take the partition again and look.
    Retake { why: String, pause: RetakePause },
    /// Something is wrong that no retry mends: the partition stands still until a person acts.
    Halted(String),
}

impl TenureOutcome {
    /// Take the partition again, after a wait that grows.
    pub fn retake(why: impl Into<String>) -> Self {
        let (why, pause) = (why.into(), RetakePause::Backoff);
        Self::Retake { why, pause }
    }
}

/// How long a partition is left alone before it is taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetakePause {
    /// Longer each time, within bounds.
    Backoff,
    /// Not at all while tenures make progress; without any as [`RetakePause::Backoff`].
    WhenStuck,
    Fixed(Duration),
}

/// What happens to an owned partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerNotice {
    /// A tenure ended, and another one follows.
    Retaken,
    /// A tenure panicked, and another one follows. An alarm.
    Panicked,
    /// The partition stands still until a person acts. An alarm.
    Halted,
    /// The partition is no longer ours.
    Revoked,
}
