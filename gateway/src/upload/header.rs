//! The first line of an upload: which column is which, by the names that the operation knows.

use super::csv::{CsvFault, CsvLine};
use crate::error::{Code, Problem};
use catalog::Upload;
use serde_json::{Map, Value};

/// Columns by their own names, in the file's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UploadHeader(Vec<String>);

impl UploadHeader {
    pub(crate) fn read(upload: &Upload, line: &CsvLine) -> Result<Self, Problem> {
        let mut columns: Vec<String> = Vec::with_capacity(line.cells.len());
        for (n, cell) in line.cells.iter().enumerate() {
            let at = |why: String| header_problem(line.number, n + 1, &why);
            let Some(name) = upload.column(cell) else {
                return Err(at(format!(
                    "`{cell}` is no column of this upload; known are {}",
                    upload.names().join(", ")
                )));
            };
            if let Some(first) = columns.iter().position(|known| known == name) {
                let why = format!("`{cell}` is the same column as column {}", first + 1);
                return Err(at(why));
            }
            columns.push(name.to_owned());
        }
        let missing = upload
            .mandatory()
            .find(|name| !columns.iter().any(|c| c == name));
        match missing {
            Some(name) => {
                let why = format!("the column `{name}` is missing");
                Err(header_problem(line.number, columns.len() + 1, &why))
            }
            None => Ok(Self(columns)),
        }
    }

    /// As they were read when the file was taken.
    pub(crate) fn of_names(columns: Vec<String>) -> Self {
        Self(columns)
    }

    /// A line's cells by their columns' names; empty ones are left out.
    pub(crate) fn cells(&self, line: &CsvLine) -> Result<Map<String, Value>, String> {
        if line.cells.len() > self.0.len() {
            return Err(format!(
                "line {} has {} cells, and the first line names {}",
                line.number,
                line.cells.len(),
                self.0.len()
            ));
        }
        let cells = self.0.iter().zip(&line.cells);
        let there = cells.filter(|(_, cell)| !cell.is_empty());
        Ok(there
            .map(|(name, cell)| (name.clone(), Value::from(cell.as_str())))
            .collect())
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }
}

impl From<CsvFault> for Problem {
    fn from(fault: CsvFault) -> Self {
        header_problem(fault.line, fault.column, fault.why)
    }
}

pub(crate) fn header_problem(line: u64, column: usize, why: &str) -> Problem {
    Problem::new(
        Code::BadUpload,
        format!("line {line}, column {column}: {why}"),
    )
    .with("line", line.into())
    .with("column", column.into())
}
