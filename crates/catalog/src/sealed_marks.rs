//! Which values are sealed, and where they stand in requests, documents, rows, unique values and keys. It
//! must never know a key or make a cipher text.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// All marks of a catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedMarks {
    pub(crate) requests: BTreeMap<String, Vec<SealedPath>>,
    pub(crate) columns: BTreeMap<String, BTreeSet<String>>,
    pub(crate) documents: BTreeMap<(String, String), Vec<SealedPath>>,
    pub(crate) spaces: BTreeSet<String>,
    pub(crate) kinds: BTreeSet<String>,
    /// Operations that have to do with anything sealed.
    pub(crate) touching: BTreeSet<String>,
}

/// Where a sealed value stands: names with `/` between them. Lists on the way are walked through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealedPath(pub(crate) Vec<String>);

impl SealedPath {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let names: Vec<String> = text.split('/').map(str::to_owned).collect();
        if names.iter().any(String::is_empty) {
            Err(format!("sealed: `{text}` is names with `/` between them"))
        } else {
            Ok(Self(names))
        }
    }

    /// Calls with every text that stands there, in their order.
    pub fn visit(&self, value: &mut Value, call: &mut dyn FnMut(&mut String)) {
        visit(&self.0, value, call);
    }
}

impl fmt::Display for SealedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

fn visit(names: &[String], value: &mut Value, call: &mut dyn FnMut(&mut String)) {
    match (value, names) {
        (Value::Array(items), _) => items.iter_mut().for_each(|item| visit(names, item, call)),
        (Value::String(text), []) => call(text),
        (Value::Object(members), [name, rest @ ..]) => {
            if let Some(member) = members.get_mut(name) {
                visit(rest, member, call);
            }
        }
        _ => {}
    }
}

impl SealedMarks {
    /// Of an operation's request.
    pub fn request(&self, operation: &str) -> &[SealedPath] {
        self.requests.get(operation).map_or(&[], Vec::as_slice)
    }

    /// Of a collection's documents.
    pub fn documents(&self, index: &str, collection: &str) -> &[SealedPath] {
        // Tuples of owned texts are not found by borrowed ones.
        let mut all = self.documents.iter();
        let found = all.find(|((i, c), _)| i == index && c == collection);
        found.map_or(&[], |(_, paths)| paths.as_slice())
    }

    /// Is the column sealed? One of the key is a keyed hash.
    pub fn is_column(&self, table: &str, column: &str) -> bool {
        self.columns
            .get(table)
            .is_some_and(|columns| columns.contains(column))
    }

    /// Has the table any sealed column?
    pub fn is_table(&self, table: &str) -> bool {
        self.columns.contains_key(table)
    }

    /// Are unique values of this space kept as keyed hashes?
    pub fn is_space(&self, space: &str) -> bool {
        self.spaces.contains(space)
    }

    /// Are ids of keys of this kind keyed hashes?
    pub fn is_kind(&self, kind: &str) -> bool {
        self.kinds.contains(kind)
    }

    /// Has the operation to do with anything sealed?
    pub fn is_touched_by(&self, operation: &str) -> bool {
        self.touching.contains(operation)
    }
}
