//! Destroyed values leave no bytes in the file and its journal: a subject's key that was erased must
//! not be found there by whoever holds the file.
//!
//! SQLite moves entries between pages and does not clear where they stood, so the table is written
//! anew and its old pages are cleared; then the journal, which holds older images of these pages,
//! is written back and cut to nothing. It must never answer before the journal is cut.

use crate::{
    EmbeddedStore,
    classify::Failure,
    config::Config,
    schema,
    writer::{Kept, Pen},
};
use runtime::Backoff;
use rusqlite::Connection;
use std::time::Duration;
use store::StoreError;
use tokio::time::Instant;

/// How long a reader that holds an older state of the file is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each page of the old table is zeroed as it is freed.
const REWRITE: &str =
    "CREATE TABLE rewritten_values (name TEXT PRIMARY KEY, holder TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO rewritten_values SELECT name, holder FROM unique_values ORDER BY name;
DROP TABLE unique_values;
ALTER TABLE rewritten_values RENAME TO unique_values;";

impl EmbeddedStore {
    pub(crate) async fn purge_values(&self) -> Result<(), StoreError> {
        let rewrite = |pen: &mut Pen<'_>| Ok(rewrite_file(pen.connection)?);
        self.inner.writer.run(Kept::OnDisk, rewrite).await?;
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let config = self.inner.config.clone();
            let cut = tokio::task::spawn_blocking(move || cut_journal(&config));
            let cut = cut
                .await
                .map_err(|error| Failure::Transient(format!("the journal was not cut: {error}")))?;
            if cut.map_err(Failure::from)? {
                return Ok(());
            }
            if Instant::now() > deadline {
                let why = "a reader kept the file's journal from being cut";
                return Err(Failure::Transient(why.to_owned()).into());
            }
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }
}

fn rewrite_file(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA secure_delete = ON")?;
    let done = connection.execute_batch(REWRITE);
    connection.execute_batch(schema::SECURE_DELETE)?;
    done
}

/// Writes the journal back into the file and cuts it to nothing; false while a reader needs it.
fn cut_journal(config: &Config) -> rusqlite::Result<bool> {
    let connection = Connection::open_with_flags(&config.path, schema::OWN)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        Ok(row.get::<_, i64>(0)? == 0)
    })
}
