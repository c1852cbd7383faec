//! Which deletion markers stand, a page at a time, in the order of the file's index. A page looks at
//! a bounded number of documents, whatever it finds. It reads only.
//!
//! See ADR 38.

use crate::{
    EmbeddedStore,
    classify::Failure,
    places::collection_place,
    read::{read_columns, stored_document},
};
use event_schema::mutation::DocumentKey;
use rusqlite::{Connection, params};
use store::{MarkerPage, StoreError, StoredMarker};

/// Documents that are looked at for one page.
const LOOKED_AT: usize = 20_000;

impl EmbeddedStore {
    pub(crate) async fn read_markers(
        &self,
        after: Option<DocumentKey>,
        limit: usize,
    ) -> Result<MarkerPage, StoreError> {
        let read = move |connection: &Connection| Ok(find_markers(connection, after, limit)?);
        self.inner.readers.run(read).await
    }
}

fn find_markers(
    connection: &Connection,
    after: Option<DocumentKey>,
    limit: usize,
) -> Result<MarkerPage, Failure> {
    const SCAN: &str = "SELECT version, generation, part, position, revision, request, NULL, id, idx, collection, incarnation, body IS NULL
        FROM documents CROSS JOIN places ON places.place = documents.place
        WHERE (documents.place, id) > (?1, ?2) ORDER BY documents.place, id LIMIT ?3";
    let place = match &after {
        Some(key) => collection_place(connection, &key.index, &key.collection, &key.incarnation)?,
        None => None,
    };
    let (place, id) = match (place, after) {
        (Some(place), Some(key)) => (place, key.id),
        // Places count from 1.
        (_, _) => (0, String::new()),
    };
    let mut scan = connection.prepare_cached(SCAN)?;
    let mut rows = scan.query(params![place, id, LOOKED_AT.cast_signed()])?;
    let mut page = MarkerPage::default();
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        let key = DocumentKey {
            index: row.get(8)?,
            collection: row.get(9)?,
            incarnation: row.get(10)?,
            id: row.get(7)?,
        };
        if row.get(11)? {
            let meta = stored_document(read_columns(row)?)?.meta;
            let key = key.clone();
            page.markers.push(StoredMarker { key, meta });
        }
        if looked_at == LOOKED_AT || page.markers.len() == limit {
            page.next = Some(key);
            break;
        }
    }
    Ok(page)
}
