//! The view port: the same documents, for search. A view may lag; it never goes back.

use crate::{
    collection::Collection,
    document::DocumentWrite,
    error::{ItemVerdict, StoreError},
    schema::{MigrationReport, Weakness},
    search::{SearchRequest, SearchResult, Snapshot},
};
use event_schema::{Raw, id::RequestId, mutation::DocumentKey, position::Version};

/// A value the view's mapping would not take: JSON pointer into the document, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmappable {
    pub pointer: String,
    pub message: String,
}

/// A document as a view holds it, its markers too.
#[derive(Clone, Debug)]
pub struct ViewedDocument {
    /// None: it was written by other hands.
    pub version: Option<Version>,
    pub request: Option<RequestId>,
    pub revision: Option<u64>,
    /// A marker in place of a state that the view would not take.
    pub diverged: bool,
    /// None: a marker.
    pub body: Option<Raw>,
}

fn cannot_be_compared(store: &'static str) -> StoreError {
    StoreError::Refused {
        store,
        why: "it does not tell what it holds of a document".into(),
    }
}

/// A life of a collection's name of which a view holds something, whether or not the record knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldIncarnation {
    pub index: String,
    pub collection: String,
    pub incarnation: String,
    /// When its place was made, by the view's own clock: comparable with others of one view only.
    pub made: i64,
}

/// Is another place being made for the documents of a collection?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    None,
    /// It is being filled; searches and writes go to the first.
    Begun,
    /// It is searched and written, and the first is still there.
    Promoted,
}

fn no_successor<T>(store: &'static str) -> Result<T, StoreError> {
    Err(StoreError::Refused {
        store,
        why: "it makes no second place for a collection".into(),
    })
}

#[async_trait::async_trait]
pub trait View: Send + Sync {
    fn name(&self) -> &'static str;

    /// Does it search what the record itself holds? Then there is nothing to apply to it:
    /// [`apply`](Self::apply) is not called.
    fn is_record(&self) -> bool {
        false
    }

    /// Memory of this process that it takes for finding documents, about.
    fn index_bytes(&self) -> u64 {
        0
    }

    /// Indexes each document (or its marker) where no newer version stands; one verdict per write,
    /// in order; at most one write per document.
    async fn apply(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict>;
    /// Would this body be refused by the collection's mapping, or by the one that is about to stand
    /// in its place, as far as can be known without asking the server? Pure and cheap: called for
    /// every planned document.
    fn check(&self, collection: &Collection, id: &str, body: &Raw) -> Result<(), Unmappable>;

    /// Makes what `apply` wrote before this call visible to search in these collections.
    async fn refresh(&self, collections: &[Collection]) -> Result<(), StoreError>;
    /// Searches these collections as if they were one.
    async fn search_together(
        &self,
        collections: &[&Collection],
        request: &SearchRequest,
    ) -> Result<SearchResult, StoreError>;
    async fn search(
        &self,
        collection: &Collection,
        request: &SearchRequest,
    ) -> Result<SearchResult, StoreError> {
        self.search_together(&[collection], request).await
    }
    /// Keeps what is searchable now for pages that follow each other, for so many milliseconds
    /// after each of them. `None`: this view has no snapshots.
    async fn take_snapshot(
        &self,
        _collections: &[&Collection],
        _keep: i64,
    ) -> Result<Option<Snapshot>, StoreError> {
        Ok(None)
    }
    /// How many documents match (`None`: all), markers not counted.
    async fn count(
        &self,
        collection: &Collection,
        query: Option<&serde_json::Value>,
    ) -> Result<u64, StoreError>;
    /// How many bytes each collection takes here, about: for people. One answer per collection in
    /// order.
    async fn sizes(&self, collections: &[Collection]) -> Result<Vec<u64>, StoreError>;
    /// The bodies as the view holds them, for comparing record and view. One answer per key in
    /// order.
    async fn documents(&self, keys: &[DocumentKey]) -> Result<Vec<Option<Raw>>, StoreError>;
    /// What the view holds, whatever searches have seen of it, markers and documents of other hands
    /// included. One answer per key in order. [`StoreError::NotMigrated`] if a collection's index
    /// is gone. Not asked of a view that is the record.
    async fn held(&self, keys: &[DocumentKey]) -> Result<Vec<Option<ViewedDocument>>, StoreError> {
        _ = keys;
        Err(cannot_be_compared(self.name()))
    }
    /// The ids of everything that it holds of a collection, markers left out, a page at a time: an
    /// empty `page` begins, and the answer names the next one until there is none. Not asked of a
    /// view that is the record.
    async fn scan(
        &self,
        collection: &Collection,
        page: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        _ = (collection, page, limit);
        Err(cannot_be_compared(self.name()))
    }

    /// Makes the physical index with mapping and alias; idempotent.
    async fn create_collection(&self, collection: &Collection) -> Result<(), StoreError>;
    /// Takes the collection's mappings, where they add to those that stand. What cannot be changed
    /// is refused, and nothing is changed.
    async fn update_collection(&self, collection: &Collection) -> Result<(), StoreError>;
    /// Every incarnation of which there is a place: of this name of index and collection, or of all
    /// (`None`), the oldest first. A view that is the record holds none by itself.
    async fn held_incarnations(
        &self,
        name: Option<(&str, &str)>,
    ) -> Result<Vec<HeldIncarnation>, StoreError> {
        _ = name;
        Ok(Vec::new())
    }
    /// Removes what is held of this incarnation; idempotent.
    async fn drop_collection(&self, collection: &Collection) -> Result<(), StoreError>;
    /// How far a second place for the collection's documents is, in which other mappings stand.
    async fn succession(&self, collection: &Collection) -> Result<Succession, StoreError> {
        _ = collection;
        no_successor(self.name())
    }
    /// Makes an empty second place with the collection's mappings; one that was begun is made anew.
    async fn begin_successor(&self, collection: &Collection) -> Result<(), StoreError> {
        _ = collection;
        no_successor(self.name())
    }
    /// As [`apply`](Self::apply), into the second place, promoted or not.
    async fn apply_to_successor(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        let refused = ItemVerdict::permanent("unsupported", "there is no second place");
        vec![refused; writes.len()]
    }
    /// As [`apply`](Self::apply), into the second place and then into the first, whichever of them
    /// is searched: done when both took it, so what the first holds the second holds as well.
    async fn apply_to_both(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        let refused = ItemVerdict::permanent("unsupported", "there is no second place");
        vec![refused; writes.len()]
    }
    /// Searches and writes go to the second place from now on, which shows all that was applied to
    /// it, and whatever a search of the first has shown. The first stays, for writes that are under
    /// way.
    async fn promote_successor(&self, collection: &Collection) -> Result<(), StoreError> {
        _ = collection;
        no_successor(self.name())
    }
    /// Removes the first place; or the second, if it was not promoted. Idempotent.
    async fn end_succession(&self, collection: &Collection) -> Result<(), StoreError> {
        _ = collection;
        no_successor(self.name())
    }
    /// Checks or makes what all collections need; names drift of mappings.
    async fn migrate(&self, collections: &[Collection]) -> Result<MigrationReport, StoreError>;
    async fn ready(&self) -> Result<(), StoreError>;
    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError>;
}
