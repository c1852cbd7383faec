//! Which collections stand, as planning needs it. One that was dropped, emptied or mapped anew is
//! believed for [`BELIEVED`] and no longer: its change is answered only after more than that.

use super::Decider;
use crate::tenure_end::TenureEnd;
use std::{collections::HashMap, sync::Arc, time::Duration};
use store::Collection;
use tokio::time::Instant;

/// Collections read lately, and when.
#[derive(Default)]
pub(super) struct KnownCollections(HashMap<(String, String), (Arc<Collection>, Instant)>);

const BELIEVED: Duration = Duration::from_millis(event_schema::incarnation::BELIEVED_MS);

impl Decider {
    /// The collection of this name, if it stands in that incarnation.
    pub(super) async fn read_collection(
        &mut self,
        index: &str,
        name: &str,
        incarnation: &str,
    ) -> Result<Option<Arc<Collection>>, TenureEnd> {
        let key = (index.to_owned(), name.to_owned());
        if let Some((known, read)) = self.collections.0.get(&key)
            && known.incarnation == incarnation
            && read.elapsed() < BELIEVED
        {
            return Ok(Some(known.clone()));
        }
        let record = &self.worker.ports.record;
        // What is asked after this moment is not older than it.
        let asked = Instant::now();
        let found = self
            .worker
            .retry_until_answered("record", || record.collection(index, name))
            .await?
            .map(Arc::new);
        match &found {
            Some(collection) => {
                self.collections.0.insert(key, (collection.clone(), asked));
            }
            None => {
                self.collections.0.remove(&key);
            }
        }
        Ok(found.filter(|collection| collection.incarnation == incarnation))
    }
}
