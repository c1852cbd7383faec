//! What a run must not show, by kind. Plain data.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// An acknowledged write has no effect, no verdict, or nobody knows it any more.
    Lost,
    /// A write had its effect more than once.
    Doubled,
    /// A key's later write stands before its earlier one.
    Reordered,
    /// What was written together is there in part.
    HalfGroup,
    /// A status went back, a final one changed, or a place in the log moved.
    StatusWentBack,
    /// A subscriber was not told of a change, or not in the order of its document.
    NotificationMissed,
    /// A write that waited behind a dead letter was overtaken by a later one of its key.
    ParkedOvertaken,
    /// No final verdict within the time that was given.
    Unresolved,
    /// The verdict is not what the order of the log makes it.
    WrongVerdict,
    /// A document is not what its applied writes make it, in the record or the view.
    WrongDocument,
    /// A read by token showed a state from before its write.
    StaleRead,
    /// A subscriber was told of what was never applied.
    NeverHappened,
    /// Nobody could read the key at the end.
    NotRead,
}

impl FindingKind {
    /// As it is shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled in effect",
            Self::Reordered => "reordered",
            Self::HalfGroup => "half a group",
            Self::StatusWentBack => "a status went back",
            Self::NotificationMissed => "a notification missed",
            Self::ParkedOvertaken => "a parked write overtaken",
            Self::Unresolved => "unresolved",
            Self::WrongVerdict => "a wrong verdict",
            Self::WrongDocument => "a wrong document",
            Self::StaleRead => "a stale read",
            Self::NeverHappened => "told of what never happened",
            Self::NotRead => "not read",
        }
    }
}

/// One thing that must not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub kind: FindingKind,
    pub key: String,
    /// Numbers of the writes concerned, in the history; what is wrong is seen at the last.
    pub writes: Vec<usize>,
    pub detail: String,
}

impl Finding {
    pub(super) fn new(
        kind: FindingKind,
        key: &str,
        writes: impl Into<Vec<usize>>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            key: key.to_owned(),
            writes: writes.into(),
            detail: detail.into(),
        }
    }
}
