//! A view in memory with places for one collection, of which a second can take the place of the first.

use event_schema::{Raw, mutation::DocumentKey};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use store::{
    Collection, DocumentWrite, ItemVerdict, SearchRequest, SearchResult, StoreError, Succession,
    Unmappable, View,
    schema::{MigrationReport, Weakness},
    view::ViewedDocument,
};

/// A view in memory; without a place for a collection it takes nothing, as an index that is gone.
#[derive(Default)]
pub struct MapView {
    pub places: Mutex<BTreeMap<String, Place>>,
    applied: Mutex<u64>,
    /// A write to what is searched arrives late, and so does the change of places.
    pub pause: Mutex<Duration>,
    /// What the first place held at the swap and the second did not.
    pub lacked: Mutex<Vec<String>>,
    /// Whoever ends the next succession gets no answer, and nothing is ended.
    pub never_ends: AtomicBool,
    /// The mappings of a second place: the one that is filled, and the one that was promoted last.
    filled_under: Mutex<Option<Value>>,
    promoted_under: Mutex<Option<Value>>,
    /// Waited for whenever somebody asks what it holds of these, before it looks.
    pub before_look: Mutex<Option<BeforeLook>>,
}

pub type BeforeLook = Arc<dyn Fn(Vec<String>) -> BoxFuture<'static, ()> + Send + Sync>;

type Place = BTreeMap<String, DocumentWrite>;

/// Where the second place of a collection is, and where the first is once it was replaced.
const NEXT: &str = "geo/cities.next";
const LAST: &str = "geo/cities.last";

fn no<T>() -> Result<T, StoreError> {
    let (store, why) = ("map", "it is not asked for that".to_owned());
    Err(StoreError::Refused { store, why })
}

pub fn numbers() -> Value {
    json!({"properties": {"n": {"type": "long"}}})
}

impl MapView {
    pub fn lose_all(&self) {
        self.places.lock().unwrap().clear();
    }

    pub fn held_now(&self, id: &str) -> Option<(u64, Option<String>)> {
        let places = self.places.lock().unwrap();
        let write = places.get("geo/cities")?.get(id)?;
        let body = write.body.as_ref().map(|body| body.get().to_owned());
        Some((write.meta.version.0, body))
    }

    fn put(&self, name: &str, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        let mut places = self.places.lock().unwrap();
        let Some(place) = places.get_mut(name) else {
            let gone = ItemVerdict::Transient("there is no such index".into());
            return vec![gone; writes.len()];
        };
        for write in writes {
            let stands = place.get(&write.key.id);
            let is_newer = stands.is_none_or(|stands| stands.meta.version < write.meta.version);
            if is_newer && write.purged {
                place.remove(&write.key.id);
            } else if is_newer {
                place.insert(write.key.id.clone(), write.clone());
            }
        }
        *self.applied.lock().unwrap() += writes.len() as u64;
        vec![ItemVerdict::Done; writes.len()]
    }

    /// The mappings of what is searched, if it was a second place once.
    pub fn searched_under(&self) -> Option<Value> {
        self.promoted_under.lock().unwrap().clone()
    }

    async fn wait_a_little(&self) {
        let pause = *self.pause.lock().unwrap();
        tokio::time::sleep(pause).await;
    }

    pub fn writes(&self) -> u64 {
        *self.applied.lock().unwrap()
    }
}

