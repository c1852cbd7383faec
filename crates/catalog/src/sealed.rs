//! Marks of what is sealed, as definitions declare them: what cannot be marked is refused when the catalog
//! is loaded.

use crate::{
    definition::{ClaimDefinition, FileDefinition, OperationDefinition, WriteDefinition},
    sealed_marks::{SealedMarks, SealedPath},
};
use event_schema::table::{ColumnType, Table};
use serde_json::Value;
use std::collections::BTreeSet;

impl SealedMarks {
    pub(crate) fn collect(
        files: &[(String, FileDefinition)],
        tables: &[Table],
    ) -> Result<Self, String> {
        let mut marks = Self::default();
        for (file, definition) in files {
            marks
                .add(definition, tables)
                .map_err(|why| format!("{file}: {why}"))?;
        }
        let operations = files
            .iter()
            .flat_map(|(_, definition)| &definition.operations);
        marks.touching = operations
            .filter(|operation| marks.touches(operation))
            .map(|operation| operation.name.clone())
            .collect();
        Ok(marks)
    }

    fn touches(&self, operation: &OperationDefinition) -> bool {
        let writes = |write: &WriteDefinition| {
            let row = write.row.as_ref();
            let is_row = row.is_some_and(|row| self.is_table(&row.table.to_lowercase()));
            let is_document = write.document.as_ref().is_some_and(|target| {
                let pair = (target.index.as_str(), target.collection.as_str());
                matches!(pair, (Some(index), Some(collection)) if !self.documents(index, collection).is_empty())
            });
            is_row || is_document
        };
        let claims = |claim: &ClaimDefinition| {
            let mut spaces = claim.take.iter().chain(&claim.release);
            spaces.any(|unique| self.is_space(&unique.space))
        };
        let kind = operation.key.as_ref().and_then(|key| key.of.as_ref());
        self.requests.contains_key(&operation.name)
            || kind.is_some_and(|kind| self.is_kind(kind))
            || operation.write.iter().any(writes)
            || operation.claims.iter().any(claims)
    }

    fn add(&mut self, definition: &FileDefinition, tables: &[Table]) -> Result<(), String> {
        self.spaces.extend(definition.sealed_values.iter().cloned());
        self.kinds.extend(definition.sealed_keys.iter().cloned());
        for table in definition.tables.iter().filter(|t| !t.sealed.is_empty()) {
            let name = table.name.to_lowercase();
            let columns: BTreeSet<String> = table.sealed.iter().map(|c| c.to_lowercase()).collect();
            let declared = tables.iter().find(|table| table.name == name);
            for column in &columns {
                let kind = declared.and_then(|table| table.column(column));
                if kind.is_none_or(|column| column.kind != ColumnType::Text) {
                    return Err(format!(
                        "table `{name}`: sealed: `{column}` is no column of type text"
                    ));
                }
            }
            self.columns.insert(name, columns);
        }
        for own in &definition.collections {
            let paths = parse_paths(&own.sealed)
                .map_err(|why| format!("collection `{}/{}`: {why}", own.index, own.collection))?;
            let mapped = paths.iter().find(|path| !is_text(&own.mappings, path));
            if let Some(path) = mapped {
                return Err(format!(
                    "collection `{}/{}`: sealed: `{}` is mapped as something else than a text",
                    own.index, own.collection, path
                ));
            }
            if !paths.is_empty() {
                let pair = (own.index.clone(), own.collection.clone());
                self.documents.insert(pair, paths);
            }
        }
        for operation in &definition.operations {
            let paths = parse_paths(&operation.sealed)
                .map_err(|why| format!("operation `{}`: {why}", operation.name))?;
            let declared = |path: &&SealedPath| {
                let properties = &operation.request["properties"];
                properties.get(&path.0[0]).is_none()
            };
            if let Some(path) = paths.iter().find(declared) {
                return Err(format!(
                    "operation `{}`: sealed: its request has no property `{}`",
                    operation.name, path.0[0]
                ));
            }
            if !paths.is_empty() {
                self.requests.insert(operation.name.clone(), paths);
            }
        }
        Ok(())
    }
}

fn parse_paths(texts: &[String]) -> Result<Vec<SealedPath>, String> {
    texts.iter().map(|text| SealedPath::parse(text)).collect()
}

/// Would the view take a text there? What is not mapped is taken.
fn is_text(mappings: &Value, path: &SealedPath) -> bool {
    let mut at = mappings;
    for name in &path.0 {
        at = &at["properties"][name];
    }
    matches!(at["type"].as_str(), None | Some("text" | "keyword")) && at["properties"].is_null()
}

#[cfg(test)]
mod tests;
