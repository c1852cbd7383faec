//! What a sync came to: all that it says it changed.

use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, Default, Serialize)]
pub struct SyncReport {
    pub compared: usize,
    /// Ids of what differed.
    pub differed: Vec<String>,
    pub written: usize,
    /// Ids of what was refused, or is not decided.
    pub not_written: Vec<String>,
    /// Why, by the id, where the gateway said it of one alone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
    /// Ids of what differs still.
    pub left: Vec<String>,
}

impl SyncReport {
    pub fn refuse(&mut self, id: &str, why: String) {
        self.not_written.push(id.to_owned());
        self.refused.insert(id.to_owned(), why);
    }

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
        for id in &self.not_written {
            let why = self.refused.get(id).map_or("", String::as_str);
            text.push_str(format!("  {id} was not written: {why}").trim_end_matches([':', ' ']));
            text.push('\n');
        }
        text
    }
}
