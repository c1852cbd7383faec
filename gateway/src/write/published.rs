//! Where an event is safe: what every later stage, and every answer, is made from.

use catalog::Kind;
use event_schema::id::RequestId;
use spool::SpoolPlace;

/// An event that is safe for good.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub request: RequestId,
    pub kind: Kind,
    pub partition: u16,
    pub place: EventPlace,
    /// Is its caller looked at only when it is decided?
    pub is_unconfirmed: bool,
}

/// What has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventPlace {
    /// The log, at this offset of its partition.
    Logged(u64),
    /// This gateway's spool: its place in the log comes when it is shipped.
    Spooled(SpoolPlace),
}

impl Published {
    pub(crate) fn is_spooled(&self) -> bool {
        matches!(self.place, EventPlace::Spooled(_))
    }
}
