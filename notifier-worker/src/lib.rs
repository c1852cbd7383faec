//! What subscribers are told of a change: the pure stage of the notifier. [`Rooms`] holds the filters people subscribed with; [`notify`] turns
//! one decided document change into the rooms that must hear of it, and whether the document came into their scope or left it.
//!
//! No I/O, no clock, no connections: the service that consumes `changes` and pushes to gateways stands on this.

pub mod notify;
pub mod rooms;

pub use notify::{Notification, Scope, notify};
pub use rooms::{RoomId, Rooms};
