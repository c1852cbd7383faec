//! Record and view on one SQLite file, for a deployment that is one process on one machine.
//!
//! One thread writes: it takes what callers ask for, puts it into one transaction, and answers
//! after the commit. What only this file knows (collections, idempotency keys, tables) has reached
//! the disk by then (`synchronous=FULL`); documents, rows, ledger and marks can be applied again
//! from the log, so that a cut of the power may take the last of them, a mark never before what it
//! stands for (`synchronous=NORMAL`). A process that is killed loses nothing of either. A few
//! connections read; each sees everything that was answered. Documents are kept as they were
//! written, to the byte, and judged by reading them. Indexes in memory say which may be found; a
//! write changes them before it is answered, so the view's `apply` and `refresh` have nothing to do.
//!
//! It must never be opened by two processes at once for writing: whoever owns the data folder holds
//! its lock.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests run on real clocks, threads and tasks"
    )
)]

pub mod apply;
mod body;
mod checkpoint;
pub mod classify;
pub mod config;
mod dynamic;
mod health;
mod markers;
mod newest;
mod places;
mod purge;
mod read;
mod record;
mod row;
mod schema;
mod search;
mod view;
mod writer;

pub use apply::Applied;
pub use config::Config;
pub use search::field_index::IndexFigures;

use parking_lot::RwLock;
use search::field_index::{FieldIndexes, IndexLimits};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};
use store::{Collection, StoreError, mapping::Mapping, schema::Table};

/// What messages, metrics and the `stores` of a request call it.
pub const NAME: &str = "embedded";

/// Record and view over one file. Cheap to clone; the last one dropped closes the file.
#[derive(Clone)]
pub struct EmbeddedStore {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    writer: writer::Writer,
    readers: read::Readers,
    newest: Arc<newest::Newest>,
    indexes: Arc<FieldIndexes>,
    tables: RwLock<Tables>,
    mappings: RwLock<HashMap<String, KnownMapping>>,
    seen: dynamic::Seen,
}

/// A table as the file knows it: its number there, and what it must look like.
type Tables = HashMap<String, (i64, Arc<Table>)>;

impl EmbeddedStore {
    /// Opens the file, or makes it. Refuses a file of a newer format and files that are not ours.
    pub fn open(config: Config) -> Result<Self, StoreError> {
        let connection = schema::open_writer(&config)?;
        let tables = schema::read_tables(&connection)?;
        let readers = read::Readers::open(&config)?;
        let newest = Arc::new(newest::Newest::default());
        let indexes = Arc::new(FieldIndexes::new(IndexLimits {
            bytes: config.index_bytes,
            least_documents: config.index_from,
        }));
        let limits = checkpoint::JournalLimits::default();
        let checkpoints = checkpoint::Checkpoints::start(&connection, &config, limits)?;
        let known = (newest.clone(), indexes.clone());
        let writer = writer::Writer::start(connection, checkpoints, known)?;
        let inner = Inner {
            config,
            writer,
            readers,
            newest,
            indexes,
            tables: RwLock::new(tables),
            mappings: RwLock::default(),
            seen: dynamic::Seen::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What indexes of searched fields take, and what they spare.
    pub fn index_figures(&self) -> IndexFigures {
        self.inner.indexes.figures()
    }

    fn now(&self) -> i64 {
        (self.inner.config.now)()
    }

    /// The collection's mapping, read once for each incarnation and whenever it was changed.
    fn mapping(&self, collection: &Collection) -> Result<Arc<Mapping>, StoreError> {
        self.mapping_of(collection, collection.mappings.as_ref(), "")
    }

    /// Likewise of other mappings than those that stand, kept under a name of their own.
    fn mapping_of(
        &self,
        collection: &Collection,
        mappings: Option<&Value>,
        slot: &str,
    ) -> Result<Arc<Mapping>, StoreError> {
        let name = format!("{}/{}{slot}", collection.name(), collection.incarnation);
        if let Some(known) = self.inner.mappings.read().get(&name)
            && (known.mappings.as_ref(), &known.settings) == (mappings, &collection.settings)
        {
            return Ok(known.read.clone());
        }
        let settings = collection.settings.clone();
        let read = Mapping::read(mappings, settings.as_ref());
        let read = Arc::new(read.map_err(|bad| StoreError::Refused {
            store: NAME,
            why: bad.to_string(),
        })?);
        let known = KnownMapping {
            mappings: mappings.cloned(),
            settings,
            read: read.clone(),
        };
        self.inner.mappings.write().insert(name, known);
        Ok(read)
    }
}

/// A mapping, and what it was read from.
struct KnownMapping {
    mappings: Option<Value>,
    settings: Option<Value>,
    read: Arc<Mapping>,
}
