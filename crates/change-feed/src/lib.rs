//! How a partition of `changes` is read, by whoever reads it: worker, notifier, gateway, audit.
//! One rule says which records count ([`TenureRule`]), one which decision stands for a position
//! ([`StandingPositions`]). On them stand [`Window`], what must be finished when a partition is
//! taken, and [`ChangeFeed`], what is notified of it, live and again for a subscriber that comes
//! back. Pure: records in, facts out; no operation is known by name here.

mod feed;
mod fields;
mod holding;
mod last_requests;
mod notification;
#[cfg(test)]
mod samples;
mod scope;
#[cfg(test)]
mod simulation;
mod standing;
mod tenure;
mod undo;
mod window;

pub use feed::{ChangeFeed, Emission, ResumePoint};
pub use holding::{HeldRow, HoldingStep, held_after, is_behind, is_held_row, lock_after};
pub use notification::{Notification, of_decision, of_message, of_void};
pub use scope::{subscriber_scope, with_id};
pub use standing::StandingPositions;
pub use tenure::TenureRule;
pub use undo::{UndoPlan, VoidStamp};
pub use window::{
    MarkedStart, Redo, Window, chains_successors, document_name, key_name, rests_on_key, row_name,
};
