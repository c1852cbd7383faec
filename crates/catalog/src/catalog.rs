//! All operations, tables and collections that definitions declare, as one immutable value that is
//! cheap to clone.

mod fragments;
mod read;

use crate::{
    Operation, PlanError,
    compile::{self, Surroundings},
    definition::{FileDefinition, OperationDefinition},
    expression,
    hook::Hook,
    operation::OperationHome,
    sealed_marks::SealedMarks,
};
use event_schema::{envelope::Transaction, table::Table};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

/// Raised when the same definitions come to mean something else, hence part of every version.
const LANGUAGE: u32 = 1;

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

#[derive(Debug)]
struct Inner {
    home: Arc<OperationHome>,
    operations: BTreeMap<String, Arc<Operation>>,
    tables: Vec<Table>,
    /// Names of tables whose rows no client reads.
    hidden: BTreeSet<String>,
    collections: Vec<OwnCollection>,
    definitions: Value,
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
    pub fn load(folders: &[PathBuf]) -> Result<Self, CatalogError> {
        let mut texts = read::builtin_files();
        for folder in folders {
            read::read_folder(folder, &mut texts)?;
        }
        let files: Result<Vec<_>, _> = texts
            .iter()
            .map(|(name, text)| Ok((name.clone(), read::parse_file(name, text)?)))
            .collect();
        let files = fragments::expand_fragments(files?)?;
        let definitions = serde_json::to_value(merge_files(files.clone()))
            .map_err(|e| CatalogError(e.to_string()))?;
        Self::compile(files, definitions).map_err(|error| read::with_line(error, &texts))
    }

    /// The definitions that another catalog gave as [`Catalog::definitions`]: the same version,
    /// whatever release that was.
    pub fn from_definitions(definitions: &Value) -> Result<Self, CatalogError> {
        let file: FileDefinition = serde_json::from_value(definitions.clone())
            .map_err(|e| CatalogError(format!("definitions: {e}")))?;
        Self::compile(vec![("definitions".to_owned(), file)], definitions.clone())
    }

    fn compile(
        files: Vec<(String, FileDefinition)>,
        definitions: Value,
    ) -> Result<Self, CatalogError> {
        if let Some((file, language)) = files.iter().find_map(|(file, definition)| {
            Some((file, definition.language.filter(|l| *l != LANGUAGE)?))
        }) {
            return Err(CatalogError(format!(
                "{file}: written in language {language}, but this release reads {LANGUAGE}"
            )));
        }
        let mut surroundings = Surroundings::collect(&files).map_err(CatalogError)?;
        let own = surroundings.tables.values();
        let tables: Vec<Table> = own.map(|own| own.table.clone()).collect();
        surroundings.home = Arc::new(OperationHome {
            version: definitions_version(&definitions).into(),
            sealed: SealedMarks::collect(&files, &tables).map_err(CatalogError)?,
            hooks: compile::collect_hooks(&files).map_err(CatalogError)?,
        });
        let mut operations = BTreeMap::new();
        let mut places: BTreeMap<String, String> = BTreeMap::new();
        // What stands on others comes behind them: many-document forms and operations with parts,
        // then those that take a file, whose lines are such operations.
        for rank in 0..3 {
            for (file, definition) in &files {
                let declared = definition.operations.iter();
                for operation in declared.filter(|operation| rank_of(operation) == rank) {
                    let name = &operation.name;
                    let compiled =
                        compile::compile_operation(operation, &surroundings, &operations).map_err(
                            |e| CatalogError(format!("{file}: operation `{name}`: {e}")),
                        )?;
                    if let Some(other) = places.insert(name.clone(), file.clone()) {
                        return Err(CatalogError(format!(
                            "{file}: operation `{name}` is declared twice, first in {other}"
                        )));
                    }
                    operations.insert(name.clone(), Arc::new(compiled));
                }
            }
        }
        check_routes(&operations)?;
        let collections = own_collections(&files);
        let own = surroundings.tables.values();
        let hidden = own.filter(|own| own.is_hidden);
        let hidden = hidden.map(|own| own.table.name.clone()).collect();
        Ok(Self(Arc::new(Inner {
            home: surroundings.home,
            operations,
            tables,
            hidden,
            collections,
            definitions,
        })))
    }

