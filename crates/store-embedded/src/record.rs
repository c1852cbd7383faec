//! The record port on this file. Thin: each method says what to read or write, and where.

use crate::{
    EmbeddedStore, NAME,
    apply::{self, Line, Prepared},
    classify::Failure,
    places::collection_place,
    schema,
    writer::{Kept, Pen},
};
use event_schema::{
    decision::Mark,
    envelope::Claim,
    held,
    id::RequestId,
    mutation::{DocumentKey, RowKey},
    outcome::LedgerEntry,
};
use rusqlite::{OptionalExtension as _, params};
use serde::de::DeserializeOwned;
use store::{
    ClaimOutcome, Collection, ItemVerdict, Record, StoreError, StoredDocument, Swapped,
    document::{MarkerPage, RowScan, StoredRow, Write},
    record::CLAIM_KEPT_MS,
    schema::{MigrationReport, Table, Weakness},
};

fn parse_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged {
        store: NAME,
        why: format!("{what}: {error}"),
    })
}

#[async_trait::async_trait]
impl Record for EmbeddedStore {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn documents(
        &self,
        keys: &[DocumentKey],
    ) -> Result<Vec<Option<StoredDocument>>, StoreError> {
        self.read_documents(keys).await
    }

    async fn rows(&self, keys: &[RowKey]) -> Result<Vec<Option<StoredRow>>, StoreError> {
        self.read_rows(keys).await
    }

    async fn scan_rows(&self, scan: &RowScan) -> Result<Vec<(RowKey, StoredRow)>, StoreError> {
        self.scan_partition(scan).await
    }

