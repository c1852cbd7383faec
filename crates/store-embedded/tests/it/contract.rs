//! Every case of the stores' contract, each on a file of its own.

use store::{
    Record,
    contract::{HasRecord, Searched},
};
use store_embedded::{Config, EmbeddedStore};

/// A store and the folder that goes with it.
struct Opened {
    store: EmbeddedStore,
    _folder: tempfile::TempDir,
}

impl HasRecord for Opened {
    fn record(&self) -> &dyn Record {
        &self.store
    }
}

impl Opened {
    fn searched(&self) -> Searched<'_> {
        Searched { record: Some(&self.store), view: &self.store }
    }
}

async fn open() -> Opened {
    let folder = tempfile::tempdir().expect("a folder");
    let store = EmbeddedStore::open(Config::new(folder.path().join("consign.db"))).expect("it opens");
    store.migrate(&store::contract::tables()).await.expect("a migration");
    Opened { store, _folder: folder }
}

store::record_contract!(open().await);
store::search_contract!(open().await);
