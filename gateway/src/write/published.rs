//! An event's place in the log: what every later stage, and every answer, is made from.

use catalog::Kind;
use event_schema::id::RequestId;

/// An event that is in the log for good.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub request: RequestId,
    pub kind: Kind,
    pub partition: u16,
    pub offset: u64,
}
