//! The file of the embedded default, read with SQLite's own library beside the process that writes it.

use super::{Held, Kept, cells, owned, plain};
use crate::cluster::Cluster;
use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Map, Value};
use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

const DOCUMENTS: &str = "SELECT places.idx, places.collection, documents.id, documents.version, documents.request, documents.body, places.incarnation, \
    collections.record FROM documents JOIN places USING (place) JOIN collections USING (idx, collection)";
const ROWS: &str = "SELECT tables.name, rows.key, rows.cells, rows.older, rows.marker, rows.cleared, rows.expires FROM rows JOIN tables USING (number)";

/// Where the file is.
#[derive(Debug)]
pub struct StoreFile {
    path: PathBuf,
}

impl StoreFile {
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let path = cluster.folder().join("data/store/consign.sqlite");
        Self { path }
    }

    /// # Errors
    /// If the file cannot be read.
    pub fn read(&self) -> Result<Held> {
        let file = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .with_context(|| self.path.display().to_string())?;
        let mut held = Held::new();
        for found in [all(&file, DOCUMENTS, document)?, all(&file, ROWS, row)?] {
            held.extend(found);
        }
        held.extend(all(
            &file,
            "SELECT name, holder FROM unique_values",
            |row| owned(&text(row, 0)?, &text(row, 1)?),
        )?);
        Ok(held)
    }
}

/// What the lines of a query stand for, those left out that stand for nothing.
fn all(
    file: &Connection,
    query: &str,
    read: impl Fn(&Row<'_>) -> Result<Option<(String, Kept)>>,
) -> Result<Vec<(String, Kept)>> {
    let mut statement = file.prepare(query)?;
    let mut lines = statement.query([])?;
    let mut found = Vec::new();
    while let Some(line) = lines.next()? {
        found.extend(read(line)?);
    }
    Ok(found)
}

/// Nothing where it was removed, or is of a collection as it was before.
fn document(row: &Row<'_>) -> Result<Option<(String, Kept)>> {
    let definition: Value = serde_json::from_str(&text(row, 7)?)?;
    let body: Option<String> = row.get(5)?;
    let Some(body) = body.filter(|_| definition["incarnation"] == text(row, 6).unwrap_or_default())
    else {
        return Ok(None);
    };
    let name = format!(
        "document {}/{}/{}",
        text(row, 0)?,
        text(row, 1)?,
        text(row, 2)?
    );
    let written = format!("{} {}", row.get::<_, i64>(3)?, text(row, 4)?);
    let content = serde_json::from_str(&body)?;
    Ok(Some((name, Kept { content, written })))
}

/// A row is there as long as its marker or one of its cells is.
fn row(row: &Row<'_>) -> Result<Option<(String, Kept)>> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let holds = |expires: Option<i64>| expires.is_none_or(|end| end > now);
    let (marker, cleared): (i64, i64) = (row.get(4)?, row.get(5)?);
    let newest_hold = holds(row.get(6)?);
    let mut alive: Map<String, Value> = Map::new();
    if newest_hold {
        alive = serde_json::from_str(&text(row, 2)?)?;
    }
    let older: Option<String> = row.get(3)?;
    let older: Map<String, Value> = serde_json::from_str(older.as_deref().unwrap_or("{}"))?;
    for (name, cell) in older {
        let (time, expires) = (cell[0].as_i64().unwrap_or(0), cell[2].as_i64());
        if time > cleared && holds(expires) {
            alive.insert(name, cell[1].clone());
        }
    }
    let is_marked = marker > 0 && newest_hold;
    if !is_marked && alive.values().all(Value::is_null) {
        return Ok(None);
    }
    let key: Vec<Value> = serde_json::from_str(&text(row, 1)?)?;
    let key: Vec<String> = key.iter().map(plain).collect();
    let name = format!("row {}/{}", text(row, 0)?, key.join("/"));
    let written = String::new();
    Ok(Some((
        name,
        Kept {
            content: cells(alive),
            written,
        },
    )))
}

fn text(row: &Row<'_>, column: usize) -> Result<String> {
    Ok(row.get(column)?)
}
