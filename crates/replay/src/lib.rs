//! The workbench of dead letters, for whoever shows them: what is held, grouped by its cause, one of
//! them whole, what a replay would change, an event that a person mended, and a job that moves many.
//! The rows of `held` and `locks` are the truth; the topic `dead-letters` is a copy for people. It
//! only reads: a held event is moved by an intent, which the owner of its key decides.

mod cause;
mod edit;
mod filter;
mod job;
mod letters;
mod line;
mod patch;
mod preview;
mod queues;

pub use cause::{LetterCause, group_causes};
pub use edit::{EditError, edited_event};
pub use filter::DeadLetterFilter;
pub use job::{JobAction, JobItem, JobOrder, JobState, JobWish, ReplayJob};
pub use letters::{HeldLetter, dead_letter, dead_letters, letters_at, letters_of_requests};
pub use line::DeadLetterLine;
pub use patch::{JsonPatch, PatchError};
pub use preview::{
    FieldChange, LaterWrite, PreviewStores, ReadLetter, ReplayPreview, StateChange, preview_replay,
};
pub use queues::{HeldCounts, HeldOverview, draining_keys, full_keys, held_overview};

use store::StoreError;

/// Why what is held cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Row(#[from] event_schema::held::UnreadableRow),
}
