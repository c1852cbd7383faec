//! Which collections stand, as planning needs it. One that was dropped, emptied or mapped anew is
//! believed for [`BELIEVED`] and no longer: its change is answered only after more than that.

use super::Decider;
use crate::record_retry::RecordPart;
use crate::tenure_end::TenureEnd;
use std::{collections::HashMap, sync::Arc, time::Duration};
use store::Collection;
use tokio::time::Instant;

/// Collections read lately, by index and name, and when. Every event asks twice, so nothing is
/// copied to ask.
#[derive(Default)]
pub(super) struct KnownCollections(HashMap<String, HashMap<String, KnownCollection>>);

struct KnownCollection {
    collection: Arc<Collection>,
    read: Instant,
}

impl KnownCollections {
    fn believed(&self, index: &str, name: &str, incarnation: &str) -> Option<Arc<Collection>> {
        let known = self.0.get(index)?.get(name)?;
        let holds = known.collection.incarnation == incarnation && known.read.elapsed() < BELIEVED;
        holds.then(|| known.collection.clone())
    }

    fn note(&mut self, index: &str, name: &str, collection: Arc<Collection>, read: Instant) {
        let of_index = self.0.entry(index.to_owned()).or_default();
        of_index.insert(name.to_owned(), KnownCollection { collection, read });
    }

    fn forget(&mut self, index: &str, name: &str) {
        if let Some(of_index) = self.0.get_mut(index) {
            of_index.remove(name);
            if of_index.is_empty() {
                self.0.remove(index);
            }
        }
    }
}

const BELIEVED: Duration = Duration::from_millis(event_schema::incarnation::BELIEVED_MS);

impl Decider {
    /// The collection of this name, if it stands in that incarnation.
    pub(super) async fn read_collection(
        &mut self,
        index: &str,
        name: &str,
        incarnation: &str,
    ) -> Result<Option<Arc<Collection>>, TenureEnd> {
        if let Some(known) = self.collections.believed(index, name, incarnation) {
            return Ok(Some(known));
        }
        let record = &self.worker.ports.record;
        // What is asked after this moment is not older than it.
        let asked = Instant::now();
        let found = self
            .worker
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
