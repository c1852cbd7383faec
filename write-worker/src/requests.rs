//! What an owned partition asks of the group's member, and under which name it says how it is. It
//! does nothing by itself.

use event_log::{PartitionStream, StreamError};
use tokio::sync::oneshot;

/// What an owned partition asks of the member.
pub(crate) enum OwnerRequest {
    Open {
        partition: u16,
        offset: u64,
        reply: oneshot::Sender<Result<Box<dyn PartitionStream>, StreamError>>,
    },
    Commit {
        partition: u16,
        offset: u64,
        metadata: String,
    },
}

/// The service in `/readyz`.
pub(crate) const COMPONENT: &str = "write-worker";

/// One of its partitions there.
pub(crate) fn component(partition: u16) -> String {
    format!("{COMPONENT} partition {partition}")
}
