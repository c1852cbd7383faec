//! What notifiers send to gateways: records of `mailbox`, addressed to one gateway instance each.
//! One push per gateway and change, with the list of rooms; what it becomes for each connection is
//! the gateway's affair.

use crate::{Raw, envelope::Origin, id::RequestId};
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

/// A room that must hear of it, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Told {
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
    /// (partition, offset in `transactions`) of the write, for its token; none for messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<(u16, u64)>,
}

/// How far one partition is told: what anybody needs to go on telling from there. The records from
/// `resume` on are read to know what is not yet done; what they tell is told from the record `next`
/// on, without its first `told` tellings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// An offset in `changes`, never beyond `next`.
    pub resume: u64,
    /// The epoch in force at `resume`.
    pub epoch: u64,
    pub next: u64,
    pub told: u32,
    /// The next record of `informative`.
    pub informative: u64,
}

/// Who tells, and how far it is when that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Teller {
    pub partition: u16,
    /// The offset in `rooms` of the claim under which it tells. Whoever heard a newer claim on the
    /// partition does not listen to an older one.
    pub claim: u64,
    pub point: Point,
}

/// A notice and the rooms of one gateway that must hear of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Push {
    pub instance: String,
    /// `None`: from a notifier that does not say so yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teller: Option<Teller>,
    /// The record that tells it: an offset in `changes`, of a message in `informative`.
    #[serde(default)]
    pub record: u64,
    pub rooms: Vec<Told>,
    pub notice: Notice,
}

/// Came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Coming {
    In,
    Out,
}

/// Somebody came into a room, or left it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Presence {
    pub instance: String,
    pub room: String,
    pub index: String,
    pub collection: String,
    pub user: Coming,
    /// Connections in the room afterwards, over all gateways.
    pub count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub volatile: Option<Raw>,
    /// Did it say so itself (and not just end)?
    pub said: bool,
    /// The offset in `rooms` of the record that says it: whoever came in by a later one is not
    /// told.
    pub rooms: u64,
    /// Unix milliseconds.
    pub timestamp: i64,
}

/// From here on these partitions' changes are matched against everything that `rooms` held up to an
/// offset. Sent to the instances that wrote there lately, only for partitions that the notifier
/// owned as of that offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    pub instance: String,
    pub notifier: String,
    pub partitions: Vec<u16>,
    /// How far each is: everything before its point was sent before this.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tellers: Vec<Teller>,
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