    async fn apply(&self, writes: &[Write]) -> Vec<ItemVerdict> {
        let prepared: Vec<Prepared> = {
            let tables = self.inner.tables.read();
            writes
                .iter()
                .map(|write| apply::prepare_write(&tables, write.clone()))
                .collect()
        };
        let job = move |pen: &mut Pen<'_>| {
            prepared
                .into_iter()
                .map(|one| apply::apply_write(pen, one))
                .collect::<Result<Vec<_>, _>>()
        };
        self.inner
            .writer
            .run(Kept::InOrder, job)
            .await
            .unwrap_or_else(|failure| vec![failure.verdict(); writes.len()])
    }

    async fn remember(&self, entries: &[LedgerEntry]) -> Vec<ItemVerdict> {
        let kept = apply::needed_durability(&entries.iter().collect::<Vec<_>>());
        let lines: Vec<Line> = entries.iter().map(apply::ledger_line).collect();
        let done = self
            .inner
            .writer
            .run(kept, move |pen| apply::write_lines(pen, &lines))
            .await;
        let verdict = done.map_or_else(|failure| failure.verdict(), |()| ItemVerdict::Done);
        vec![verdict; entries.len()]
    }

    async fn apply_whole(&self, writes: Vec<Write>, entries: &[&LedgerEntry]) -> bool {
        let is_done = |verdict: &ItemVerdict| *verdict == ItemVerdict::Done;
        let applied = self.apply_all(writes, entries, None).await;
        applied.writes.iter().all(is_done) && applied.entries.iter().all(is_done)
    }

    async fn ledger(&self, requests: &[RequestId]) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
        let ids = requests.iter().map(|request| [request.unique()]).collect();
        let found = self
            .read_texts("SELECT entry FROM ledger WHERE request = ?", ids)
            .await?;
        found
            .into_iter()
            .map(|text| {
                text.map(|text| parse_json(&text, "a ledger entry"))
                    .transpose()
            })
            .collect()
    }

    async fn claim(&self, claim: &Claim, request: &RequestId) -> Result<ClaimOutcome, StoreError> {
        let (claim, request, now) = (claim.clone(), *request, self.now());
        Ok(self
            .inner
            .writer
            .run(Kept::OnDisk, move |pen| {
                take_claim(pen, &claim, &request, now)
            })
            .await?)
    }

    async fn held_values(&self, names: &[String]) -> Result<Vec<Option<String>>, StoreError> {
        let names = names.iter().map(|name| [name.clone()]).collect();
        self.read_texts("SELECT holder FROM unique_values WHERE name = ?", names)
            .await
    }

    async fn value_names(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.read_value_names(after, limit).await
    }
    async fn swap_value(
        &self,
        name: &str,
        was: Option<&str>,
        new: &str,
    ) -> Result<Swapped, StoreError> {
        let (name, was, new) = (name.to_owned(), was.map(str::to_owned), new.to_owned());
        let swap = move |pen: &mut Pen<'_>| swap_holder(pen, &name, was.as_deref(), &new);
        Ok(self.inner.writer.run(Kept::OnDisk, swap).await?)
    }

    async fn purge_replaced_values(&self) -> Result<Vec<String>, StoreError> {
        self.purge_values().await?;
        Ok(Vec::new())
    }

    async fn keep_text(&self, name: &str, text: &str, until: i64) -> Result<(), StoreError> {
        let (name, text, now) = (name.to_owned(), text.to_owned(), self.now());
        let keep = move |pen: &mut Pen<'_>| keep_text(pen, &name, &text, until, now);
        Ok(self.inner.writer.run(Kept::InOrder, keep).await?)
    }

    async fn kept_text(&self, name: &str) -> Result<Option<String>, StoreError> {
        const GET: &str = "SELECT text FROM texts WHERE name = ? AND until > ?";
        let (name, now) = (name.to_owned(), self.now());
        let read = move |connection: &rusqlite::Connection| {
            let get = || {
                connection
                    .prepare_cached(GET)?
                    .query_row(params![name, now], |row| row.get(0))
                    .optional()
            };
            Ok(get().map_err(Failure::from)?)
        };
        self.inner.readers.run(read).await
    }

    async fn set_mark(&self, mark: &Mark) -> Result<(), StoreError> {
        self.write_mark(mark).await
    }

    async fn mark(&self, generation: u16, partition: u16) -> Result<Option<Mark>, StoreError> {
        let found = self
            .read_texts(
                "SELECT mark FROM marks WHERE generation = ? AND part = ?",
                vec![[generation, partition]],
            )
            .await?;
        found
            .into_iter()
            .flatten()
            .next()
            .map(|text| parse_json(&text, "a mark"))
            .transpose()
    }

    async fn settle(&self) -> Result<(), StoreError> {
        self.sync().await
    }

    async fn create_collection(&self, collection: &Collection) -> Result<Collection, StoreError> {
        self.mapping(collection)?;
        let collection = collection.clone();
        let text = self
            .inner
            .writer
            .run(Kept::OnDisk, move |pen| create_collection(pen, &collection))
            .await?;
        parse_json(&text, "a collection")
    }

    async fn collection(
        &self,
        index: &str,
        collection: &str,
    ) -> Result<Option<Collection>, StoreError> {
        let name = vec![[index.to_owned(), collection.to_owned()]];
        let found = self
            .read_texts(
                "SELECT record FROM collections WHERE idx = ? AND collection = ?",
                name,
            )
            .await?;
        found
            .into_iter()
            .flatten()
            .next()
            .map(|text| parse_json(&text, "a collection"))
            .transpose()
    }

    async fn collections(&self) -> Result<Vec<Collection>, StoreError> {
        let read = |connection: &rusqlite::Connection| {
            let all = || -> rusqlite::Result<Vec<String>> {
                let mut all =
                    connection.prepare_cached("SELECT record FROM collections WHERE collection <> '' ORDER BY idx, collection")?;
                all.query_map([], |row| row.get(0))?.collect()
            };
            all()
                .map_err(Failure::from)?
                .iter()
                .map(|text| parse_json(text, "a collection"))
                .collect()
        };
        self.inner.readers.run(read).await
    }

    async fn indices(&self) -> Result<Vec<String>, StoreError> {
        let read = |connection: &rusqlite::Connection| {
            let all = || -> rusqlite::Result<Vec<String>> {
                let mut all = connection
                    .prepare_cached("SELECT DISTINCT idx FROM collections ORDER BY idx")?;
                all.query_map([], |row| row.get(0))?.collect()
            };
            Ok(all().map_err(Failure::from)?)
        };
        self.inner.readers.run(read).await
    }

    async fn replace_collection(
        &self,
        collection: &Collection,
        was: &Collection,
    ) -> Result<bool, StoreError> {
        self.mapping(collection)?;
        let (collection, was) = (collection.clone(), was.clone());
        Ok(self
            .inner
            .writer
            .run(Kept::OnDisk, move |pen| {
                replace_collection(pen, &collection, &was)
            })
            .await?)
    }

    async fn drop_collection(
        &self,
        index: &str,
        collection: &str,
        incarnation: &str,
    ) -> Result<bool, StoreError> {
        let name = [index, collection, incarnation].map(str::to_owned);
        Ok(self
            .inner
            .writer
            .run(Kept::OnDisk, move |pen| forget_collection(pen, &name))
            .await?)
    }

    async fn scan(
        &self,
        index: &str,
        collection: &str,
        incarnation: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        self.read_ids(
            [index, collection, incarnation].map(str::to_owned),
            after.map(str::to_owned),
            limit,
        )
        .await
    }

    async fn scan_markers(
        &self,
        after: Option<&DocumentKey>,
        limit: usize,
    ) -> Result<MarkerPage, StoreError> {
        self.read_markers(after.cloned(), limit).await
    }

    async fn migrate(&self, tables: &[Table]) -> Result<MigrationReport, StoreError> {
        if let Some(why) = tables.iter().find_map(table_fault) {
            return Err(StoreError::Refused { store: NAME, why });
        }
        let tables: Vec<Table> = tables.iter().cloned().chain(held::held_tables()).collect();
        let report = self
            .inner
            .writer
            .run(Kept::OnDisk, move |pen| {
                schema::migrate_tables(pen.connection, &tables)
            })
            .await?;
        let known = self.inner.readers.run(schema::read_tables).await?;
        *self.inner.tables.write() = known;
        Ok(report)
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.check_ready().await
    }

    async fn weaknesses(&self) -> Result<Vec<Weakness>, StoreError> {
        self.find_weaknesses().await
    }
}

