//! What travels in the log, and the rules that every crate must agree on: ids, positions, versions,
//! tokens, events, topics.
//!
//! The life of an event: a gateway makes a [`envelope::Transaction`] with a [`id::RequestId`] and
//! appends it to `transactions`; its offset there is its [`position::Position`]. The worker that
//! owns the partition plans it, and appends a [`decision::Decision`] to `changes`; the offset there
//! gives the [`position::Version`] that every store write of it carries. When all of its writes
//! stand, the worker appends a [`decision::Mark`], and sends a [`outcome::Feedback`] to the gateway
//! that waits.
//!
//! Pure data and rules: no I/O, no clock, no randomness, no runtime may enter here.

pub mod codec;
pub mod cursor;
pub mod decision;
pub mod envelope;
mod fingerprint;
pub mod flood;
pub mod held;
pub mod id;
pub mod incarnation;
pub mod kafka_headers;
pub mod membership;
pub mod mutation;
pub mod notification;
pub mod offset;
pub mod outcome;
mod parts;
pub mod position;
pub mod purge;
pub mod repair;
pub mod replay;
mod request_tail;
pub mod schemas;
pub mod security;
pub mod signing;
pub mod table;
pub mod token;
pub mod topics;
pub mod unconfirmed;

pub use fingerprint::cause_fingerprint;
pub use request_tail::RequestTail;
pub use schemas::event_schemas;

/// JSON text that only passes through: validated once, never parsed again unless somebody must look
/// inside.
pub type Raw = std::sync::Arc<serde_json::value::RawValue>;

/// Makes [`Raw`] of anything that serialises; keys keep their order.
pub fn to_raw<T: serde::Serialize + ?Sized>(value: &T) -> Raw {
    serde_json::value::to_raw_value(value)
        .expect("a value made of JSON types serialises")
        .into()
}

/// Bytes of a value as JSON, counted without keeping them.
pub fn json_size<T: serde::Serialize + ?Sized>(value: &T) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // JSON types serialise, and counting does not fail.
    _ = serde_json::to_writer(&mut count, value);
    count.0
}
