//! The operations' own tables as they stand in Cassandra: columns, types, and the four statements
//! on each. Read once from the schema, so that a worker needs nothing but a table's name; forgotten
//! when something does not fit.

use crate::{
    cell::parse_type, classify::CassandraFailure, session::SessionConnection, session::quoted_name,
};
use parking_lot::RwLock;
use scylla::statement::prepared::PreparedStatement;
use std::{collections::HashMap, sync::Arc};
use store::schema::{Column, ColumnType, Table};

pub(crate) struct RowShape {
    /// Without columns of types that no catalog asks for.
    pub(crate) table: Table,
    /// Columns beside the key, in the order in which the statements bind them.
    pub(crate) cells: Vec<String>,
    /// Key, cells, `timestamp, ttl`.
    pub(crate) insert: Arc<PreparedStatement>,
    /// `timestamp, ttl`, cells, key. Missing where the table has nothing but its key.
    pub(crate) update: Option<Arc<PreparedStatement>>,
    /// `timestamp`, key.
    pub(crate) delete: Arc<PreparedStatement>,
    /// Key; gives the cells in order (the key where there are none), then how long each of
    /// [`RowShape::timed`] still lives.
    pub(crate) select: Arc<PreparedStatement>,
    /// Cells that have one time to live: sets and maps have one for each element.
    pub(crate) timed: Vec<String>,
}

impl RowShape {
    pub(crate) fn cell(&self, name: &str) -> Option<usize> {
        self.cells.iter().position(|cell| cell == name)
    }

    pub(crate) fn kind(&self, name: &str) -> Option<&ColumnType> {
        self.table.column(name).map(|column| &column.kind)
    }
}

#[derive(Default)]
pub(crate) struct RowShapes(RwLock<HashMap<String, Arc<RowShape>>>);

impl RowShapes {
    pub(crate) async fn of(
        &self,
        connection: &SessionConnection,
        table: &str,
    ) -> Result<Arc<RowShape>, CassandraFailure> {
        if let Some(known) = self.0.read().get(table) {
            return Ok(Arc::clone(known));
        }
        let shape = Arc::new(read_shape(connection, table).await?);
        self.0.write().insert(table.to_owned(), Arc::clone(&shape));
        Ok(shape)
    }

    pub(crate) fn forget(&self, table: &str) {
        self.0.write().remove(table);
    }

    pub(crate) fn forget_all(&self) {
        self.0.write().clear();
    }
}

/// (name, kind, position, type) of every column, straight from the schema.
pub(crate) async fn read_columns(
    connection: &SessionConnection,
    table: &str,
) -> Result<Vec<(String, String, i32, String)>, CassandraFailure> {
    let text = "SELECT column_name, kind, position, type FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?";
    let found = connection
        .run(text, (&connection.config().keyspace, table))
        .await?;
    let rows = found
        .into_rows_result()
        .map_err(|e| CassandraFailure::Transient(e.to_string()))?;
    let rows = rows
        .rows::<(String, String, i32, String)>()
        .map_err(|e| CassandraFailure::Transient(e.to_string()))?;
    rows.collect::<Result<_, _>>()
        .map_err(|e| CassandraFailure::Transient(e.to_string()))
}

async fn read_shape(
    connection: &SessionConnection,
    table: &str,
) -> Result<RowShape, CassandraFailure> {
    let mut columns = read_columns(connection, table).await?;
    if columns.is_empty() {
        return Err(CassandraFailure::NotPrepared(format!(
            "there is no table {table} in keyspace {}",
            connection.config().keyspace
        )));
    }
    if let Some((name, _, _, kind)) = columns
        .iter()
        .find(|(_, role, _, kind)| role != "regular" && parse_type(kind).is_none())
    {
        return Err(CassandraFailure::NotPrepared(format!(
            "table {table} has {name} {kind} in its key, which no catalog asks for"
        )));
    }
    columns.sort_by(|a, b| (&a.1, a.2, &a.0).cmp(&(&b.1, b.2, &b.0)));
    let named = |wanted: &str| {
        columns
            .iter()
            .filter(|(_, role, ..)| role == wanted)
            .map(|(name, ..)| name.clone())
            .collect::<Vec<_>>()
    };
    let known = |(name, _, _, kind): &(String, String, i32, String)| {
        Some(Column {
            name: name.clone(),
            kind: parse_type(kind)?,
        })
    };
    let table = Table {
        name: table.to_owned(),
        partition_key: named("partition_key"),
        clustering: named("clustering"),
        columns: columns.iter().filter_map(known).collect(),
        indexes: Vec::new(),
    };
    let cells: Vec<String> = named("regular")
        .into_iter()
        .filter(|name| table.column(name).is_some())
        .collect();
    prepare_statements(connection, table, cells).await
}

async fn prepare_statements(
    connection: &SessionConnection,
    table: Table,
    cells: Vec<String>,
) -> Result<RowShape, CassandraFailure> {
    let quoted_all = |names: &[String]| {
        names
            .iter()
            .map(|name| quoted_name(name))
            .collect::<Vec<_>>()
    };
    let assigned = |names: &[String], between: &str| {
        names
            .iter()
            .map(|name| format!("{name} = ?"))
            .collect::<Vec<_>>()
            .join(between)
    };
    let key: Vec<String> = table.key().map(quoted_name).collect();
    let beside = quoted_all(&cells);
    let name = connection.table(&table.name);
    let at = assigned(&key, " AND ");
    let all = [key.as_slice(), beside.as_slice()].concat();
    let marks = vec!["?"; all.len()].join(", ");
    let is_timed = |name: &&String| {
        let kind = table.column(name).map(|column| &column.kind);
        !matches!(kind, Some(ColumnType::Set(_) | ColumnType::Map(_)))
    };
    let timed: Vec<String> = cells.iter().filter(is_timed).cloned().collect();
    let lives = timed
        .iter()
        .map(|name| format!("TTL({})", quoted_name(name)));
    let selected = if beside.is_empty() {
        key.join(", ")
    } else {
        let columns: Vec<String> = beside.iter().cloned().chain(lives).collect();
        columns.join(", ")
    };
    let insert = format!(
        "INSERT INTO {name} ({}) VALUES ({marks}) USING TIMESTAMP ? AND TTL ?",
        all.join(", ")
    );
    let update = if beside.is_empty() {
        None
    } else {
        Some(
            connection
                .prepare(&format!(
                    "UPDATE {name} USING TIMESTAMP ? AND TTL ? SET {} WHERE {at}",
                    assigned(&beside, ", ")
                ))
                .await?,
        )
    };
    Ok(RowShape {
        insert: connection.prepare(&insert).await?,
        update,
        delete: connection
            .prepare(&format!("DELETE FROM {name} USING TIMESTAMP ? WHERE {at}"))
            .await?,
        select: connection
            .prepare(&format!("SELECT {selected} FROM {name} WHERE {at}"))
            .await?,
        table,
        cells,
        timed,
    })
}
