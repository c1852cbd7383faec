//! Endpoints that the catalog names to be asked before requests are accepted.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The section `gateway.hooks`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hooks {
    /// A folder with the secrets by which questions are signed, each in a file of its hook's name. A
    /// hook without one has a secret that derives from the deployment's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<PathBuf>,
    /// Questions to one hook that are on their way at once; others wait, as long as the hook may take.
    pub asked_at_once: usize,
    /// After so many failures in a row a hook is left alone, for so many seconds; then one question
    /// tries it.
    pub failures_to_open: u32,
    pub open_seconds: u64,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            secrets: None,
            asked_at_once: 64,
            failures_to_open: 5,
            open_seconds: 10,
        }
    }
}
