//! HTTP endpoints that are asked before a request is accepted, as the catalog declares them, and for
//! which requests. It must never call one. See ADR 27.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};

/// What becomes of a request whose hook gives no answer that can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookFailurePolicy {
    #[default]
    Refuse,
    /// It goes on as it is.
    Pass,
}

/// An endpoint that may refuse a request, or change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) timeout: Duration,
    pub(crate) on_failure: HookFailurePolicy,
    /// Lower ones are asked first, then by name.
    pub(crate) order: i32,
    pub(crate) scope: HookScope,
}

/// Which requests it is asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HookScope {
    /// That name it themselves.
    pub named_by: BTreeSet<String>,
    pub operations: BTreeSet<String>,
    pub collections: BTreeSet<(String, String)>,
}

impl Hook {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// For one question, from the waiting for its turn to the last byte of the answer.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    pub fn on_failure(&self) -> HookFailurePolicy {
        self.on_failure
    }

    /// Is it asked about a request of this operation that may touch these collections?
    pub(crate) fn is_asked(&self, operation: &str, collections: &[(String, String)]) -> bool {
        let scope = &self.scope;
        let of_operations = scope.operations.is_empty() || scope.operations.contains(operation);
        let mut touched = collections.iter();
        let of_collections =
            scope.collections.is_empty() || touched.any(|pair| scope.collections.contains(pair));
        scope.named_by.contains(operation) || (!scope.is_open() && of_operations && of_collections)
    }

    /// As lists show it, of an operation that always touches these collections, or such as the request
    /// says; where only some requests are meant, with the collections that it may write.
    pub(crate) fn shown_for(
        &self,
        operation: &str,
        fixed: Option<&[(String, String)]>,
        may_write: impl Fn(&(String, String)) -> bool,
    ) -> Option<String> {
        if self.is_asked(operation, fixed.unwrap_or_default()) {
            return Some(self.name.clone());
        }
        let scope = &self.scope;
        let is_meant = scope.operations.is_empty() || scope.operations.contains(operation);
        if fixed.is_some() || !is_meant {
            return None;
        }
        let open = scope.collections.iter().filter(|pair| may_write(pair));
        let names: Vec<_> = open
            .map(|(index, name)| format!("{index}/{name}"))
            .collect();
        (!names.is_empty()).then(|| format!("{} ({})", self.name, names.join(", ")))
    }
}

impl HookScope {
    /// Nothing is listed: only operations that name the hook are meant.
    pub(crate) fn is_open(&self) -> bool {
        self.operations.is_empty() && self.collections.is_empty()
    }
}
