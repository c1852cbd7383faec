//! What notifiers send to gateways: records of `mailbox`, addressed to one gateway instance each.
//! One push per gateway and change, with the list of rooms; what it becomes for each connection is
//! the gateway's affair.

use crate::{
    Raw,
    envelope::Origin,
    id::RequestId,
    offset::{ChangesOffset, Epoch, InformativeOffset},
    position::Position,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a document is after the change, seen from a room.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    In,
    Out,
}

/// How far the change is: decided, or applied in every store. A message that nobody stores is done
/// at once.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Pending,
    Done,
}

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    Write,
    Delete,
    Publish,
}

/// A room that a notice matches, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RoomMatch {
    pub room: String,
    pub scope: Scope,
}

/// A change of one document, or a message.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    pub event: Event,
    /// `create`, `replace`, `update`, `delete`, `publish`.
    pub action: String,
    pub state: State,
    pub index: String,
    pub collection: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The small `_version` people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The document after the change; of a deletion, before it; the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub source: Option<Raw>,
    /// Dotted names of what an update changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_fields: Option<Vec<String>>,
    pub request: RequestId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub volatile: Option<Raw>,
    /// Unix milliseconds: decided, or accepted by the log.
    pub timestamp: i64,
    /// The W3C trace context of its event, where spans are exported. Clients are not sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Where the write stands, for its token; none for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<Position>,
}

/// How far the feed of one partition is: what is needed to go on from there. The records from
/// `resume` on are read to know what is not yet done; notices are emitted from the record `next` on,
/// without its first `emitted` ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedPosition {
    /// Never beyond `next`.
    pub resume: ChangesOffset,
    /// The epoch in force at `resume`; none where no record counts before the next `open`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    pub next: ChangesOffset,
    pub emitted: u32,
    /// The next record of `informative`.
    pub informative: InformativeOffset,
}

/// The notifier that owns the feed of a partition, and how far that is when this is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedOwner {
    pub partition: u16,
    /// The offset in `rooms` of its claim. A gateway that has seen a newer claim on the partition
    /// ignores an older one.
    pub claim: u64,
    pub position: FeedPosition,
}

/// A notice and the rooms of one gateway that it matches.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Push {
    pub instance: String,
    pub owner: FeedOwner,
    /// The record that it stems from: an offset in `changes`, of a message in `informative`.
    pub record: u64,
    pub rooms: Vec<RoomMatch>,
    pub notice: Notice,
}

/// A member came or left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PresenceChange {
    In,
    Out,
}

/// A presence event: a connection came into a room, or left it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Presence {
    pub instance: String,
    pub room: String,
    pub index: String,
    pub collection: String,
    pub user: PresenceChange,
    /// Connections in the room afterwards, over all gateways.
    pub count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub volatile: Option<Raw>,
    /// Did it leave by a request (and not because its connection ended)?
    pub explicit: bool,
    /// The offset in `rooms` of its record: members that came by a later one are not told.
    pub rooms: u64,
    /// Unix milliseconds.
    pub timestamp: i64,
}

/// From here on the changes of the owners' partitions are matched against everything that `rooms`
/// held up to an offset. Sent to the instances that wrote there lately, only for partitions that the
/// notifier owned as of that offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    pub instance: String,
    pub notifier: String,
    /// The partitions, and how far each is: everything before its position was sent before this.
    pub owners: Vec<FeedOwner>,
    /// Partitions of which records were deleted before any notifier had read them: what subscribers
    /// of this instance should have been told is lost, and they are told that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<u16>,
    /// The offset in `rooms` of the last record that was taken in.
    pub rooms: u64,
}

/// Any record of `mailbox`, by its CloudEvents type.
#[derive(Clone, Debug)]
pub enum Mail {
    Feedback(crate::outcome::Feedback),
    Push(Box<Push>),
    Presence(Presence),
    Progress(Progress),
}