/// Why a table cannot be.
fn table_fault(table: &Table) -> Option<String> {
    if table.partition_key.is_empty() {
        return Some(format!("the table `{}` has no partition key", table.name));
    }
    let missing = table.key().find(|key| table.column(key).is_none());
    missing.map(|key| {
        format!(
            "the key column `{key}` of the table `{}` is not among its columns",
            table.name
        )
    })
}

/// The first to ask has it until it runs out. What ran out goes a few at a time, with every claim.
fn take_claim(
    pen: &Pen<'_>,
    claim: &Claim,
    request: &RequestId,
    now: i64,
) -> Result<ClaimOutcome, Failure> {
    const HELD: &str = "SELECT request FROM claims WHERE key = ? AND until > ?";
    const PUT: &str = "INSERT INTO claims (key, request, until) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET request = ?2, until = ?3";
    const TIDY: &str = "DELETE FROM claims WHERE key IN (SELECT key FROM claims WHERE until <= ? ORDER BY until LIMIT 8)";
    let held: Option<String> = pen
        .connection
        .prepare_cached(HELD)?
        .query_row(params![claim.key, now], |row| row.get(0))
        .optional()?;
    let Some(held) = held else {
        pen.connection.prepare_cached(TIDY)?.execute([now])?;
        pen.connection.prepare_cached(PUT)?.execute(params![
            claim.key,
            request.to_string(),
            claim.until.max(now + CLAIM_KEPT_MS)
        ])?;
        return Ok(ClaimOutcome::Ours);
    };
    let holder = RequestId::parse_trusted(&held)
        .map_err(|error| Failure::Damaged(format!("a claim's request: {error}")))?;
    Ok(if holder == *request {
        ClaimOutcome::Ours
    } else {
        ClaimOutcome::Theirs(holder)
    })
}

