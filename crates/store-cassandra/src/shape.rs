//! The operations' own tables as they stand in Cassandra: columns, types, and the four statements on each. Read once from the schema, so that a
//! worker needs nothing but a table's name; forgotten when something does not fit.

use crate::{cell::parse_type, classify::Failure, session::Connection, session::quoted};
use parking_lot::RwLock;
use scylla::statement::prepared::PreparedStatement;
use std::{collections::HashMap, sync::Arc};
use store::schema::ColumnType;

pub(crate) struct Shape {
    pub(crate) partition_key: Vec<KeyColumn>,
    pub(crate) clustering: Vec<KeyColumn>,
    /// Neither key nor unknown type, in the order in which the statements bind them.
    pub(crate) cells: Vec<KeyColumn>,
    /// All of the columns `timestamp, ttl` last.
    pub(crate) insert: Arc<PreparedStatement>,
    /// `timestamp, ttl`, cells, key. Missing where the table has nothing but its key.
    pub(crate) update: Option<Arc<PreparedStatement>>,
    /// `timestamp`, key.
    pub(crate) delete: Arc<PreparedStatement>,
    /// Key; gives the cells in order (one constant where there are none).
    pub(crate) select: Arc<PreparedStatement>,
}

pub(crate) struct KeyColumn {
    pub(crate) name: String,
    pub(crate) kind: ColumnType,
}

impl Shape {
    pub(crate) fn key(&self) -> impl Iterator<Item = &KeyColumn> {
        self.partition_key.iter().chain(&self.clustering)
    }

    pub(crate) fn cell(&self, name: &str) -> Option<usize> {
        self.cells.iter().position(|column| column.name == name)
    }
}

#[derive(Default)]
pub(crate) struct Shapes(RwLock<HashMap<String, Arc<Shape>>>);

impl Shapes {
    pub(crate) async fn of(&self, connection: &Connection, table: &str) -> Result<Arc<Shape>, Failure> {
        if let Some(known) = self.0.read().get(table) {
            return Ok(Arc::clone(known));
        }
        let shape = Arc::new(read(connection, table).await?);
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
pub(crate) async fn columns(connection: &Connection, table: &str) -> Result<Vec<(String, String, i32, String)>, Failure> {
    let text = "SELECT column_name, kind, position, type FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?";
    let found = connection.run(text, (&connection.config().keyspace, table)).await?;
    let rows = found.into_rows_result().map_err(|e| Failure::Transient(e.to_string()))?;
    let rows = rows.rows::<(String, String, i32, String)>().map_err(|e| Failure::Transient(e.to_string()))?;
    rows.collect::<Result<_, _>>().map_err(|e| Failure::Transient(e.to_string()))
}

async fn read(connection: &Connection, table: &str) -> Result<Shape, Failure> {
    let mut columns = columns(connection, table).await?;
    if columns.is_empty() {
        return Err(Failure::NotPrepared(format!("there is no table {table} in keyspace {}", connection.config().keyspace)));
    }
    if let Some((name, _, _, kind)) = columns.iter().find(|(_, role, _, kind)| role != "regular" && parse_type(kind).is_none()) {
        return Err(Failure::NotPrepared(format!("table {table} has {name} {kind} in its key, which no catalog asks for")));
    }
    columns.sort_by(|a, b| (&a.1, a.2, &a.0).cmp(&(&b.1, b.2, &b.0)));
    let of = |wanted: &str| -> Vec<KeyColumn> {
        let matching = columns.iter().filter(|(_, kind, ..)| kind == wanted);
        matching.filter_map(|(name, _, _, kind)| Some(KeyColumn { name: name.clone(), kind: parse_type(kind)? })).collect()
    };
    let (partition_key, clustering, cells) = (of("partition_key"), of("clustering"), of("regular"));
    let names = |columns: &mut dyn Iterator<Item = &KeyColumn>, each: &dyn Fn(&str) -> String, between: &str| {
        columns.map(|column| each(&quoted(&column.name))).collect::<Vec<_>>().join(between)
    };
    let plain = |name: &str| name.to_owned();
    let assigned = |name: &str| format!("{name} = ?");
    let key = || partition_key.iter().chain(&clustering);
    let at = names(&mut key(), &assigned, " AND ");
    let all = names(&mut key().chain(&cells), &plain, ", ");
    let marks = vec!["?"; key().count() + cells.len()].join(", ");
    let name = connection.table(table);
    let selected = if cells.is_empty() { names(&mut key(), &plain, ", ") } else { names(&mut cells.iter(), &plain, ", ") };
    let insert = connection.prepare(&format!("INSERT INTO {name} ({all}) VALUES ({marks}) USING TIMESTAMP ? AND TTL ?")).await?;
    let update = if cells.is_empty() {
        None
    } else {
        let set = names(&mut cells.iter(), &assigned, ", ");
        Some(connection.prepare(&format!("UPDATE {name} USING TIMESTAMP ? AND TTL ? SET {set} WHERE {at}")).await?)
    };
    let delete = connection.prepare(&format!("DELETE FROM {name} USING TIMESTAMP ? WHERE {at}")).await?;
    let select = connection.prepare(&format!("SELECT {selected} FROM {name} WHERE {at}")).await?;
    Ok(Shape { partition_key, clustering, cells, insert, update, delete, select })
}
