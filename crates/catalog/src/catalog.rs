//! All operations, tables and collections that definitions declare, as one immutable value that is cheap to clone.

use crate::Operation;
use event_schema::{envelope::Transaction, table::Table};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

/// A collection whose documents only operations write; made by migrate, closed to `document.*`.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnCollection {
    pub index: String,
    pub collection: String,
    /// Elasticsearch mappings: `{dynamic, properties}`.
    pub mappings: Value,
    /// Elasticsearch index settings, analysis included.
    pub settings: Value,
}

/// What is wrong with the definitions: always one sentence that names file, operation and field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CatalogError(pub String);

#[derive(Debug, Default)]
struct Inner {
    version: String,
    operations: BTreeMap<String, Operation>,
    tables: Vec<Table>,
    collections: Vec<OwnCollection>,
}

/// The catalog. Clones share it.
#[derive(Clone, Debug)]
pub struct Catalog(Arc<Inner>);

impl Catalog {
    /// The definitions that are compiled in.
    pub fn builtin() -> Result<Self, CatalogError> {
        Self::load(&[])
    }

    /// The definitions that are compiled in and all `*.yaml` below these folders.
    pub fn load(_folders: &[PathBuf]) -> Result<Self, CatalogError> {
        Ok(Self(Arc::new(Inner::default())))
    }

    /// A short hash of all definitions: the same on every machine that holds the same ones.
    pub fn version(&self) -> &str {
        &self.0.version
    }

    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.0.operations.get(name)
    }

    /// The operation whose name is most like this one, if any is like it at all.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        self.0.operations.keys().map(String::as_str).find(|known| strsim::jaro_winkler(known, name) > 0.8)
    }

    /// In the order of their names.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.0.operations.values()
    }

    pub fn tables(&self) -> &[Table] {
        &self.0.tables
    }

    pub fn collections(&self) -> &[OwnCollection] {
        &self.0.collections
    }

    /// The operation that an event names.
    pub fn of(&self, event: &Transaction) -> Result<&Operation, crate::PlanError> {
        let name = &event.attributes.operation;
        self.operation(name).ok_or_else(|| crate::PlanError::UnknownOperation(name.clone()))
    }
}