fn swap_holder(
    pen: &Pen<'_>,
    name: &str,
    was: Option<&str>,
    new: &str,
) -> Result<Swapped, Failure> {
    const GET: &str = "SELECT holder FROM unique_values WHERE name = ?";
    const PUT: &str = "INSERT INTO unique_values (name, holder) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET holder = ?2";
    let mut get = pen.connection.prepare_cached(GET)?;
    let stands: Option<String> = get.query_row([name], |row| row.get(0)).optional()?;
    if stands.as_deref() != was {
        return Ok(Swapped::Stands(stands));
    }
    pen.connection
        .prepare_cached(PUT)?
        .execute(params![name, new])?;
    Ok(Swapped::Done)
}

/// What ran out goes a few at a time, with every text that is kept.
fn keep_text(pen: &Pen<'_>, name: &str, text: &str, until: i64, now: i64) -> Result<(), Failure> {
    const TIDY: &str = "DELETE FROM texts WHERE name IN (SELECT name FROM texts WHERE until <= ? ORDER BY until LIMIT 8)";
    const PUT: &str = "INSERT INTO texts (name, text, until) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET text = ?2, until = ?3";
    pen.connection.prepare_cached(TIDY)?.execute([now])?;
    let mut put = pen.connection.prepare_cached(PUT)?;
    put.execute(params![name, text, until])?;
    Ok(())
}

fn replace_collection(
    pen: &Pen<'_>,
    collection: &Collection,
    was: &Collection,
) -> Result<bool, Failure> {
    const GET: &str = "SELECT record FROM collections WHERE idx = ?1 AND collection = ?2";
    const SET: &str = "UPDATE collections SET record = ?1 WHERE idx = ?2 AND collection = ?3";
    let name = [&collection.index, &collection.collection];
    let stands: Option<String> = pen
        .connection
        .prepare_cached(GET)?
        .query_row(name, |row| row.get(0))
        .optional()?;
    let stands: Option<Collection> = stands.and_then(|text| serde_json::from_str(&text).ok());
    if !stands.is_some_and(|stands| stands == *was || stands == *collection) {
        return Ok(false);
    }
    let text = serde_json::to_string(collection).expect("a collection is plain JSON");
    let mut set = pen.connection.prepare_cached(SET)?;
    Ok(set.execute(params![text, name[0], name[1]])? > 0)
}

fn forget_collection(pen: &Pen<'_>, name: &[String; 3]) -> Result<bool, Failure> {
    const GO: &str = "DELETE FROM collections WHERE idx = ?1 AND collection = ?2 AND json_extract(record, '$.incarnation') = ?3";
    Ok(pen
        .connection
        .prepare_cached(GO)?
        .execute([&name[0], &name[1], &name[2]])?
        > 0)
}

/// Some documents of an incarnation that is over; true if there may be more.
pub(crate) fn clear_documents(pen: &Pen<'_>, name: &[String; 3]) -> Result<bool, Failure> {
    const SOME: i64 = 1_000;
    const GO: &str = "DELETE FROM documents WHERE rowid IN (SELECT rowid FROM documents
        WHERE place = (SELECT place FROM places WHERE idx = ?1 AND collection = ?2 AND incarnation = ?3) LIMIT ?4)";
    if let Some(place) = collection_place(pen.connection, &name[0], &name[1], &name[2])? {
        pen.indexes.drop_collection(place);
    }
    let gone = pen
        .connection
        .prepare_cached(GO)?
        .execute(params![name[0], name[1], name[2], SOME])?;
    Ok(gone as i64 >= SOME)
}

/// The text of the collection that stands afterwards.
pub(crate) fn create_collection(pen: &Pen<'_>, collection: &Collection) -> Result<String, Failure> {
    const PUT: &str =
        "INSERT INTO collections (idx, collection, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    let text = serde_json::to_string(collection).expect("a collection is plain JSON");
    pen.connection.prepare_cached(PUT)?.execute(params![
        collection.index,
        collection.collection,
        text
    ])?;
    let mut get = pen
        .connection
        .prepare_cached("SELECT record FROM collections WHERE idx = ? AND collection = ?")?;
    Ok(
        get.query_row([&collection.index, &collection.collection], |row| {
            row.get(0)
        })?,
    )
}
