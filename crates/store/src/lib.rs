//! The store ports. [`Record`] is the truth by id (documents, rows, ledger, marks, claims,
//! collections); [`View`] is the same documents for search. Drivers implement them; one contract
//! suite ([`contract`]) holds them all to the same behaviour.
//!
//! Stores are projections of `changes`: every write carries the version its decision got there, and
//! is skipped where a newer one stands. Nothing here decides anything, and nothing here may be
//! asked to read-modify-write.

pub mod blob;
pub mod cell;
pub mod collection;
pub mod contract;
pub mod document;
pub mod error;
pub mod fold;
pub mod mapping;
pub mod record;
pub mod schema;
pub mod search;
pub mod spools;
pub mod unique;
pub mod view;

pub use blob::{BlobEntry, BlobPut, BlobStore};
pub use collection::{Collection, MappingChange};
pub use document::{DocumentWrite, MarkerPage, Meta, RowWrite, StoredDocument, StoredMarker};
pub use error::{ItemVerdict, StoreError};
pub use record::{ClaimOutcome, Record, Swapped};
pub use search::{Hit, SearchRequest, SearchResult, Snapshot, TrackedHits};
pub use view::{Succession, Unmappable, View};
