//! Who is subscribed to what, and who is to be notified.
//!
//! [`membership`] is the fold of the topic `rooms`, the same in every gateway and notifier.
//! [`registry`] is one gateway's side: subscriptions of its own connections, and the fan-out of what
//! notifiers push to the [`Recipient`]s of each room ([`delivery`]). Pure: it holds no connection
//! and no clock, and must know no protocol that notifications are sent by.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod catch_up;
pub mod delivery;
mod feed_owners;
pub mod membership;
pub mod options;
pub mod registry;
mod room;

pub use delivery::{Delivery, Offered, Recipient, SignHandles};
pub use options::ChannelOptions;
pub use registry::{SubscribeAck, SubscribeError, SubscribeRequest, SubscriptionRegistry};
