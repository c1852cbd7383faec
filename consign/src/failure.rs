//! Why a command did not do what it was asked: a sentence, what to do about it, and the exit code.

use serde::Serialize;
use std::fmt;

/// What the process exits with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Tried and failed, or refused: 1.
    Failed,
    /// Asked in a way that cannot be meant: 2.
    Usage,
    /// Something that must answer did not: 3.
    Unreachable,
}

impl Kind {
    pub fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
        }
    }
}

const DENIED: &str = "look at the user, the password and the certificates of the settings; \
     `consign security acls` lists the rights that each service needs";

/// Told once, by `main`.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    pub kind: Kind,
    /// Empty: all was said already.
    pub message: String,
    /// What to do, often a line to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Of the answer that refused it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u64>,
    /// Likewise: the problem's code, or the error's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

impl Failure {
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Failed,
            message: message.into(),
            hint: None,
            status: None,
            code: None,
        }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Usage,
            ..Self::failed(message)
        }
    }

    pub fn unreachable(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Unreachable,
            ..Self::failed(message)
        }
    }

    /// A look at something failed: that says nothing of what would have been seen.
    pub fn could_not_look(self) -> Self {
        match self.kind {
            Kind::Usage | Kind::Unreachable => self,
            Kind::Failed => Self {
                kind: Kind::Unreachable,
                ..self
            },
        }
    }

    /// The command printed what is wrong as its result.
    pub fn told() -> Self {
        Self::failed("")
    }

    /// The credential is unknown, ended, or missing.
    pub fn is_of_credential(&self) -> bool {
        self.status == Some(401)
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<runtime::settings::SettingsError> for Failure {
    fn from(error: runtime::settings::SettingsError) -> Self {
        Self::usage(error.to_string()).hint("`consign config show` lists every setting")
    }
}

impl From<request_spans::ExportError> for Failure {
    fn from(error: request_spans::ExportError) -> Self {
        Self::usage(error.to_string()).hint("`consign config show` lists every setting")
    }
}

impl From<catalog::CatalogError> for Failure {
    fn from(error: catalog::CatalogError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<store::StoreError> for Failure {
    fn from(error: store::StoreError) -> Self {
        use store::StoreError as E;
        match &error {
            E::Unavailable { .. } => Self::unreachable(error.to_string()),
            E::Denied { .. } => Self::failed(error.to_string()).hint(DENIED),
            E::NotMigrated { .. } => {
                Self::failed(error.to_string()).hint("consign catalog migrate")
            }
            E::Refused { .. } | E::Unsupported { .. } | E::BadSearch { .. } | E::Damaged { .. } => {
                Self::failed(error.to_string())
            }
        }
    }
}

impl From<event_log::AdminError> for Failure {
    fn from(error: event_log::AdminError) -> Self {
        use event_log::AdminError as E;
        match &error {
            E::Unavailable(_) => Self::unreachable(error.to_string()),
            E::UnknownPartition(_) => Self::failed(error.to_string()).hint("consign topics create"),
            E::Denied(_) => Self::failed(error.to_string()).hint(DENIED),
            E::Refused(_) | E::BeyondEnd { .. } => Self::failed(error.to_string()),
        }
    }
}

impl From<event_log::StreamError> for Failure {
    fn from(error: event_log::StreamError) -> Self {
        use event_log::StreamError as E;
        match &error {
            E::Unavailable(_) => Self::unreachable(error.to_string()),
            E::Revoked | E::OutOfRange { .. } | E::TailLost { .. } | E::Damaged { .. } => {
                Self::failed(error.to_string())
            }
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<standalone::StandaloneError> for Failure {
    fn from(error: standalone::StandaloneError) -> Self {
        Self::failed(error.to_string())
    }
}
