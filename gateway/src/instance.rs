//! The name of this gateway: random per start, and again when the others believe that it has ended.

use event_schema::{
    envelope::Reply,
    id::EntityKey,
    topics::{Layout, MAILBOX},
};

/// A name for this start, and the partition of `mailbox` that goes with it.
pub(crate) fn reply_address(layout: &Layout) -> Reply {
    let instance = fresh_name();
    let partition = EntityKey(instance.clone()).partition(layout.partitions(&MAILBOX));
    Reply {
        instance,
        partition,
    }
}

/// A name that nobody had before.
pub(crate) fn fresh_name() -> String {
    let unique = uuid::Builder::from_random_bytes(runtime::random());
    unique.into_uuid().simple().to_string()
}
