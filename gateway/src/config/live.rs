//! Options of connections that stay open, and of subscriptions.

use serde::{Deserialize, Serialize};

/// `[gateway.live]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Live {
    /// Open connections from one address, of any kind; beyond, new ones are closed. A proxy in
    /// front is one address.
    pub connections_per_address: usize,
    /// Agree to compress messages that are worth it, where the client offers it.
    pub deflate: bool,
    /// The largest message of a client, in bytes; a larger one ends the connection (1009) unread.
    pub message_limit_bytes: usize,
    /// Seconds for a whole message to arrive.
    pub message_timeout_seconds: u64,
    /// Requests of one connection that are carried out at the same time.
    pub requests_in_hand: usize,
    /// And how many more may wait for their turn, and their bytes; beyond: 503.
    pub requests_waiting: usize,
    pub requests_waiting_bytes: usize,
    /// Notifications that wait for a client that does not read them, in bytes and in number;
    /// beyond, it is sent away (1013) to come back.
    pub outbox_bytes: usize,
    pub outbox_messages: usize,
    /// Silence after which a client is asked whether it is there, and for how long it may not
    /// answer, seconds. Listening is no fault.
    pub ping_seconds: u64,
    pub pong_seconds: u64,
    /// Seconds for a client's part of the farewell.
    pub close_seconds: u64,
    /// Rooms that one connection may be in.
    pub rooms_per_connection: usize,
    /// Connections in rooms, over all rooms and connections of this gateway.
    pub subscriptions: usize,
    /// Conditions in a filter.
    pub filter_conditions: usize,
    /// How long a subscription may take to be active everywhere, seconds.
    pub subscribe_timeout_seconds: u64,
    /// How long a cursor may be used to come back with, seconds; the log may have forgotten what
    /// lies behind it before.
    pub cursor_ttl_seconds: u64,
    /// How often this gateway says that it is there, milliseconds.
    pub heartbeat_millis: u64,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            connections_per_address: 4096,
            deflate: true,
            message_limit_bytes: (1 << 20) + (64 << 10),
            message_timeout_seconds: 60,
            requests_in_hand: 100,
            requests_waiting: 10_000,
            requests_waiting_bytes: 4 << 20,
            outbox_bytes: 4 << 20,
            outbox_messages: 10_000,
            ping_seconds: 30,
            pong_seconds: 20,
            close_seconds: 3,
            rooms_per_connection: 10_000,
            subscriptions: 250_000,
            filter_conditions: 100,
            subscribe_timeout_seconds: 30,
            cursor_ttl_seconds: 30 * 24 * 3600,
            heartbeat_millis: 2_000,
        }
    }
}
