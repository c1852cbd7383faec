//! The rows of one partition of a table, one after the other. Reads only.

use crate::{
    STORE,
    apply::bind_key,
    cell::to_json,
    classify::CassandraFailure,
    read::damaged_error,
    session::SessionConnection,
    session::quoted_name,
    shape::{RowShape, RowShapes},
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
    if scan.after.is_none() {
        bound.pop();
    }
    let text = scan_statement(connection, &shape, scan);
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
        found.push(scanned_row(&shape, scan, &row.map_err(damaged_error)?));
    }
    Ok(found)
}

/// The number is ours, and few are used: each is a statement that is prepared once.
fn scan_statement(connection: &SessionConnection, shape: &RowShape, scan: &RowScan) -> String {
    let selected: Vec<String> = column_names(shape).map(quoted_name).collect();
    let partition = shape.table.partition_key.iter();
    let mut at: Vec<String> = partition
        .map(|name| format!("{} = ?", quoted_name(name)))
        .collect();
    if scan.after.is_some() {
        let behind = shape.table.clustering.iter();
        at.extend(behind.map(|name| format!("{} > ?", quoted_name(name))));
    }
    format!(
        "SELECT {} FROM {} WHERE {} LIMIT {}",
        selected.join(", "),
        connection.table(&scan.table),
        at.join(" AND "),
        scan.limit.max(1)
    )
}

/// Those of the key first.
fn column_names(shape: &RowShape) -> impl Iterator<Item = &str> {
    shape
        .table
        .key()
        .chain(shape.cells.iter().map(String::as_str))
}

fn scanned_row(shape: &RowShape, scan: &RowScan, row: &Row) -> (RowKey, StoredRow) {
    let mut named = column_names(shape)
        .zip(&row.columns)
        .map(|(name, cell)| (name.to_owned(), cell.as_ref().and_then(to_json)));
    let key = RowKey {
        table: scan.table.clone(),
        key: named
            .by_ref()
            .take(shape.table.key().count())
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
    };
    let cells: Map<_, _> = named
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let expires = None;
    (key, StoredRow { cells, expires })
}
