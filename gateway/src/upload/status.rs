//! How far an upload is, and what became of its lines: from the rows that its events write.

use super::open_uploads::{OpenUpload, OpenUploads};
use crate::{
    access::Caller,
    app::App,
    error::{Code, Problem},
    request::path::shorten_text,
};
use event_schema::mutation::RowKey;
use serde::Serialize;
use serde_json::{Map, Value};

/// What the row of a process says when all lines are done.
const COMPLETED: u64 = 3;
/// Lines that are read at once.
const STEP: u64 = 500;

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UploadStatus {
    pub process_id: String,
    pub object_type: Value,
    /// `NOT STARTED`, `IN PROGRESS`, `COMPLETED`.
    pub status: &'static str,
    pub task_count: u64,
    pub processed: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub uploaded_date: Value,
    pub process_end_time: Value,
    /// Who started it.
    #[serde(skip)]
    owner: String,
}

fn count_cell(row: &Map<String, Value>, name: &str) -> u64 {
    row.get(name).and_then(Value::as_u64).unwrap_or_default()
}

async fn find_row(
    app: &App,
    table: &str,
    key: Map<String, Value>,
) -> Result<Option<Map<String, Value>>, Problem> {
    let table = table.to_owned();
    let found = app.ports.record.rows(&[RowKey { table, key }]).await?;
    Ok(found.into_iter().flatten().next().map(|row| row.cells))
}

/// Are the results of its last line written?
pub(crate) async fn is_completed(app: &App, process: &str) -> Result<bool, Problem> {
    let key = Map::from_iter([("id".to_owned(), process.into())]);
    let row = find_row(app, "bulk_upload_process", key).await?;
    Ok(row.is_some_and(|row| count_cell(&row, "status") == COMPLETED))
}

/// For whoever started it, and for those who may do everything.
pub(crate) async fn upload_status(
    app: &App,
    caller: &Caller,
    process: &str,
) -> Result<UploadStatus, Problem> {
    let found = find_upload(app, process).await?;
    if *found.owner == *caller.name || caller.rights.allows_all() {
        return Ok(found);
    }
    let why = format!("upload `{}` was started by another", shorten_text(process));
    Err(Problem::new(Code::Forbidden, why))
}

async fn find_upload(app: &App, process: &str) -> Result<UploadStatus, Problem> {
    let key = Map::from_iter([("id".to_owned(), process.into())]);
    let Some(row) = find_row(app, "bulk_upload_process", key).await? else {
        // Its events may be on their way.
        let open = OpenUploads(app.ports.record.clone()).all().await?;
        if let Some(upload) = open.into_iter().find(|upload| upload.process == process) {
            return Ok(not_started(upload));
        }
        let why = format!("there is no upload `{}`", shorten_text(process));
        return Err(Problem::new(Code::Missing, why));
    };
    let cell = |name: &str| row.get(name).cloned().unwrap_or_default();
    let (processed, failed) = (
        count_cell(&row, "processedcount"),
        count_cell(&row, "failedcount"),
    );
    Ok(UploadStatus {
        process_id: process.to_owned(),
        object_type: cell("objecttype"),
        status: match count_cell(&row, "status") {
            1 => "IN PROGRESS",
            COMPLETED => "COMPLETED",
            9 => "FAILED",
            _ => "NOT STARTED",
        },
        task_count: count_cell(&row, "taskcount"),
        processed,
        succeeded: processed.saturating_sub(failed),
        failed,
        uploaded_date: cell("uploadeddate"),
        process_end_time: cell("processendtime"),
        owner: row
            .get("uploadedby")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    })
}

fn not_started(upload: OpenUpload) -> UploadStatus {
    UploadStatus {
        process_id: upload.process,
        owner: upload.principal,
        object_type: Value::Null,
        status: "NOT STARTED",
        task_count: 0,
        processed: 0,
        succeeded: 0,
        failed: 0,
        uploaded_date: Value::Null,
        process_end_time: Value::Null,
    }
}

/// The columns of the file, in its order.
pub(crate) async fn upload_columns(app: &App, process: &str) -> Result<Vec<String>, Problem> {
    let key = Map::from_iter([("id".to_owned(), process.into())]);
    let row = find_row(app, "bulk_upload_process", key)
        .await?
        .unwrap_or_default();
    let columns = row.get("columns").and_then(Value::as_array);
    let names = columns.into_iter().flatten().filter_map(Value::as_str);
    Ok(names.map(str::to_owned).collect())
}

/// Lines of the result file: those behind `after`, a few at a time; none behind the last.
pub(crate) async fn result_lines(
    app: &App,
    process: &str,
    columns: &[String],
    after: u64,
    processed: u64,
) -> Result<Option<(String, u64)>, Problem> {
    let last = processed.min(after + STEP);
    if last == after {
        return Ok(None);
    }
    let key = |sequence: u64| RowKey {
        table: "bulk_upload_process_task".to_owned(),
        key: Map::from_iter([
            ("processid".to_owned(), process.into()),
            ("sequenceid".to_owned(), sequence.into()),
        ]),
    };
    let keys: Vec<RowKey> = (after + 1..=last).map(key).collect();
    let mut text = String::new();
    for row in app.ports.record.rows(&keys).await? {
        let mut cells = row.map(|row| row.cells).unwrap_or_default();
        app.sealed
            .row("bulk_upload_process_task", &mut cells)
            .await?;
        let data = cells.get("data").and_then(Value::as_str).unwrap_or("{}");
        let data: Map<String, Value> = serde_json::from_str(data).unwrap_or_default();
        let mut line: Vec<String> = columns
            .iter()
            .map(|name| csv_cell(data.get(name)))
            .collect();
        let has_failed = count_cell(&cells, "status") == 9;
        line.push(if has_failed { "failed" } else { "success" }.to_owned());
        line.push(csv_cell(cells.get("failureresult")));
        text.push_str(&line.join(","));
        text.push_str("\r\n");
    }
    Ok(Some((text, last)))
}

/// In quotes where it must be.
pub(crate) fn csv_cell(value: Option<&Value>) -> String {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
