//! All operations, tables and collections that definitions declare, as one immutable value that is
//! cheap to clone.

mod fragments;
mod member_names;
mod read;
mod replaced;
mod request_names;
mod shape;

use crate::{
    Operation, PlanError,
    compile::{self, Surroundings},
    definition::{FileDefinition, OperationDefinition},
    expression,
    hook::Hook,
    operation::OperationHome,
    route,
    sealed_marks::SealedMarks,
};
use data_encoding::HEXLOWER;
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

/// What is wrong with the definitions: a line for each file or operation that is wrong, which names
/// file, operation and field.
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
        let parsed = texts.iter().map(|(name, text)| {
            let file = read::parse_file(name, text)?;
            Ok((name.clone(), file))
        });
        let files = each_or_mistakes(parsed).map_err(told_together)?;
        let mut files = fragments::expand_fragments(files)?;
        let mut mistakes = replaced::take_out_replaced(&mut files);
        let definitions = serde_json::to_value(merge_files(files.clone()))
            .map_err(|e| CatalogError(e.to_string()))?;
        mistakes.extend(request_names::check_request_names(&files));
        mistakes.extend(member_names::check_member_names(&files));
        let compiled = match Self::compile(files, definitions) {
            Ok(catalog) if mistakes.is_empty() => return Ok(catalog),
            Ok(_) => Vec::new(),
            Err(others) => others,
        };
        mistakes.extend(compiled);
        let with_line = |mistake| read::with_line(mistake, &texts);
        Err(told_together(mistakes.into_iter().map(with_line).collect()))
    }

    /// The definitions that another catalog gave as [`Catalog::definitions`]: the same version,
    /// whatever release that was.
    pub fn from_definitions(definitions: &Value) -> Result<Self, CatalogError> {
        let file: FileDefinition = serde_json::from_value(definitions.clone())
            .map_err(|e| CatalogError(format!("definitions: {e}")))?;
        let files = vec![("definitions".to_owned(), file)];
        Self::compile(files, definitions.clone()).map_err(told_together)
    }

    fn compile(
        files: Vec<(String, FileDefinition)>,
        definitions: Value,
    ) -> Result<Self, Vec<CatalogError>> {
        let one = |mistake: String| vec![CatalogError(mistake)];
        if let Some((file, language)) = files.iter().find_map(|(file, definition)| {
            Some((file, definition.language.filter(|l| *l != LANGUAGE)?))
        }) {
            return Err(one(format!(
                "{file}: written in language {language}, but this release reads {LANGUAGE}"
            )));
        }
        let mut surroundings = Surroundings::collect(&files).map_err(one)?;
        let own = surroundings.tables.values();
        let tables: Vec<Table> = own.map(|own| own.table.clone()).collect();
        surroundings.home = Arc::new(OperationHome {
            version: definitions_version(&definitions).into(),
            sealed: SealedMarks::collect(&files, &tables).map_err(one)?,
            hooks: compile::collect_hooks(&files).map_err(one)?,
        });
        let operations = compile_operations(&files, &surroundings)?;
        check_routes(&operations).map_err(|mistake| vec![mistake])?;
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

    /// Do operations write this collection, rather than clients?
    pub fn owns_collection(&self, index: &str, collection: &str) -> bool {
        let mut own = self.collections().iter();
        own.any(|own| own.index == index && own.collection == collection)
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

/// All of them, or what is wrong with each that is none.
fn compile_operations(
    files: &[(String, FileDefinition)],
    surroundings: &Surroundings,
) -> Result<BTreeMap<String, Arc<Operation>>, Vec<CatalogError>> {
    let mut operations = BTreeMap::new();
    let mut places: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut mistakes, mut broken) = (Vec::new(), BTreeSet::new());
    // What stands on others comes behind them: many-document forms and operations with parts,
    // then those that take a file, whose lines are such operations.
    for rank in 0..3 {
        let all = files.iter().flat_map(|(file, definition)| {
            let declared = definition.operations.iter();
            declared.map(move |operation| (file.as_str(), operation))
        });
        for (file, operation) in all.filter(|(_, operation)| rank_of(operation) == rank) {
            let name = operation.name.as_str();
            let mut told = |why: String| {
                mistakes.push(CatalogError(format!("{file}: operation `{name}`{why}")));
            };
            if let Some(other) = places.insert(name, file) {
                let hint = if replaced::may_be_replaced(name) {
                    "; with `replaces: true` it takes that one's place"
                } else {
                    ""
                };
                told(format!(" is declared twice, first in {other}{hint}"));
                continue;
            }
            // What is wrong with the one that it stands on is told there.
            if stands_on(operation).any(|other| broken.contains(other)) {
                broken.insert(name);
                continue;
            }
            match compile::compile_operation(operation, surroundings, &operations) {
                Ok(compiled) => _ = operations.insert(name.to_owned(), Arc::new(compiled)),
                Err(why) => {
                    told(format!(": {why}"));
                    broken.insert(name);
                }
            }
        }
    }
    if mistakes.is_empty() {
        Ok(operations)
    } else {
        Err(mistakes)
    }
}

/// The names of the operations that a definition refers to.
fn stands_on(operation: &OperationDefinition) -> impl Iterator<Item = &str> {
    let many = operation.many.iter().map(|many| many.of.as_str());
    let parts = operation.parts.iter().map(|part| part.operation.as_str());
    let lines = operation.upload.iter().map(|upload| upload.line.as_str());
    many.chain(parts).chain(lines)
}

fn each_or_mistakes<T, E>(each: impl Iterator<Item = Result<T, E>>) -> Result<Vec<T>, Vec<E>> {
    let (mut sound, mut mistakes) = (Vec::new(), Vec::new());
    for one in each {
        match one {
            Ok(value) => sound.push(value),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() {
        Ok(sound)
    } else {
        Err(mistakes)
    }
}

/// A line for each.
fn told_together(mistakes: Vec<CatalogError>) -> CatalogError {
    let lines: Vec<String> = mistakes.into_iter().map(|mistake| mistake.0).collect();
    CatalogError(lines.join("\n"))
}

fn rank_of(operation: &OperationDefinition) -> u8 {
    if operation.upload.is_some() {
        2
    } else {
        u8::from(operation.many.is_some() || !operation.parts.is_empty())
    }
}

fn check_routes(operations: &BTreeMap<String, Arc<Operation>>) -> Result<(), CatalogError> {
    let mut routes: BTreeMap<(&str, String), &str> = BTreeMap::new();
    for (name, operation) in operations {
        for (method, path) in operation.routes() {
            let why = match routes.insert((method, route::path_shape(path)), name) {
                None => continue,
                Some(other) if other == name => {
                    format!("operation `{name}` has the route {method} {path} twice")
                }
                Some(other) => {
                    format!("operations `{other}` and `{name}` have the same route {method} {path}")
                }
            };
            return Err(CatalogError(why));
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
    HEXLOWER.encode(&Sha256::digest(definitions.to_string())[..6])
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
