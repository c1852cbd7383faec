//! What an audit names: which item, in which store, what the log says of it and what is there.

use event_schema::{
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    position::{Position, Version},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// How an item differs from what the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The log says that it is there (a deletion's marker too), and it is not.
    Lost,
    /// It is there, and no record that counts put it there.
    Extra,
    /// An older version stands than the last that was decided.
    Stale,
    /// Older or lost, while other items of the same decision stand.
    HalfApplied,
    /// The right version with another content; or a view's marker of what it refused to take.
    Diverged,
}

impl DifferenceKind {
    /// As it is written in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Extra => "extra",
            Self::Stale => "stale",
            Self::HalfApplied => "half_applied",
            Self::Diverged => "diverged",
        }
    }
}

/// Which item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "item")]
pub enum ItemName {
    Document {
        document: DocumentKey,
    },
    Row {
        row: RowKey,
    },
    /// An entry of the ledger.
    Request {
        ledger: RequestId,
    },
    /// An accepted event of `transactions`.
    Event {
        event: Position,
    },
    /// A partition's mark.
    Mark {
        /// A finding has a member `partition` of its own.
        #[serde(rename = "mark")]
        partition: u16,
    },
}

impl fmt::Display for ItemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document { document } => write!(f, "document {document}"),
            Self::Row { row } => write!(f, "row {row}"),
            Self::Request { ledger } => write!(f, "ledger entry {ledger}"),
            Self::Event { event } => write!(f, "event {event}"),
            Self::Mark { partition } => write!(f, "mark of partition {partition}"),
        }
    }
}

/// What an item was compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    Log,
    /// The log begins behind the item's last change: view and record were compared.
    Record,
}

/// An item's state, as far as it tells versions apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The offset in `changes` that the version names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// A deletion's marker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

impl HeldState {
    pub(crate) fn at(version: Version) -> Self {
        Self {
            version: Some(version),
            offset: Some(version.offset().get()),
            ..Self::default()
        }
    }
}

/// A row as the log leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoldedCells {
    /// None: there is none.
    pub cells: Option<Map<String, Value>>,
    /// Unix milliseconds at which it goes by itself.
    pub expires: Option<i64>,
}

/// One item that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFinding {
    pub kind: DifferenceKind,
    #[serde(flatten)]
    pub item: ItemName,
    /// The item's name as one text.
    pub key: String,
    /// As the store calls itself.
    pub store: String,
    /// The partition of `changes` that says so, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<u16>,
    pub expected: Option<HeldState>,
    pub found: Option<HeldState>,
    /// The request whose write is missing, or whose write should not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// Of a row whose cells stay, or all go at the same time: as the log leaves it. For a repair
    /// alone: no report shows what is in a row.
    #[serde(skip)]
    pub row: Option<FoldedCells>,
    pub basis: Basis,
    pub detail: String,
}
