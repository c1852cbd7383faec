//! The same documents in an embedded view, asked through its port. It must never translate a filter
//! by itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use store::contract::{Fixture, Searched, tables};
use store::{Record, SearchRequest, View};
use store_embedded::{Config, EmbeddedStore};
use tokio::runtime::Runtime;

pub struct Embedded {
    store: EmbeddedStore,
    fixture: Fixture,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Embedded {
    /// The documents' members but `_id`, under that id.
    pub fn new(mappings: &Value, documents: &[Value]) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let fixture = Fixture::with_mappings(mappings.clone());
        let store = runtime.block_on(async {
            let store = EmbeddedStore::open(Config::new(folder.path().join("consign.db"))).unwrap();
            Record::migrate(&store, &tables()).await.unwrap();
            View::create_collection(&store, &fixture.collection)
                .await
                .unwrap();
            let writes: Vec<_> = (1_u64..)
                .zip(documents)
                .map(|(n, document)| {
                    let mut source = document.clone();
                    let id = source.as_object_mut().unwrap().remove("_id").unwrap();
                    fixture.document(id.as_str().unwrap(), n, Some(&source.to_string()))
                })
                .collect();
            let searched = Searched {
                record: Some(&store),
                view: &store,
            };
            searched.fill(&fixture, &writes).await;
            store
        });
        Self {
            store,
            fixture,
            runtime,
            _folder: folder,
        }
    }

    /// The ids that each query finds.
    pub fn search(&self, queries: &[Value], most: usize) -> Vec<BTreeSet<String>> {
        let one = |query: &Value| {
            let request: SearchRequest =
                serde_json::from_value(json!({"query": query, "size": most})).unwrap();
            let found = self.store.search(&self.fixture.collection, &request);
            let found = self.runtime.block_on(found);
            let found = found.unwrap_or_else(|error| panic!("{query}: {error}"));
            found.hits.into_iter().map(|hit| hit.id).collect()
        };
        queries.iter().map(one).collect()
    }
}
