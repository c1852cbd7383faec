//! The log as a port, over bytes: publish, consume in a group, read by hand, administer. Drivers:
//! [`kafka`] (the only place that names `rdkafka`) and [`embedded`] (own fsynced segments). On top
//! of the port, for every driver: [`Log::append`], [`Log::scan`], [`Follower`]. Nothing here knows
//! what a record means.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod admin;
pub mod append;
pub mod consumer;
pub mod embedded;
pub mod follow;
#[expect(
    clippy::disallowed_methods,
    reason = "librdkafka has threads and clocks of its own, which no paused runtime moves"
)]
pub mod kafka;
mod ownership;
pub mod publisher;
pub mod record;
pub mod record_codec;
pub mod scan;

pub use admin::{
    Admin, AdminError, CleanupPolicy, Durability, Offsets, TopicProblem, TopicSpec, Weakness,
};
pub use append::AppendError;
pub use consumer::{
    Committed, Consumer, ConsumerError, ConsumerEvent, Limits, PartitionStream, StreamError,
};
pub use follow::{FollowOptions, Followed, Follower};
pub use publisher::{
    Appended, Delivery, DeliveryError, DeliveryOutcome, DeliverySender, Publisher, Refused,
    SendError,
};
pub use record::{Headers, NewRecord, RESENT, Record};
pub use scan::RangeScan;

use std::sync::Arc;

/// A whole log: what a service is given at start. Cheap to clone; all clones share connections.
#[derive(Clone)]
pub struct Log {
    pub publisher: Arc<dyn Publisher>,
    pub reader: Arc<dyn consumer::Reader>,
    pub groups: Arc<dyn consumer::Groups>,
    pub admin: Arc<dyn Admin>,
}
