//! The rows of one partition of a table, one after the other. Reads only.

use crate::{
    STORE, apply::bind_key, cell::to_json, classify::CassandraFailure, read::damaged_error,
    session::SessionConnection, session::quoted_name, shape::RowShapes,
};
use event_schema::mutation::RowKey;
use scylla::value::Row;
use serde_json::Map;
use store::{
    StoreError,
    document::{RowScan, StoredRow},
};

pub(crate) async fn scan_rows(
    connection: &SessionConnection,
    shapes: &RowShapes,
    scan: &RowScan,
) -> Result<Vec<(RowKey, StoredRow)>, StoreError> {
    let shape = shapes
        .of(connection, &scan.table)
        .await
        .map_err(CassandraFailure::into_error)?;
    let refused = |why: String| StoreError::Refused { store: STORE, why };
    let [clustering] = shape.table.clustering.as_slice() else {
        let why = format!("the table {} has not one clustering column", scan.table);
        return Err(refused(why));
    };
    let mut columns = scan.partition.clone();
    let after = scan.after.clone().unwrap_or_default();
    columns.insert(clustering.clone(), after.into());
    let first = RowKey {
        table: scan.table.clone(),
        key: columns,
    };
    let mut bound = bind_key(&shape, &first)
        .map_err(|misfit| refused(format!("rows of {}: {misfit}", scan.table)))?;
    let keys: Vec<&str> = shape.table.key().collect();
    let selected: Vec<String> = keys
        .iter()
        .copied()
        .chain(shape.cells.iter().map(String::as_str))
        .map(quoted_name)
        .collect();
    let mut at: Vec<String> = shape
        .table
        .partition_key
        .iter()
        .map(|name| format!("{} = ?", quoted_name(name)))
        .collect();
    if scan.after.is_some() {
        at.push(format!("{} > ?", quoted_name(clustering)));
    } else {
        bound.pop();
    }
    // The number is ours, and few are used: each is a statement that is prepared once.
    let text = format!(
        "SELECT {} FROM {} WHERE {} LIMIT {}",
        selected.join(", "),
        connection.table(&scan.table),
        at.join(" AND "),
        scan.limit.max(1)
    );
    let answer = match connection.run(&text, &bound).await {
        Err(CassandraFailure::Suspect(message)) => {
            shapes.forget(&scan.table);
            return Err(connection.suspect(&text, message).await.into_error());
        }
        other => other.map_err(CassandraFailure::into_error)?,
    };
    let answer = answer.into_rows_result().map_err(damaged_error)?;
    let mut found = Vec::new();
    for row in answer.rows::<Row>().map_err(damaged_error)? {
        let row = row.map_err(damaged_error)?;
        let mut named = keys
            .iter()
            .copied()
            .chain(shape.cells.iter().map(String::as_str))
            .zip(&row.columns)
            .map(|(name, cell)| (name.to_owned(), cell.as_ref().and_then(to_json)));
        let key = RowKey {
            table: scan.table.clone(),
            key: named
                .by_ref()
                .take(keys.len())
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
        };
        let cells: Map<_, _> = named
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        found.push((
            key,
            StoredRow {
                cells,
                expires: None,
            },
        ));
    }
    Ok(found)
}
