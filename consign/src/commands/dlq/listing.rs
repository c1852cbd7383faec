//! A listing: a line of JSON for each item, or one table; a sentence where there is nothing.

use crate::{
    failure::Failure,
    output::{Output, format_table},
};
use serde::Serialize;

/// How items are listed.
pub struct Listing<'a, T> {
    /// The names of the columns.
    pub columns: &'a [&'a str],
    pub row: fn(&T) -> Vec<String>,
    /// Said where there is no item.
    pub nothing: &'a str,
}

impl<T: Serialize> Listing<'_, T> {
    pub fn print(&self, output: &Output, items: &[T]) -> Result<(), Failure> {
        if output.json {
            for item in items {
                output.result(item, |_| String::new())?;
            }
            return Ok(());
        }
        if items.is_empty() {
            output.line(self.nothing);
            return Ok(());
        }
        let rows: Vec<Vec<String>> = items.iter().map(self.row).collect();
        output.line(format_table(self.columns, &rows).trim_end());
        Ok(())
    }
}
