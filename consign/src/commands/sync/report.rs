//! What a sync came to: all that it says it changed.

use serde::Serialize;

#[derive(Debug, Default, Serialize)]
pub struct SyncReport {
    pub compared: usize,
    /// Ids of what differed.
    pub differed: Vec<String>,
    pub written: usize,
    /// Ids of what was refused, or is not decided.
    pub not_written: Vec<String>,
    /// Ids of what differs still.
    pub left: Vec<String>,
}

impl SyncReport {
    pub fn line(&self) -> String {
        let mut text = format!(
            "{} compared, {} differed, {} written again, {} differ still\n",
            self.compared,
            self.differed.len(),
            self.written,
            self.left.len()
        );
        for id in &self.differed {
            text.push_str("  ");
            text.push_str(id);
            text.push('\n');
        }
        text
    }
}