#[async_trait::async_trait]
impl View for MapView {
    fn name(&self) -> &'static str {
        "map"
    }
    async fn apply(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        self.wait_a_little().await;
        self.put("geo/cities", writes)
    }
    fn check(&self, collection: &Collection, _: &str, body: &Raw) -> Result<(), Unmappable> {
        let takes_words = collection.mappings != Some(numbers());
        if takes_words || !body.get().contains("word") {
            return Ok(());
        }
        let (pointer, message) = ("/n".to_owned(), "a word".to_owned());
        Err(Unmappable { pointer, message })
    }
    async fn succession(&self, _: &Collection) -> Result<Succession, StoreError> {
        let places = self.places.lock().unwrap();
        Ok(if places.contains_key(LAST) {
            Succession::Promoted
        } else if places.contains_key(NEXT) {
            Succession::Begun
        } else {
            Succession::None
        })
    }
    async fn begin_successor(&self, wanted: &Collection) -> Result<(), StoreError> {
        let mut places = self.places.lock().unwrap();
        self.filled_under
            .lock()
            .unwrap()
            .clone_from(&wanted.mappings);
        places.insert(NEXT.into(), Place::new());
        Ok(())
    }
    async fn apply_to_successor(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        let is_promoted = self.places.lock().unwrap().contains_key(LAST);
        self.put(if is_promoted { "geo/cities" } else { NEXT }, writes)
    }
    async fn apply_to_both(&self, writes: &[DocumentWrite]) -> Vec<ItemVerdict> {
        let is_promoted = self.places.lock().unwrap().contains_key(LAST);
        let (second, first) = if is_promoted {
            ("geo/cities", LAST)
        } else {
            (NEXT, "geo/cities")
        };
        let of_second = self.put(second, writes);
        let of_first = self.put(first, writes).into_iter();
        let both = of_second.into_iter().zip(of_first);
        both.map(|(second, first)| match second {
            ItemVerdict::Done => first,
            refused => refused,
        })
        .collect()
    }
    async fn promote_successor(&self, _: &Collection) -> Result<(), StoreError> {
        // Writes that were decided meanwhile have arrived.
        self.wait_a_little().await;
        self.wait_a_little().await;
        let mut places = self.places.lock().unwrap();
        let next = places.remove(NEXT).unwrap();
        let is_lacking = |(id, write): &(&String, &DocumentWrite)| {
            let held = next.get(*id).map(|held| held.meta.version);
            held < Some(write.meta.version) && write.body.is_some()
        };
        let lacked = places["geo/cities"].iter().filter(is_lacking);
        let lacked: Vec<String> = lacked.map(|(id, _)| id.clone()).collect();
        self.lacked.lock().unwrap().extend(lacked);
        let last = places.insert("geo/cities".into(), next).unwrap();
        places.insert(LAST.into(), last);
        *self.promoted_under.lock().unwrap() = self.filled_under.lock().unwrap().take();
        Ok(())
    }
    async fn end_succession(&self, _: &Collection) -> Result<(), StoreError> {
        if self.never_ends.swap(false, Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let mut places = self.places.lock().unwrap();
        places.remove(NEXT);
        places.remove(LAST);
        Ok(())
    }
    async fn refresh(&self, _: &[Collection]) -> Result<(), StoreError> {
        Ok(())
    }
    async fn search_together(
        &self,
        _: &[&Collection],
        _: &SearchRequest,
    ) -> Result<SearchResult, StoreError> {
        no()
    }
    async fn count(&self, _: &Collection, _: Option<&Value>) -> Result<u64, StoreError> {
        no()
    }
    async fn sizes(&self, _: &[Collection]) -> Result<Vec<u64>, StoreError> {
        no()
    }
    async fn documents(&self, _: &[DocumentKey]) -> Result<Vec<Option<Raw>>, StoreError> {
        no()
    }
    async fn held(&self, keys: &[DocumentKey]) -> Result<Vec<Option<ViewedDocument>>, StoreError> {
        let before_look = self.before_look.lock().unwrap().clone();
        if let Some(before_look) = before_look {
            before_look(keys.iter().map(|key| key.id.clone()).collect()).await;
        }
        let places = self.places.lock().unwrap();
        let find = |key: &DocumentKey| {
            let name = format!("{}/{}", key.index, key.collection);
            let write = places.get(&name)?.get(&key.id)?;
            Some(ViewedDocument {
                version: Some(write.meta.version),
                request: Some(write.meta.request),
                revision: Some(write.meta.revision),
                diverged: write.diverged,
                body: write.body.clone(),
            })
        };
        Ok(keys.iter().map(find).collect())
    }
    async fn scan(
        &self,
        collection: &Collection,
        _: Option<&str>,
        _: usize,
    ) -> Result<(Vec<String>, Option<String>), StoreError> {
        let places = self.places.lock().unwrap();
        let place = places.get(&collection.name()).into_iter().flatten();
        let standing = place.filter(|(_, write)| write.body.is_some());
        Ok((standing.map(|(id, _)| id.clone()).collect(), None))
    }
    async fn create_collection(&self, collection: &Collection) -> Result<(), StoreError> {
        let mut places = self.places.lock().unwrap();
        places.entry(collection.name()).or_default();
        Ok(())
    }
    async fn update_collection(&self, _: &Collection) -> Result<(), StoreError> {
        no()
    }
    async fn drop_collection(&self, _: &Collection) -> Result<(), StoreError> {
        no()
    }
    async fn migrate(&self, _: &[Collection]) -> Result<MigrationReport, StoreError> {
        no()
    }
    async fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }
    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        Ok(Vec::new())
    }
}
