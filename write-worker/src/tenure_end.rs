//! Why a tenure of a partition ended, and what follows from that.

use event_log::StreamError;
use event_schema::{decision::VoidEnd, flood::DeadLetterFlood, offset::ChangesOffset};
use std::collections::BTreeMap;

/// Decisions that a store will never take, and how each ends.
pub(crate) type RejectedDecisions = BTreeMap<ChangesOffset, VoidEnd>;

/// Why a tenure ended.
#[derive(Clone, Debug)]
pub(crate) enum TenureEnd {
    /// Shutdown or revocation.
    Stopped,
    /// Something is unsure: open again and look.
    Reclaim(String),
    /// One more event would be a dead letter, and there were too many: the partition waits.
    Flooded(Box<DeadLetterFlood>),
    /// A store will never take these: void them and all that rests on them.
    Rejected(RejectedDecisions),
    /// Something is wrong that no retry mends; the partition stands still until a person acts.
    Halted(String),
}

impl From<StreamError> for TenureEnd {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Revoked => Self::Stopped,
            StreamError::Unavailable(why) => Self::Reclaim(why),
            error @ (StreamError::OutOfRange { .. }
            | StreamError::TailLost { .. }
            | StreamError::Damaged { .. }) => Self::Halted(error.to_string()),
        }
    }
}
