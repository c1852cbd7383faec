//! What a task holds of the partition that it works on: the group's member behind a queue, how it
//! is to stop, and where it says how far it is. It does nothing by itself.

use crate::partition_health::PartitionHealth;
use event_log::{PartitionStream, StreamError};
use runtime::Shutdown;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// A partition that this process owns. Clones share it.
#[derive(Clone)]
pub struct OwnedPartition {
    pub(crate) number: u16,
    /// One that left and came back is another assignment.
    pub(crate) assignment: u64,
    pub(crate) requests: mpsc::Sender<OwnerRequest>,
    pub(crate) shutdown: Shutdown,
    pub(crate) health: Arc<PartitionHealth>,
}

/// What a task asks of the member.
pub(crate) enum OwnerRequest {
    Open {
        partition: u16,
        offset: u64,
        reply: oneshot::Sender<Result<Box<dyn PartitionStream>, StreamError>>,
    },
    Commit {
        partition: u16,
        assignment: u64,
        offset: u64,
        metadata: String,
    },
}

impl OwnedPartition {
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Soft: finish what is in hand. Hard is not waited for: the tenure is dropped.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Opens the partition as a stream from this offset on.
    ///
    /// # Errors
    /// [`StreamError::Revoked`] if it is ours no more, else as the log says.
    pub async fn open(&self, offset: u64) -> Result<Box<dyn PartitionStream>, StreamError> {
        let (reply, answer) = oneshot::channel();
        let request = OwnerRequest::Open {
            partition: self.number,
            offset,
            reply,
        };
        let sent = self.requests.send(request).await;
        sent.map_err(|_| StreamError::Revoked)?;
        answer.await.map_err(|_| StreamError::Revoked)?
    }

    /// Hints to the group that everything before this offset is done, if there is room to say so.
    pub fn try_commit(&self, offset: u64, metadata: String) -> bool {
        self.requests
            .try_send(self.commit_of(offset, metadata))
            .is_ok()
    }

    /// The same, waiting for room.
    ///
    /// # Errors
    /// [`StreamError::Revoked`] if the member is gone.
    pub async fn commit(&self, offset: u64, metadata: String) -> Result<(), StreamError> {
        let sent = self.requests.send(self.commit_of(offset, metadata)).await;
        sent.map_err(|_| StreamError::Revoked)
    }

    fn commit_of(&self, offset: u64, metadata: String) -> OwnerRequest {
        OwnerRequest::Commit {
            partition: self.number,
            assignment: self.assignment,
            offset,
            metadata,
        }
    }

    /// Where this tenure begins. One that begins where the one before did has made no progress.
    pub fn taken_at(&self, place: u64) {
        self.health.taken_at(place);
    }

    /// What the partition waits for: shown until it makes progress.
    pub fn waits(&self, why: String) {
        self.health.show(why);
    }

    /// Something was done that counts: whatever `/readyz` says of this partition is over.
    pub fn progressed(&self) {
        self.health.clear_if_shown();
    }
}
