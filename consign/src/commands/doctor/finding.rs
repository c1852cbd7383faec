//! One thing that was looked at.

use crate::failure::{Failure, Kind};
use serde::Serialize;

/// From best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Well,
    /// Allowed, but a promise is weaker than it could be.
    Weak,
    Missing,
    OutOfReach,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Weak => "weak",
            Self::Missing => "MISSING",
            Self::OutOfReach => "OUT OF REACH",
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Finding {
    pub state: State,
    pub about: String,
    pub found: String,
    /// The line to type, or what to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    pub fn well(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            state: State::Well,
            about: about.into(),
            found: found.into(),
            mend: None,
        }
    }

    pub fn weak(
        about: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Weak,
            mend: Some(mend.into()),
            ..Self::well(about, found)
        }
    }

    pub fn missing(
        about: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self {
            state: State::Missing,
            ..Self::weak(about, found, mend)
        }
    }

    /// What a failure means for the thing that was looked at.
    pub fn of(about: impl Into<String>, failure: &Failure, mend: impl Into<String>) -> Self {
        let mend = failure.hint.clone().unwrap_or_else(|| mend.into());
        let finding = Self::missing(about, failure.message.clone(), mend);
        match failure.kind {
            Kind::Unreachable => Self {
                state: State::OutOfReach,
                ..finding
            },
            Kind::Failed | Kind::Usage => finding,
        }
    }
}