    /// The JSON Schema of a file of definitions, for editors.
    pub fn file_schema() -> Value {
        schemars::schema_for!(FileDefinition).to_value()
    }

    /// A short hash of all definitions: the same on every machine that holds the same ones.
    pub fn version(&self) -> &str {
        &self.0.home.version
    }

    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.0.operations.get(name).map(Arc::as_ref)
    }

    /// Likewise, to be kept.
    pub fn shared_operation(&self, name: &str) -> Option<Arc<Operation>> {
        self.0.operations.get(name).cloned()
    }

    /// The operation whose name is most like this one, if any is like it at all.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        expression::nearest_name(name, self.0.operations.keys().map(String::as_str))
    }

    /// In the order of their names.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.0.operations.values().map(Arc::as_ref)
    }

    /// In the order of their names.
    pub fn tables(&self) -> &[Table] {
        &self.0.tables
    }

    /// Which values are sealed.
    pub fn sealed(&self) -> &SealedMarks {
        &self.0.home.sealed
    }

    /// Who is asked before requests are accepted, in that order.
    pub fn hooks(&self) -> &[Arc<Hook>] {
        &self.0.home.hooks
    }

    /// May no client read the rows of this table?
    pub fn is_hidden(&self, table: &str) -> bool {
        self.0.hidden.contains(table)
    }

    pub fn collections(&self) -> &[OwnCollection] {
        &self.0.collections
    }

    /// The operation that an event names.
    pub fn of(&self, event: &Transaction) -> Result<&Operation, PlanError> {
        let name = &event.attributes.operation;
        self.operation(name)
            .ok_or_else(|| PlanError::UnknownOperation(name.clone()))
    }

    /// All definitions as one JSON value, for those who do not hold the files.
    pub fn definitions(&self) -> &Value {
        &self.0.definitions
    }
}

fn rank_of(operation: &OperationDefinition) -> u8 {
    if operation.upload.is_some() {
        2
    } else {
        u8::from(operation.many.is_some() || !operation.parts.is_empty())
    }
}

fn check_routes(operations: &BTreeMap<String, Arc<Operation>>) -> Result<(), CatalogError> {
    let mut routes: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (name, operation) in operations {
        let Some(http) = operation.http() else {
            continue;
        };
        if let Some(other) = routes.insert((&http.method, &http.path), name) {
            return Err(CatalogError(format!(
                "operations `{other}` and `{name}` have the same route {} {}",
                http.method, http.path
            )));
        }
    }
    Ok(())
}

/// One list of each, in the order of names, so that neither files nor their order matter.
fn merge_files(files: Vec<(String, FileDefinition)>) -> FileDefinition {
    let mut all = FileDefinition {
        language: Some(LANGUAGE),
        ..FileDefinition::default()
    };
    for (_, file) in files {
        all.operations.extend(file.operations);
        all.tables.extend(file.tables);
        all.collections.extend(file.collections);
        all.hooks.extend(file.hooks);
        all.sealed_values.extend(file.sealed_values);
        all.sealed_keys.extend(file.sealed_keys);
    }
    all.operations.sort_by(|a, b| a.name.cmp(&b.name));
    all.hooks.sort_by(|a, b| a.name.cmp(&b.name));
    all.sealed_values.sort();
    all.sealed_keys.sort();
    all.tables.sort_by(|a, b| a.name.cmp(&b.name));
    all.collections
        .sort_by(|a, b| (&a.index, &a.collection).cmp(&(&b.index, &b.collection)));
    all
}

fn definitions_version(definitions: &Value) -> String {
    Sha256::digest(definitions.to_string())
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// In the order of their names.
fn own_collections(files: &[(String, FileDefinition)]) -> Vec<OwnCollection> {
    let own = |definition: &crate::definition::CollectionDefinition| OwnCollection {
        index: definition.index.clone(),
        collection: definition.collection.clone(),
        mappings: definition.mappings.clone(),
        settings: definition.settings.clone(),
    };
    let mut all: Vec<OwnCollection> = files
        .iter()
        .flat_map(|(_, file)| &file.collections)
        .map(own)
        .collect();
    all.sort_by(|a, b| (&a.index, &a.collection).cmp(&(&b.index, &b.collection)));
    all
}

#[cfg(test)]
mod tests;
