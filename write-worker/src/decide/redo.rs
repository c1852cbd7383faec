//! What is decided again: events whose decisions were voided, as their voids carry them.

use change_feed::{HeldRow, Redo};
use event_log::Record;
use event_schema::{id::EntityKey, outcome::DeadReason, replay::Replay};

/// A voided event.
pub(crate) struct VoidedEvent {
    pub redo: Redo,
    pub event: VoidedContent,
    /// A store refused it: it is decided as a dead letter.
    pub dead: Option<DeadReason>,
}

/// Where it comes from.
pub(crate) enum VoidedContent {
    Logged(Record),
    /// Back in the queue that it was taken from.
    Held {
        key: EntityKey,
        row: Box<HeldRow>,
        by: Option<Replay>,
    },
}
