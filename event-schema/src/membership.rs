//! The records of `rooms` (compacted, one partition): which connections are in which rooms, which
//! gateways are alive, which notifier owns which partition. Everybody who reads the topic from its
//! beginning folds it to the same state, and the order of its records is the same for all.
//!
//! A notifier that is given a partition appends a [`PartitionClaim`] and handles no change of it
//! before it has read its own record back. So a notifier that reports that it matches against
//! everything up to an offset, and is still the owner as of that offset, cannot have been replaced
//! by one that knows less.

use crate::{Raw, envelope::Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which presence events of others a subscription is told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PresenceFilter {
    All,
    In,
    Out,
    #[default]
    None,
}

/// One connection's membership of one room: a record's key. A connection with several channels on a
/// room is a member once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomMembership {
    /// The gateway instance, new on each start.
    pub instance: String,
    pub connection: String,
    pub room: String,
}

/// What a member of a room subscribed to. Written again when that changes; the newest counts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Subscription {
    pub index: String,
    pub collection: String,
    /// The filter as the client sent it; the room is named by its normalised form.
    #[schemars(with = "serde_json::Value")]
    pub filter: Raw,
    /// The partition of `mailbox` that the member's gateway reads.
    pub mailbox: u16,
    /// Which presence events any of its channels wants.
    pub users: PresenceFilter,
    /// Does any of its channels want changes that are decided and not yet done?
    pub pending: bool,
    /// Carried by the presence events of this member, unless its request to leave brings another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub volatile: Option<Raw>,
}

/// A gateway is alive. Appended every few seconds by each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// Where it is reached.
    pub reply: Reply,
    /// Unix milliseconds by its own clock; informs, decides nothing.
    pub time: i64,
}

/// A notifier owns a partition of `changes` from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartitionClaim {
    /// Random per start.
    pub notifier: String,
    pub partition: u16,
}

/// One record of the topic.
#[derive(Clone, Debug)]
pub enum MembershipRecord {
    Subscribed(RoomMembership, Subscription),
    /// With the volatile of the request to leave; without one where the connection just ended.
    Unsubscribed(RoomMembership, Option<Raw>),
    Heartbeat(Heartbeat),
    /// The gateway ended, or gave no heartbeat for too long: it has no members.
    GatewayExpired {
        instance: String,
    },
    PartitionClaimed(PartitionClaim),
}

impl RoomMembership {
    /// `member/{instance}/{connection}/{room}`: none of the three has a slash.
    pub fn key(&self) -> String {
        format!("member/{}/{}/{}", self.instance, self.connection, self.room)
    }

    pub fn parse(key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix("member/")?.split('/').map(str::to_owned);
        let membership = Self {
            instance: parts.next()?,
            connection: parts.next()?,
            room: parts.next()?,
        };
        parts.next().is_none().then_some(membership)
    }
}
