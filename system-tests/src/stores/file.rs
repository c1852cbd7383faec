//! The embedded store's file, read beside the process that writes it.

use super::{Held, Kept, cells, owned};
use anyhow::Result;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::Path};

const DOCUMENTS: &str = "SELECT 'document ' || p.idx || '/' || p.collection || '/' || d.id, d.version || ' ' || d.request, d.body \
    FROM documents d JOIN places p ON p.place = d.place WHERE d.body IS NOT NULL";
const ROWS: &str = "SELECT t.name, r.key, r.newest, r.marker, r.cells, r.older FROM rows r JOIN tables t ON t.number = r.number";
const VALUES: &str = "SELECT name, holder FROM unique_values";
const COLLECTIONS: &str =
    "SELECT 'collection ' || idx || '/' || collection, record FROM collections";

/// All of it, at one moment.
pub(super) fn read(path: &Path) -> Result<Held> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let mut file = Connection::open_with_flags(path, flags)?;
    let moment = file.transaction()?;
    let mut held = Held::new();
    let mut documents = moment.prepare(DOCUMENTS)?;
    let mut found = documents.query([])?;
    while let Some(row) = found.next()? {
        let (name, written, body): (String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let content = serde_json::from_str(&body)?;
        held.insert(name, Kept { content, written });
    }
    let mut rows = moment.prepare(ROWS)?;
    let mut found = rows.query([])?;
    while let Some(row) = found.next()? {
        held.extend(read_row(row)?);
    }
    let mut values = moment.prepare(VALUES)?;
    let mut found = values.query([])?;
    while let Some(row) = found.next()? {
        let (name, holder): (String, String) = (row.get(0)?, row.get(1)?);
        held.extend(owned(&name, &holder)?);
    }
    let mut collections = moment.prepare(COLLECTIONS)?;
    let mut found = collections.query([])?;
    while let Some(row) = found.next()? {
        let (name, content): (String, String) = (row.get(0)?, row.get(1)?);
        let kept = Kept {
            content: content.into(),
            written: String::new(),
        };
        held.insert(name, kept);
    }
    Ok(held)
}

/// Nothing where it was removed.
fn read_row(row: &rusqlite::Row<'_>) -> Result<Option<(String, Kept)>> {
    let (table, key, newest, marker): (String, String, i64, i64) =
        (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    let (stored, older): (String, Option<String>) = (row.get(4)?, row.get(5)?);
    let mut all: Map<String, Value> = serde_json::from_str(&stored)?;
    if let Some(older) = older {
        let older: BTreeMap<String, Vec<Value>> = serde_json::from_str(&older)?;
        let second = older
            .into_iter()
            .filter_map(|(name, cell)| Some((name, cell.into_iter().nth(1)?)));
        all.extend(second);
    }
    let content = cells(all);
    let is_empty = content.as_object().is_some_and(Map::is_empty);
    if marker == 0 && is_empty {
        return Ok(None);
    }
    let key: Vec<Value> = serde_json::from_str(&key)?;
    let key: Vec<String> = key.iter().map(super::plain).collect();
    let name = format!("row {table}/{}", key.join("/"));
    let kept = Kept {
        content,
        written: newest.to_string(),
    };
    Ok(Some((name, kept)))
}
