//! A store on a file of its own, and the folder that goes with it.

use store::{
    Record,
    contract::{HasRecord, Searched},
};
use store_embedded::{Config, EmbeddedStore};
use tempfile::TempDir;

pub struct Opened {
    pub store: EmbeddedStore,
    pub folder: TempDir,
}

impl HasRecord for Opened {
    fn record(&self) -> &dyn Record {
        &self.store
    }
}

impl Opened {
    pub fn searched(&self) -> Searched<'_> {
        Searched {
            record: Some(&self.store),
            view: &self.store,
        }
    }
}

pub fn config(folder: &TempDir) -> Config {
    Config::new(folder.path().join("consign.db"))
}

/// With the contract's tables.
pub async fn open() -> Opened {
    open_with(|_| {}).await
}

pub async fn open_with(set: impl FnOnce(&mut Config)) -> Opened {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(&folder);
    set(&mut config);
    let store = EmbeddedStore::open(config).expect("it opens");
    store
        .migrate(&store::contract::tables())
        .await
        .expect("a migration");
    Opened { store, folder }
}
