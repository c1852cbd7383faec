//! What somebody who died half-way left in the view: an index whose collection never came to stand,
//! was emptied or dropped. Only the record says what stands. Of a name that is made, emptied or
//! dropped it is removed with that call; of other names it is only told, since whoever shares the
//! prefix by mistake must not lose anything. Nothing that was made later is touched: that is
//! somebody's who is about to write it into the record.

use crate::CollectionStores;
use store::{Collection, StoreError, View, view::HeldIncarnation};
use tracing::info;

impl CollectionStores<'_> {
    /// Places in the view that belong to no collection, the oldest first.
    pub async fn leftovers(&self) -> Result<Vec<HeldIncarnation>, StoreError> {
        let Some(view) = self.separate_view() else {
            return Ok(Vec::new());
        };
        // The view first: what is made meanwhile is in the record by then, or was not seen.
        let mut held = view.held_incarnations(None).await?;
        let stand = self.record.collections().await?;
        held.retain(|one| !stand.iter().any(|stands| is_of(one, stands)));
        Ok(held)
    }

    /// Removes what stands of the name and is older than this incarnation of it, which the record
    /// names; it does not any more where the answer is `false`, and nothing is removed.
    pub(crate) async fn clear_older(&self, newest: &Collection) -> Result<bool, StoreError> {
        let Some(older) = self.older_places(newest).await? else {
            return Ok(false);
        };
        self.clear_places(newest, &older).await?;
        Ok(true)
    }

    /// Places of the name that are older than that of this incarnation; nothing where the record does
    /// not name it any more. The view is asked first: a place that was removed and made again by
    /// somebody late is younger than the one that stands now, but then the record says so.
    pub(crate) async fn older_places(
        &self,
        newest: &Collection,
    ) -> Result<Option<Vec<HeldIncarnation>>, StoreError> {
        let (index, name) = (newest.index.as_str(), newest.collection.as_str());
        let mut held = match self.separate_view() {
            Some(view) => view.held_incarnations(Some((index, name))).await?,
            None => Vec::new(),
        };
        let stands = self.record.collection(index, name).await?;
        if stands.is_none_or(|stands| stands.incarnation != newest.incarnation) {
            return Ok(None);
        }
        let place = held.iter().find(|one| is_of(one, newest));
        let made = place.map(|one| one.made);
        held.retain(|one| made.is_some_and(|made| one.made < made));
        Ok(Some(held))
    }

    /// Removes places of a collection's name from the view.
    pub(crate) async fn clear_places(
        &self,
        collection: &Collection,
        places: &[HeldIncarnation],
    ) -> Result<(), StoreError> {
        let Some(view) = self.separate_view() else {
            return Ok(());
        };
        for place in places {
            info!(
                index = place.index,
                collection = place.collection,
                incarnation = place.incarnation,
                "an index that belongs to no collection is removed"
            );
            view.drop_collection(&Collection {
                incarnation: place.incarnation.clone(),
                ..collection.clone()
            })
            .await?;
        }
        Ok(())
    }

    /// A view that holds documents of its own.
    pub(crate) fn separate_view(&self) -> Option<&dyn View> {
        self.view.filter(|view| !view.is_record())
    }
}

fn is_of(held: &HeldIncarnation, collection: &Collection) -> bool {
    (&held.index, &held.collection, &held.incarnation)
        == (
            &collection.index,
            &collection.collection,
            &collection.incarnation,
        )
}
