//! A server's side of WebSocket: RFC 6455, and permessage-deflate of RFC 7692.
//!
//! [`handshake`] turns an HTTP request into a connection, [`connection`] serves it: bytes are
//! decoded ([`decode`]), a pure state machine ([`machine`]) decides when and how it ends, and what
//! is to be sent waits in a bounded queue ([`outbox`]). What messages mean is known to a
//! [`MessageHandler`] alone: nothing here may know a protocol that is spoken in messages.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod connection;
pub mod decode;
mod deflate;
pub mod frame;
pub mod handshake;
pub mod machine;
pub mod outbox;
pub mod socket;
pub mod wake_queue;

pub use connection::{ConnectionOptions, MessageHandler};
pub use frame::TextFrame;
pub use handshake::{AcceptedUpgrade, UpgradeError, accept_upgrade, is_upgrade_request};
pub use machine::ConnectionTimeouts;
pub use outbox::{CloseReason, Outbox, OutboxLimits};
pub use wake_queue::WakeQueue;
