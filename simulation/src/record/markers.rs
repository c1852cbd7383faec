//! Deletion markers, and what is known of those that were purged.

use super::{ModelRecord, StoreContents};
use event_schema::position::Version;
use store::ItemVerdict;

impl StoreContents {
    pub(super) fn purge(&mut self, name: String, version: Version) -> ItemVerdict {
        self.documents.remove(&name);
        self.purged.insert(name, version);
        ItemVerdict::Done
    }
}

impl ModelRecord {
    /// Deletion markers, by the document's name.
    pub fn markers(&self) -> Vec<(String, Version)> {
        let now = self.now.lock();
        let markers = now.documents.iter().filter(|(_, one)| one.body.is_none());
        markers
            .map(|(name, one)| (name.clone(), one.meta.version))
            .collect()
    }

    /// How many documents ever lost their markers.
    pub fn purged(&self) -> usize {
        self.now.lock().purged.len()
    }

    /// Nothing older than a purge comes behind it: no marker stands against that any longer.
    pub(super) fn check_late(&self, now: &StoreContents, name: &str, version: Version) {
        if let Some(purged) = now.purged.get(name).filter(|purged| **purged > version) {
            self.fault(format!(
                "{name} was written at version {version}, and its marker went at {purged}"
            ));
        }
    }
}
