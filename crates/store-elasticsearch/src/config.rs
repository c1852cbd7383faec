//! What an operator may set about Elasticsearch. Never reads files or the environment: whoever
//! builds the store does.

use crate::{STORE, name};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};
use store::StoreError;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `http://host:port` of some nodes, asked in turn.
    pub urls: Vec<String>,
    /// What all index names start with: lower-case letters, digits, `_`, `-` and `.`.
    pub prefix: String,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// Instead of user and password: the encoded form.
    pub api_key: Option<Secret>,
    /// PEM text of the authorities that signed the cluster's certificate.
    pub certificate_authority: Option<String>,
    pub request_timeout_ms: u64,
    /// A bulk request ends before it is larger than this, unless one document alone is. At most a
    /// tenth of a node's heap is ever taken.
    pub bulk_bytes: usize,
    pub bulk_documents: usize,
    /// Bulk requests on their way at once.
    pub bulks_in_flight: usize,
    /// Copies beside the first, for indices made from now on; without it what the server or a
    /// collection's settings say.
    pub replicas: Option<u32>,
}

/// A text that never shows in logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            urls: vec!["http://127.0.0.1:9200".to_owned()],
            prefix: "consign.".to_owned(),
            user: None,
            password: None,
            api_key: None,
            certificate_authority: None,
            request_timeout_ms: 30_000,
            bulk_bytes: 5 << 20,
            bulk_documents: 1_000,
            bulks_in_flight: 4,
            replicas: None,
        }
    }
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let refused = |why: &str| {
            Err(StoreError::Refused {
                store: STORE,
                why: why.to_owned(),
            })
        };
        if self.urls.is_empty() {
            return refused("no url is given");
        }
        if !name::is_prefix(&self.prefix) {
            return refused(
                "the prefix of index names starts with a lower-case letter, goes on with letters, digits, `_`, `-`, `.`, and is short",
            );
        }
        if self.bulk_bytes == 0
            || self.bulk_documents == 0
            || self.bulks_in_flight == 0
            || self.request_timeout_ms == 0
        {
            return refused("sizes and time-outs must be above 0");
        }
        Ok(())
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }
}
