//! What is written and what is read back. See ADR 38 for what is purged.

use event_schema::{
    Raw,
    id::RequestId,
    mutation::{DocumentKey, RowKey, RowMutation},
    position::{Position, Version},
};
use serde_json::{Map, Value};

/// What every stored document carries beside its body (`_consign`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Of the decision or void that wrote it: newer wins.
    pub version: Version,
    /// Of the event, in `transactions`.
    pub position: Position,
    /// The small `_version` people see.
    pub revision: u64,
    pub request: RequestId,
}

/// A document to stand whole at `meta.version`; no body is a deletion marker, which stands like a
/// document and is filtered from reads.
#[derive(Clone, Debug)]
pub struct DocumentWrite {
    pub key: DocumentKey,
    pub meta: Meta,
    pub body: Option<Raw>,
    /// Of a marker in the view: the record holds a body that the view refuses.
    pub diverged: bool,
    /// Of a deletion: no marker either. Whatever is older goes, what is newer stays, and what comes
    /// late finds nothing that would stop it: whoever asks for this knows that nothing comes.
    pub purged: bool,
}

/// A deletion marker as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMarker {
    pub key: DocumentKey,
    pub meta: Meta,
}

/// Some of the markers that stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkerPage {
    pub markers: Vec<StoredMarker>,
    /// The last document that was looked at: the next page begins behind it. None: that was all.
    pub next: Option<DocumentKey>,
}

/// A document as it stands, markers included.
#[derive(Clone, Debug)]
pub struct StoredDocument {
    pub meta: Meta,
    pub body: Option<Raw>,
}

/// A row mutation at a version. `step` orders several mutations of one decision on one row.
#[derive(Clone, Debug)]
pub struct RowWrite {
    pub mutation: RowMutation,
    pub version: Version,
    pub step: u8,
}

/// A row as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRow {
    /// Without the key columns.
    pub cells: Map<String, Value>,
    /// Unix milliseconds at which the last of it goes by itself, to a second or so; `None` where
    /// some of it never does, and where that is not known.
    pub expires: Option<i64>,
}

/// Which rows of a table are read one after the other: those of one partition, of a table whose
/// rows have one more key column, a text.
#[derive(Clone, Debug, PartialEq)]
pub struct RowScan {
    pub table: String,
    /// The columns of its partition key.
    pub partition: Map<String, Value>,
    /// Only rows whose last key column is greater than this.
    pub after: Option<String>,
    /// So many at most.
    pub limit: usize,
}

/// One write of a batch.
#[derive(Clone, Debug)]
pub enum Write {
    Document(DocumentWrite),
    Row(RowWrite),
}

impl RowWrite {
    pub fn key(&self) -> &RowKey {
        &self.mutation.key
    }
}
