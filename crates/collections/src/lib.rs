//! The life of collections over record and view: made, mapped again, emptied, dropped. The record
//! is the truth; the view follows. Workers read a definition from the record and believe it for a
//! moment, so whoever changes one waits until all of them know ([`event_schema::incarnation`]).
//! Nothing here writes a document, and nothing is answered before it holds.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

mod leftovers;
mod remap;

pub use remap::Settled;

use event_schema::incarnation::{self, GRACE_MS};
use runtime::Clock;
use serde_json::Value;
use std::time::Duration;
use store::{
    Collection, Record, StoreError, View,
    mapping::{BadMapping, IndexSettings, Mapping, change::ChangeError},
};

/// Until a changed definition is known to every worker.
const GRACE: Duration = Duration::from_millis(GRACE_MS);

/// Record and view, and what time it is.
#[derive(Clone, Copy)]
pub struct CollectionStores<'a> {
    pub record: &'a dyn Record,
    pub view: Option<&'a dyn View>,
    pub clock: &'a dyn Clock,
}

/// A collection that is asked for.
#[derive(Clone, Debug)]
pub struct NewCollection {
    pub index: String,
    pub collection: String,
    pub mappings: Option<Value>,
    pub settings: Option<Value>,
}

/// The collection that stands, and whether this call made it.
#[derive(Clone, Debug)]
pub struct Created {
    pub collection: Collection,
    pub fresh: bool,
}

/// Why a collection is not as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CollectionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No view takes these mappings.
    #[error(transparent)]
    Malformed(BadMapping),
    /// A setting that collections may not have, or that is not what it must be.
    #[error("{}: {}", .0.pointer, .0.message)]
    BadSettings(BadMapping),
    /// What stands cannot become what is asked.
    #[error("{}: {}", .0.pointer, .0.message)]
    Fixed(BadMapping),
    /// The view refused them, though nothing is known to be wrong.
    #[error("{0}")]
    Refused(String),
    /// It was dropped, emptied or made anew meanwhile, or there is none.
    #[error("the collection was dropped or emptied meanwhile")]
    Gone,
    /// What is under way in it does not come to an end.
    #[error("the collection's mappings cannot be changed now: {0}")]
    Busy(String),
}

impl From<ChangeError> for CollectionError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Malformed(bad) => Self::Malformed(bad),
            ChangeError::Fixed(bad) => Self::Fixed(bad),
        }
    }
}

/// What a view refuses is refused, whatever the reason; all else is its trouble.
fn of_view(error: StoreError) -> CollectionError {
    match error {
        StoreError::Refused { why, .. } => CollectionError::Refused(why),
        other => other.into(),
    }
}

/// A name for an incarnation that nobody had before.
pub fn fresh_incarnation() -> String {
    incarnation::mint_incarnation(runtime::random())
}

impl CollectionStores<'_> {
    /// Makes a collection, or finds that it stands, whatever its mappings; repeating the call makes
    /// the view follow the record. The view first: what stands in the record is written to, and
    /// nothing may wait for a view that is away, or that refuses. What a call that died in between
    /// left there goes when the name is made.
    pub async fn create(&self, wanted: NewCollection) -> Result<Created, CollectionError> {
        let settings = wanted.settings.as_ref();
        IndexSettings::read(settings).map_err(CollectionError::BadSettings)?;
        Mapping::read(wanted.mappings.as_ref(), settings).map_err(CollectionError::Malformed)?;
        loop {
            let found = self.find_or_make(&wanted).await?;
            // One that was dropped or emptied while it was found is not what was asked for.
            if let Some(created) = found {
                return Ok(created);
            }
        }
    }

    /// Nothing, if what was found did not stand any more in the end.
    async fn find_or_make(
        &self,
        wanted: &NewCollection,
    ) -> Result<Option<Created>, CollectionError> {
        let (index, name) = (&wanted.index, &wanted.collection);
        if let Some(stands) = self.record.collection(index, name).await? {
            return self.found(stands).await;
        }
        let wanted = Collection {
            index: wanted.index.clone(),
            collection: wanted.collection.clone(),
            incarnation: fresh_incarnation(),
            mappings: wanted.mappings.clone(),
            settings: wanted.settings.clone(),
            specifications: None,
            created: self.clock.now(),
            changing: None,
        };
        self.make_in_view(&wanted).await?;
        // If that fails the record may have taken it or not, so the view keeps its place.
        let stands = self.record.create_collection(&wanted).await?;
        if stands.incarnation == wanted.incarnation {
            // Whoever made the name and dropped it meanwhile took this for a leftover.
            self.keep_in_view(&stands).await?;
            return Ok(Some(Created {
                collection: stands,
                fresh: true,
            }));
        }
        // Another made it meanwhile.
        self.clear_view(&wanted).await?;
        self.found(stands).await
    }

    async fn found(&self, stands: Collection) -> Result<Option<Created>, CollectionError> {
        let kept = self.keep_in_view(&stands).await?;
        Ok(kept.then_some(Created {
            collection: stands,
            fresh: false,
        }))
    }

    /// Makes its place in the view, if it is not there, and removes what is older. Where the record
    /// names another by then, or none, what was made is taken away again, and the answer is `false`.
    async fn keep_in_view(&self, stands: &Collection) -> Result<bool, CollectionError> {
        self.make_in_view(stands).await?;
        let named = self.clear_older(stands).await?;
        if !named {
            self.clear_view(stands).await?;
        }
        Ok(named)
    }

    /// A view over the record itself has nothing of its own to make.
    async fn make_in_view(&self, collection: &Collection) -> Result<(), CollectionError> {
        match self.separate_view() {
            Some(view) => view.create_collection(collection).await.map_err(of_view),
            None => Ok(()),
        }
    }

    /// Empties a collection: it goes on as another incarnation. What was accepted for the old one
    /// and is not applied yet is refused *missing*.
    pub async fn truncate(&self, old: &Collection) -> Result<Collection, CollectionError> {
        let fresh = Collection {
            incarnation: fresh_incarnation(),
            created: self.clock.now(),
            changing: None,
            ..old.clone()
        };
        self.make_in_view(&fresh).await?;
        if !self.record.replace_collection(&fresh, old).await? {
            self.clear_view(&fresh).await?;
            return Err(CollectionError::Gone);
        }
        tokio::time::sleep(GRACE).await;
        self.clear_view(old).await?;
        self.clear_older(&fresh).await?;
        Ok(fresh)
    }

    /// The record first: what it does not name any more is gone, whatever the view still holds. Nothing
    /// is dropped while the view is away, for no call would find what is left there.
    pub async fn drop_all(&self, collections: &[Collection]) -> Result<(), StoreError> {
        if let Some(view) = self.view.filter(|_| !collections.is_empty()) {
            view.ready().await?;
        }
        let mut older = Vec::new();
        for one in collections {
            // While the record names it: afterwards nothing says whose another place is.
            older.push(self.older_places(one).await?.unwrap_or_default());
            self.record
                .drop_collection(&one.index, &one.collection, &one.incarnation)
                .await?;
        }
        if !collections.is_empty() {
            tokio::time::sleep(GRACE).await;
        }
        for (one, older) in collections.iter().zip(older) {
            self.clear_places(one, &older).await?;
            self.clear_view(one).await?;
        }
        Ok(())
    }

    /// What the view holds of an incarnation that is over.
    async fn clear_view(&self, old: &Collection) -> Result<(), StoreError> {
        match self.view {
            Some(view) => view.drop_collection(old).await,
            None => Ok(()),
        }
    }
}
