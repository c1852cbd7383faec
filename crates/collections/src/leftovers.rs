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

    /// Removes what stands of the name and is older than this incarnation of it.
    pub(crate) async fn clear_older(&self, newest: &Collection) -> Result<(), StoreError> {
        let Some(view) = self.separate_view() else {
            return Ok(());
        };
        let name = Some((newest.index.as_str(), newest.collection.as_str()));
        let held = view.held_incarnations(name).await?;
        let place = held.iter().find(|one| is_of(one, newest));
        let Some(made) = place.map(|one| one.made) else {
            return Ok(());
        };
        for older in held.iter().filter(|one| one.made < made) {
            info!(
                index = older.index,
                collection = older.collection,
                incarnation = older.incarnation,
                "an index that belongs to no collection is removed"
            );
            view.drop_collection(&Collection {
                incarnation: older.incarnation.clone(),
                ..newest.clone()
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
