//! `GET /v1/tables/{table}/{key…}`: one row, a path segment per key column. Rows of a table that the
//! catalog hides are never shown: the answer is that of a table that is not there.

use crate::{
    access::{Caller, system},
    answer,
    app::{App, Shared},
    error::{Code, Problem},
    lookup::after,
    request::{
        path::shorten_text,
        query::{QueryString, percent_decode},
    },
};
use axum::{extract::State, response::Response};
use catalog::Catalog;
use event_schema::{
    mutation::RowKey,
    table::{ColumnType, Table},
};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Map, Value};

pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    uri: Uri,
    query: QueryString,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let key = row_key(&app, uri.path())?;
    after::wait_for_query(&app, &caller, &headers, &query).await?;
    let found = app
        .ports
        .record
        .rows(&[app.sealed.row_key(key.clone())])
        .await?
        .into_iter()
        .flatten()
        .next();
    let row = found.ok_or_else(|| {
        Problem::new(
            Code::Missing,
            format!("there is no row `{}`", shorten_text(&key.to_string())),
        )
    })?;
    let (mut whole, mut cells) = (key.key, row.cells);
    app.sealed.row(&key.table, &mut cells).await?;
    whole.extend(cells);
    Ok(answer::json_response(StatusCode::OK, &whole))
}

/// From the raw path: an escaped slash belongs to its segment.
fn row_key(app: &App, path: &str) -> Result<RowKey, Problem> {
    let mut segments = path
        .trim_start_matches("/v1/tables/")
        .split('/')
        .map(|segment| percent_decode(segment, false));
    let name = segments.next().transpose()?.unwrap_or_default();
    let catalog = app.ports.catalog.current();
    let table = find_table(&catalog, &name)?;
    let segments: Vec<String> = segments.collect::<Result<_, _>>()?;
    let columns: Vec<&str> = table.key().collect();
    if segments.len() != columns.len() {
        let detail = format!(
            "the key of `{}` is {}: {} given",
            table.name,
            columns.join(" / "),
            segments.len()
        );
        return Err(Problem::new(Code::BadKey, detail));
    }
    let mut key = Map::new();
    for (column, segment) in columns.into_iter().zip(segments) {
        let kind = table.column(column).map(|column| &column.kind);
        let value = kind.and_then(|kind| parse_cell(kind, &segment));
        let value = value.ok_or_else(|| {
            Problem::new(
                Code::BadKey,
                format!(
                    "`{}` is no value of the key column `{column}`",
                    shorten_text(&segment)
                ),
            )
        })?;
        key.insert(column.to_owned(), value);
    }
    Ok(RowKey {
        table: table.name.clone(),
        key,
    })
}

fn find_table<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Table, Problem> {
    let shown = |table: &&Table| !catalog.is_hidden(&table.name) && !system::is_table(&table.name);
    let tables: Vec<&Table> = catalog.tables().iter().filter(shown).collect();
    tables
        .iter()
        .copied()
        .find(|table| table.name == name)
        .ok_or_else(|| {
            let like = |table: &&Table| (strsim::jaro_winkler(&table.name, name) * 1000.0) as u32;
            let nearest = tables
                .iter()
                .copied()
                .max_by_key(like)
                .filter(|table| like(table) > 800);
            let detail = match nearest {
                Some(table) => format!(
                    "there is no table `{}`: did you mean `{}`?",
                    shorten_text(name),
                    table.name
                ),
                None => format!("there is no table `{}`", shorten_text(name)),
            };
            Problem::new(Code::UnknownTable, detail)
        })
}

fn parse_cell(kind: &ColumnType, text: &str) -> Option<Value> {
    match kind {
        ColumnType::Text => Some(text.into()),
        ColumnType::Int => text.parse::<i32>().ok().map(Value::from),
        ColumnType::Bigint => text.parse::<i64>().ok().map(Value::from),
        ColumnType::Double => text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(Value::from),
        ColumnType::Boolean => text.parse::<bool>().ok().map(Value::from),
        ColumnType::Timestamp => Some(
            text.parse::<i64>()
                .map_or_else(|_| text.into(), Value::from),
        ),
        ColumnType::List(_) | ColumnType::Set(_) | ColumnType::Map(_) => None,
    }
}
