//! Is the store well, and does it keep what it promises? It asks the file itself, never its own
//! memory of how it was opened.

use crate::{
    EmbeddedStore, NAME,
    classify::Failure,
    writer::{Kept, Pen},
};
use rusqlite::{Connection, types::FromSql};
use store::{StoreError, schema::Weakness};

impl EmbeddedStore {
    pub(crate) async fn check_ready(&self) -> Result<(), StoreError> {
        if !self.inner.writer.is_running() {
            return Err(StoreError::Unavailable {
                store: NAME,
                why: "the thread that writes has ended".to_owned(),
            });
        }
        let look = |connection: &Connection| {
            connection
                .query_row("SELECT count(*) FROM marks", [], |row| row.get::<_, i64>(0))
                .map_err(|error| Failure::from(error).into())
        };
        self.inner.readers.run(look).await.map(drop)
    }

    /// What the writing connection is set to for either kind of job: `synchronous` and
    /// `journal_mode` decide what a cut of the power takes.
    pub(crate) async fn find_weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        let careful = self
            .inner
            .writer
            .run(Kept::OnDisk, |pen| read_pragma(pen, "synchronous"))
            .await?;
        let usual = self
            .inner
            .writer
            .run(Kept::InOrder, |pen| read_pragma(pen, "synchronous"))
            .await?;
        let journal: String = self
            .inner
            .writer
            .run(Kept::InOrder, |pen| read_pragma(pen, "journal_mode"))
            .await?;
        Ok(find_weaknesses(careful, usual, journal))
    }
}

fn read_pragma<T: FromSql>(pen: &Pen<'_>, pragma: &str) -> Result<T, Failure> {
    Ok(pen
        .connection
        .pragma_query_value(None, pragma, |row| row.get(0))?)
}

/// `careful`, `usual`: `synchronous` of jobs that must be on the disk, and of those that must only
/// be in order.
fn find_weaknesses(careful: i64, usual: i64, journal: String) -> Vec<Weakness> {
    let mut found = Vec::new();
    let mut weak = |setting: &str, found_as: String, wanted: &str, consequence: &str| {
        let (setting, wanted, consequence) = (
            setting.to_owned(),
            wanted.to_owned(),
            consequence.to_owned(),
        );
        found.push(Weakness {
            setting,
            found: found_as,
            wanted,
            consequence,
        });
    };
    if careful < FULL {
        weak(
            "synchronous",
            careful.to_string(),
            "2 (FULL)",
            "a power cut takes collections and idempotency keys that were answered",
        );
    }
    if usual < NORMAL {
        weak(
            "synchronous",
            usual.to_string(),
            "1 (NORMAL)",
            "a power cut may damage the file, and take marks and keep what is behind them",
        );
    }
    if journal != "wal" {
        let consequence = "readers and the writer wait for each other; what a power cut takes may be more than the last transactions";
        weak("journal_mode", journal, "wal", consequence);
    }
    found
}

const NORMAL: i64 = 1;
const FULL: i64 = 2;

#[cfg(test)]
mod tests;
