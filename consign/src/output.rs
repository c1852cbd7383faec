//! What commands print: tables and sentences for people, or one JSON value. Results go to standard
//! output, everything else to standard error. A reader that went away is no failure.

use crate::failure::Failure;
use serde::Serialize;
use serde_json::Value;
use std::{io::Write, process::ExitCode};

/// How this invocation prints.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    pub json: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// A result: as JSON where that was asked for, else as `text` says it.
    pub fn result<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            self.line(&json_line(value)?)
        } else {
            self.line(text(value).trim_end())
        }
        Ok(())
    }

    /// A line of the result.
    pub fn line(&self, text: &str) {
        _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Something beside the result, for people only.
    pub fn note(&self, text: &str) {
        if !self.json {
            _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    /// How a command that goes on and on stands: told to people and scripts alike.
    pub fn state(&self, text: &str) {
        _ = writeln!(std::io::stderr().lock(), "consign: {text}");
    }

    pub fn failed(&self, failure: &Failure) -> ExitCode {
        let mut stderr = std::io::stderr().lock();
        if !failure.message.is_empty() {
            _ = match json_line(&serde_json::json!({ "error": failure })) {
                Ok(text) if self.json => writeln!(stderr, "{text}"),
                _ => writeln!(stderr, "consign: {}", failure.message),
            };
            if let Some(hint) = failure.hint.as_ref().filter(|_| !self.json) {
                _ = writeln!(stderr, "  {}", hint.replace('\n', "\n  "));
            }
        }
        ExitCode::from(failure.kind.code())
    }
}

/// On one line, so that lines can be taken apart by tools.
fn json_line<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::failed(format!("the result cannot be shown as JSON: {error}")))
}

/// Columns under their names, as wide as they must be.
pub fn format_table(names: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells
            .chain([names[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(names.to_vec());
    rows.iter()
        .for_each(|row| text += &line(row.iter().map(String::as_str).collect()));
    text
}

/// What a search found: a table of what is shown, and how much more there is.
pub fn format_found(none: &str, names: &[&str], rows: &[Vec<String>], total: &Value) -> String {
    let mut text = if rows.is_empty() {
        format!("{none}\n")
    } else {
        format_table(names, rows)
    };
    let (shown, total) = (rows.len() as u64, total.as_u64().unwrap_or(0));
    if shown < total {
        text += &format!("{shown} of {total}: --limit shows more\n");
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [
            vec!["ä".to_owned(), "1".to_owned()],
            vec!["bcd".to_owned(), String::new()],
        ];
        assert_eq!(
            super::format_table(&["n", "count"], &rows),
            "n    count\nä    1\nbcd\n"
        );
    }
}
