//! The file itself: opened again, refused when it is newer, not ours, or damaged.

use crate::opened::{config, open};
use serde_json::json;
use std::fs;
use store::{
    Record as _, StoreError,
    contract::{Fixture, answers},
};
use store_embedded::EmbeddedStore;

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let opened = open().await;
    let f = Fixture::new();
    opened
        .store
        .create_collection(&f.collection)
        .await
        .expect("a collection");
    answers::all_done(
        &opened
            .store
            .apply(&[f.put("a", 1, "{}"), f.put_row(1, json!({"count": 1}), 2)])
            .await,
        2,
    );
    let config = config(&opened.folder);
    let folder = opened.folder;
    drop(opened.store);
    let again = EmbeddedStore::open(config).expect("it opens again");
    assert_eq!(
        answers::body(&again, &f.key("a")).await,
        Some(Some("{}".to_owned()))
    );
    answers::row_is(&again, &f.row_key(1), json!({"count": 1})).await;
    answers::all_done(
        &again
            .apply(&[f.merge_row(1, json!({"open": true}), 3)])
            .await,
        1,
    );
    assert_eq!(again.collections().await.map(|all| all.len()), Ok(1));
    assert_eq!(again.weaknesses().await, Ok(Vec::new()));
    drop(folder);
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_alone() {
    let opened = open().await;
    let path = opened.folder.path().join("consign.db");
    drop(opened.store);
    let raw = rusqlite::Connection::open(&path).expect("SQLite opens it");
    raw.pragma_update(None, "user_version", 99)
        .expect("a newer format");
    drop(raw);
    match EmbeddedStore::open(config(&opened.folder)) {
        Err(StoreError::Refused { why, .. }) => assert!(why.contains("format 99"), "{why}"),
        other => panic!("a newer file must be refused, not {:?}", other.err()),
    }
}

#[tokio::test]
async fn other_files_are_not_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("consign.db");
    let foreign = rusqlite::Connection::open(&path).expect("SQLite opens it");
    foreign
        .execute_batch("CREATE TABLE theirs (x)")
        .expect("a table");
    drop(foreign);
    assert!(matches!(
        EmbeddedStore::open(config(&folder)),
        Err(StoreError::Refused { .. })
    ));
    fs::write(
        &path,
        "This is no database, and long enough that SQLite looks at its first page for a header. "
            .repeat(20),
    )
    .expect("a file");
    assert!(matches!(
        EmbeddedStore::open(config(&folder)),
        Err(StoreError::Damaged { .. })
    ));
    let nowhere = store_embedded::Config::new(folder.path().join("no/such/folder/consign.db"));
    assert!(matches!(
        EmbeddedStore::open(nowhere),
        Err(StoreError::Unavailable { .. })
    ));
}

#[tokio::test]
async fn a_damaged_document_is_said_to_be_damaged() {
    let opened = open().await;
    let f = Fixture::new();
    answers::all_done(
        &opened
            .store
            .apply(&[f.put("a", 1, r#"{"n":1}"#), f.put("b", 2, "{}")])
            .await,
        2,
    );
    let raw = rusqlite::Connection::open(opened.folder.path().join("consign.db"))
        .expect("SQLite opens it");
    raw.execute("UPDATE documents SET body = '{\"n\":' WHERE id = 'a'", [])
        .expect("damage");
    let read = opened.store.read_one(&f, "a").await;
    assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
    assert!(opened.store.read_one(&f, "b").await.is_ok());
    let search = serde_json::from_value(json!({"query": {"term": {"n": 1}}})).expect("a search");
    assert!(matches!(
        store::View::search(&opened.store, &f.collection, &search).await,
        Err(StoreError::Damaged { .. })
    ));
}

trait ReadOne {
    async fn read_one(&self, fixture: &Fixture, id: &str) -> Result<usize, StoreError>;
}

impl ReadOne for EmbeddedStore {
    async fn read_one(&self, fixture: &Fixture, id: &str) -> Result<usize, StoreError> {
        store::Record::documents(self, &[fixture.key(id)])
            .await
            .map(|found| found.len())
    }
}

#[tokio::test]
async fn a_new_column_is_added_and_old_rows_stay() {
    let opened = open().await;
    let f = Fixture::new();
    answers::all_done(
        &opened
            .store
            .apply(&[f.put_row(1, json!({"count": 1}), 1)])
            .await,
        1,
    );
    answers::permanent(
        &opened
            .store
            .apply(&[f.merge_row(1, json!({"added": "x"}), 2)])
            .await[0],
        "a column that is not there yet",
    );
    let mut tables = store::contract::tables();
    tables[0].columns.push(store::schema::Column {
        name: "added".to_owned(),
        kind: store::schema::ColumnType::Text,
    });
    let report = store::Record::migrate(&opened.store, &tables)
        .await
        .expect("a migration");
    assert_eq!(
        (report.created, report.drift),
        (vec!["contract_rows.added".to_owned()], Vec::new())
    );
    answers::all_done(
        &opened
            .store
            .apply(&[f.merge_row(1, json!({"added": "x"}), 2)])
            .await,
        1,
    );
    answers::row_is(
        &opened.store,
        &f.row_key(1),
        json!({"count": 1, "added": "x"}),
    )
    .await;
}

#[tokio::test]
async fn a_missing_table_waits_for_the_migration() {
    let opened = open().await;
    let f = Fixture::new();
    let mut row = f.row(1, event_schema::mutation::RowAction::Put, json!({}), 1, 0);
    row.mutation.key.table = "no_such_table".to_owned();
    let key = row.mutation.key.clone();
    let verdict = opened
        .store
        .apply(&[store::document::Write::Row(row)])
        .await
        .remove(0);
    assert!(
        matches!(&verdict, store::ItemVerdict::Transient(why) if why.contains("migrate")),
        "{verdict:?}"
    );
    assert!(matches!(
        opened.store.rows(&[key]).await,
        Err(StoreError::NotMigrated { .. })
    ));
}
