//! Is the store well, and does it keep what it promises? It asks the file itself, never its own memory of how it was opened.

use crate::{EmbeddedStore, NAME, classify::Failure};
use rusqlite::Connection;
use store::{StoreError, schema::Weakness};

impl EmbeddedStore {
    pub(crate) async fn check_ready(&self) -> Result<(), StoreError> {
        if !self.inner.writer.is_running() {
            return Err(StoreError::Unavailable { store: NAME, why: "the thread that writes has ended".to_owned() });
        }
        let look = |connection: &Connection| {
            connection.query_row("SELECT count(*) FROM marks", [], |row| row.get::<_, i64>(0)).map_err(|error| Failure::from(error).into())
        };
        self.inner.readers.run(look).await.map(drop)
    }

    /// What the writing connection was set to: `synchronous` and `journal_mode` decide what a cut of the power takes.
    pub(crate) async fn find_weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        let settings = self.inner.writer.run(|pen| {
            let synchronous: i64 = pen.connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
            let journal: String = pen.connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
            Ok((synchronous, journal))
        });
        let (synchronous, journal) = settings.await?;
        let mut found = Vec::new();
        if synchronous < 2 {
            found.push(Weakness {
                setting: "synchronous".to_owned(),
                found: synchronous.to_string(),
                wanted: "2 (FULL)".to_owned(),
                consequence: "a power cut takes writes that were answered".to_owned(),
            });
        }
        if journal != "wal" {
            found.push(Weakness {
                setting: "journal_mode".to_owned(),
                found: journal,
                wanted: "wal".to_owned(),
                consequence: "readers and the writer wait for each other; the file system may not support shared memory".to_owned(),
            });
        }
        Ok(found)
    }
}
