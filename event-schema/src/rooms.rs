//! The records of `rooms` (compacted, one partition): who listens to what, which gateways are
//! alive, which notifier owns which partition. Everybody who reads the topic from its beginning
//! folds it to the same state, and the order of its records is the same for all.
//!
//! A notifier that is given a partition appends [`Owner`] and touches no change of it before it has
//! read its own record back. So whoever reports that it matches against everything up to an offset,
//! and is still the owner as of that offset, cannot have been replaced by one who knows less.

use crate::{Raw, envelope::Reply};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which comings and goings of others a subscription is told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Users {
    All,
    In,
    Out,
    #[default]
    None,
}

/// Names one connection's presence in one room: a record's key. A connection with several channels
/// on a room is in it once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seat {
    /// The gateway instance, new on each start.
    pub instance: String,
    pub connection: String,
    pub room: String,
}

/// A connection is in a room. Written again when what it wants changes; the newest counts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Subscription {
    pub index: String,
    pub collection: String,
    /// The filter as the client sent it; the room is named by its normalised form.
    #[schemars(with = "serde_json::Value")]
    pub filter: Raw,
    /// The partition of `mailbox` that the seat's instance reads.
    pub mailbox: u16,
    /// Does any of its channels want to hear of other users?
    pub users: Users,
    /// Does any of them want to hear of what is decided and not yet done? Gateways that do not say
    /// so yet may.
    #[serde(default = "perhaps")]
    pub pending: bool,
    /// Told to others when the connection comes, and when it goes without saying so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub volatile: Option<Raw>,
}

fn perhaps() -> bool {
    true
}

/// A gateway is alive. Appended every few seconds by each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// Where it is reached.
    pub reply: Reply,
    /// Unix milliseconds by its own clock; informs, decides nothing.
    pub time: i64,
}

/// A notifier has a partition of `changes` from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// Random per start.
    pub notifier: String,
    pub partition: u16,
}

/// One record of the topic.
#[derive(Clone, Debug)]
pub enum RoomRecord {
    Sits(Seat, Subscription),
    /// With the volatile of the request that asked for it; without where the connection just ended.
    Leaves(Seat, Option<Raw>),
    Beats(Heartbeat),
    /// The gateway ended, or is taken for dead: its seats are empty.
    Gone {
        instance: String,
    },
    Owns(Owner),
}

impl Seat {
    /// `seat/{instance}/{connection}/{room}`: none of the three has a slash.
    pub fn key(&self) -> String {
        format!("seat/{}/{}/{}", self.instance, self.connection, self.room)
    }

    pub fn parse(key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix("seat/")?.split('/').map(str::to_owned);
        let seat = Self {
            instance: parts.next()?,
            connection: parts.next()?,
            room: parts.next()?,
        };
        parts.next().is_none().then_some(seat)
    }
}
