//! Which collections stand, as planning and applying need it. One that was dropped, emptied or
//! mapped anew is believed for [`BELIEVED`] and no longer: its change is answered only after more
//! than that.

use crate::{Worker, record_retry::RecordPart, tenure_end::TenureEnd};
use parking_lot::RwLock;
use std::{collections::HashMap, sync::Arc, time::Duration};
use store::Collection;
use tokio::time::Instant;

/// Collections read lately, by index and name, and when. Every event asks twice, so nothing is
/// copied to ask.
#[derive(Default)]
pub(crate) struct KnownCollections(RwLock<HashMap<String, HashMap<String, KnownCollection>>>);

struct KnownCollection {
    collection: Arc<Collection>,
    read: Instant,
}

impl KnownCollections {
    fn believed(&self, index: &str, name: &str, incarnation: &str) -> Option<Arc<Collection>> {
        let known = self.0.read();
        let known = known.get(index)?.get(name)?;
        let holds = known.collection.incarnation == incarnation && known.read.elapsed() < BELIEVED;
        holds.then(|| known.collection.clone())
    }

    fn note(&self, index: &str, name: &str, collection: Arc<Collection>, read: Instant) {
        let mut known = self.0.write();
        let of_index = known.entry(index.to_owned()).or_default();
        // Others ask as well, and may have been answered before.
        if of_index.get(name).is_none_or(|known| known.read <= read) {
            of_index.insert(name.to_owned(), KnownCollection { collection, read });
        }
    }

    fn forget(&self, index: &str, name: &str) {
        let mut known = self.0.write();
        if let Some(of_index) = known.get_mut(index) {
            of_index.remove(name);
            if of_index.is_empty() {
                known.remove(index);
            }
        }
    }
}

const BELIEVED: Duration = Duration::from_millis(event_schema::incarnation::BELIEVED_MS);

impl Worker {
    /// The collection of this name, if it stands in that incarnation.
    pub(crate) async fn read_collection(
        &self,
        index: &str,
        name: &str,
        incarnation: &str,
    ) -> Result<Option<Arc<Collection>>, TenureEnd> {
        if let Some(known) = self.collections.believed(index, name, incarnation) {
            return Ok(Some(known));
        }
        let record = &self.ports.record;
        // What is asked after this moment is not older than it.
        let asked = Instant::now();
        let found = self
            .retry_until_answered(RecordPart::Contents, || record.collection(index, name))
            .await?
            .map(Arc::new);
        match &found {
            Some(collection) => self
                .collections
                .note(index, name, collection.clone(), asked),
            None => self.collections.forget(index, name),
        }
        Ok(found.filter(|collection| collection.incarnation == incarnation))
    }
}
