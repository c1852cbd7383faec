//! All that both stores hold, read from them by hand: each row of each table, each document of each
//! index. What is kept beside it and changes at any time (ledger, marks, idempotency keys, texts) is
//! left out.

use crate::cluster::Cluster;
use anyhow::Result;
use serde_json::Value;
use std::collections::BTreeMap;

mod embedded;
mod servers;

pub use embedded::StoreFile;
pub use servers::Stores;

/// The stores of a deployment of either kind.
#[derive(Debug)]
pub enum AnyStores {
    Embedded(StoreFile),
    Servers(Box<Stores>),
}

impl AnyStores {
    /// # Errors
    /// If servers do not answer.
    pub fn of(cluster: &Cluster) -> Result<Self> {
        if cluster.is_embedded() {
            return Ok(Self::Embedded(StoreFile::of(cluster)));
        }
        Ok(Self::Servers(Box::new(Stores::of(cluster)?)))
    }

    /// # Errors
    /// If something cannot be read, or the view has another document than the record.
    pub async fn read(&mut self) -> Result<Held> {
        match self {
            Self::Embedded(file) => file.read(),
            Self::Servers(stores) => stores.read().await,
        }
    }
}

/// By kind and name: `row user/U1`, `document sunbird/user/U1`, `value user.login/…`.
pub type Held = BTreeMap<String, Kept>;

/// What stands under a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Cells of a row or members of a document, the absent left out.
    pub content: Value,
    /// Which write it is of, where that is kept with it.
    pub written: String,
}

/// A row's cells without those that are empty: an empty map is no cell everywhere.
fn cells(all: impl IntoIterator<Item = (String, Value)>) -> Value {
    let is_there =
        |value: &Value| !value.is_null() && value.as_object().is_none_or(|map| !map.is_empty());
    all.into_iter()
        .filter(|(_, value)| is_there(value))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Whose a unique value is; nothing where it was let go. Keys that seal what belongs to somebody are made
/// before a request is accepted, and say nothing.
fn owned(name: &str, holder: &str) -> Result<Option<(String, Kept)>> {
    if name.starts_with("sealing-key:") {
        return Ok(None);
    }
    let holder: Value = serde_json::from_str(holder)?;
    if holder["released"] == true {
        return Ok(None);
    }
    let kept = Kept {
        content: holder["key"].clone(),
        written: plain(&holder["request"]),
    };
    Ok(Some((format!("value {name}"), kept)))
}

/// A part of a key, as it stands in a path.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
