//! What only Cassandra has: tables that are missing, values that the server refuses, settings,
//! large batches.

use crate::keyspace::{cell, config, open, run};
use event_schema::mutation::RowAction::Merge;
use serde_json::json;
use store::{
    ItemVerdict, Record, StoreError,
    contract::{self, Fixture},
    document::Write,
    schema::{Column, ColumnType, Table},
};
use store_cassandra::{Cassandra, Config};
use testbed::Servers;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tables_reads_say_so_and_writes_wait() {
    let address = &Servers::shared().addresses().cassandra;
    let record = Cassandra::new(config(address, &testbed::unique("none"))).expect("right");
    let f = Fixture::new();
    assert!(matches!(
        record.documents(&[f.key("d")]).await,
        Err(StoreError::NotMigrated { .. })
    ));
    assert!(matches!(
        record.rows(&[f.row_key(1)]).await,
        Err(StoreError::NotMigrated { .. })
    ));
    assert!(matches!(
        record.mark(1, 1).await,
        Err(StoreError::NotMigrated { .. })
    ));
    assert!(matches!(
        record.collections().await,
        Err(StoreError::NotMigrated { .. })
    ));
    assert!(matches!(
        record.ready().await,
        Err(StoreError::NotMigrated { .. })
    ));
    assert!(matches!(
        record.weaknesses().await,
        Err(StoreError::NotMigrated { .. })
    ));
    let verdicts = record
        .apply(&[f.put("d", 1, "{}"), f.put_row(1, json!({"name": "x"}), 1)])
        .await;
    assert!(
        verdicts
            .iter()
            .all(|verdict| matches!(verdict, ItemVerdict::Transient(_))),
        "{verdicts:?}"
    );
    let remembered = record
        .remember(&[f.entry(1, 1, event_schema::outcome::Verdict::Applied)])
        .await;
    assert!(
        matches!(&remembered[..], [ItemVerdict::Transient(_)]),
        "{remembered:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_dropped_and_made_again_is_found_again() {
    let address = &Servers::shared().addresses().cassandra;
    let record = open().await;
    let name = testbed::unique("gone");
    let column = |name: &str| Column {
        name: name.to_owned(),
        kind: ColumnType::Text,
    };
    let mut table = Table {
        name: name.clone(),
        partition_key: vec!["Id".to_owned()],
        clustering: vec![],
        columns: vec![column("Id"), column("camelCase"), column("order")],
        indexes: vec!["camelCase".to_owned()],
    };
    let report = record
        .migrate(std::slice::from_ref(&table))
        .await
        .expect("a migration");
    assert_eq!(
        report.created,
        [
            format!("table {name}"),
            format!("index {name}_camelCase_idx")
        ]
    );
    let report = record
        .migrate(std::slice::from_ref(&table))
        .await
        .expect("a migration");
    assert!(
        report.created.is_empty() && report.drift.is_empty(),
        "{report:?}"
    );

    let f = Fixture::new();
    let write = |cells, n| {
        let mut row = f.row(1, Merge, cells, n, 0);
        row.mutation.key = contract::fixture::row_key(&name, json!({"Id": "x"}));
        Write::Row(row)
    };
    let key = contract::fixture::row_key(&name, json!({"Id": "x"}));
    assert_eq!(
        record
            .apply(&[write(json!({"camelCase": "a", "order": "b"}), 1)])
            .await,
        [ItemVerdict::Done]
    );
    contract::answers::row_is(&record, &key, json!({"camelCase": "a", "order": "b"})).await;

    let keyspace = record_keyspace(&record).await;
    run(address, format!("DROP TABLE \"{keyspace}\".\"{name}\""))
        .await
        .expect("dropped");
    let verdicts = record.apply(&[write(json!({"order": "c"}), 2)]).await;
    assert!(
        matches!(&verdicts[..], [ItemVerdict::Transient(_)]),
        "{verdicts:?}"
    );
    assert!(matches!(
        record.rows(std::slice::from_ref(&key)).await,
        Err(StoreError::NotMigrated { .. })
    ));

    table.columns.push(column("late"));
    table.indexes.clear();
    record
        .migrate(std::slice::from_ref(&table))
        .await
        .expect("a migration");
    assert_eq!(
        record
            .apply(&[write(json!({"order": "d", "late": "e"}), 3)])
            .await,
        [ItemVerdict::Done]
    );
    contract::answers::row_is(&record, &key, json!({"order": "d", "late": "e"})).await;
}

/// The keyspace in which the shared tests run.
async fn record_keyspace(record: &Cassandra) -> String {
    let weaknesses = record.weaknesses().await.expect("settings");
    let setting = weaknesses
        .iter()
        .find_map(|weakness| weakness.setting.strip_prefix("replication of keyspace "));
    setting
        .expect("one copy is a weakness, and it names the keyspace")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_copy_is_named_as_a_weakness() {
    let record = open().await;
    record.ready().await.expect("ready");
    let weaknesses = record.weaknesses().await.expect("settings");
    let copies = weaknesses
        .iter()
        .find(|weakness| weakness.setting.starts_with("replication"))
        .expect("named");
    assert_eq!((copies.found.as_str(), copies.wanted.as_str()), ("1", "3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_of_the_tests_takes_what_is_written() {
    let record = open().await;
    assert_eq!(record.check_settings().await, Ok(()));
    assert_eq!(record.may_forget().await, Ok(None), "batch sync keeps all");
    // The name by which the setting is asked for is the server's.
    let guardrail =
        "SELECT name FROM system_views.settings WHERE name = 'maximum_timestamp_fail_threshold'";
    let address = &Servers::shared().addresses().cassandra;
    assert_eq!(
        cell(address, guardrail.to_owned()).await.as_deref(),
        Some("maximum_timestamp_fail_threshold")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_touched_by_hand_gives_way_to_the_next() {
    let record = open().await;
    let f = Fixture::new();
    let (generation, partition) = (f.generation(), f.partition());
    record.set_mark(&f.mark(10, 5)).await.expect("a mark");
    let (address, keyspace) = (
        &Servers::shared().addresses().cassandra,
        record_keyspace(&record).await,
    );
    let stands = format!(
        "SELECT mark FROM \"{keyspace}\".marks WHERE generation = {generation} AND partition = {partition}"
    );
    let text = cell(address, stands).await.expect("a mark");
    let by_hand = format!(
        "UPDATE \"{keyspace}\".marks SET mark = '{text}' WHERE generation = {generation} AND partition = {partition}"
    );
    run(address, by_hand).await.expect("an update");
    record.set_mark(&f.mark(30, 9)).await.expect("a mark");
    let found = record.mark(generation, partition).await.expect("a read");
    assert_eq!(found.map(|mark| mark.through.get()), Some(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_taken_late_is_kept_for_a_day() {
    let record = open().await;
    let f = Fixture::new();
    let claim = event_schema::envelope::Claim {
        key: f.name("late"),
        until: 1,
    };
    record.claim(&claim, &f.request(1)).await.expect("a claim");
    let (address, keyspace) = (
        &Servers::shared().addresses().cassandra,
        record_keyspace(&record).await,
    );
    let left = format!(
        "SELECT CAST(TTL(request) AS text) FROM \"{keyspace}\".claims WHERE key = '{}'",
        claim.key
    );
    let left: u32 = cell(address, left)
        .await
        .expect("a TTL")
        .parse()
        .expect("seconds");
    assert!((86_300..=86_400).contains(&left), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalog_may_not_take_our_own_tables() {
    let record = open().await;
    let mut tables = contract::tables();
    tables[0].name = "ledger".to_owned();
    assert!(matches!(
        record.migrate(&tables).await,
        Err(StoreError::Refused { .. })
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_permanent_and_alone() {
    let record = open().await;
    let f = Fixture::new();
    let huge = format!(r#"{{"text":"{}"}}"#, "x".repeat(40 << 20));
    let verdicts = record
        .apply(&[
            f.put("a", 1, "{}"),
            f.put("huge", 2, &huge),
            f.put("b", 3, "{}"),
        ])
        .await;
    assert_eq!(
        (&verdicts[0], &verdicts[2]),
        (&ItemVerdict::Done, &ItemVerdict::Done)
    );
    assert!(
        matches!(&verdicts[1], ItemVerdict::Permanent { .. }),
        "{:?}",
        verdicts[1]
    );
    let long = "k".repeat(70_000);
    let verdicts = record
        .apply(&[
            f.put("c", 4, "{}"),
            f.put(&long, 5, "{}"),
            f.put("d", 6, "{}"),
        ])
        .await;
    assert_eq!(
        (&verdicts[0], &verdicts[2]),
        (&ItemVerdict::Done, &ItemVerdict::Done)
    );
    assert!(
        matches!(&verdicts[1], ItemVerdict::Permanent { .. }),
        "{:?}",
        verdicts[1]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_partition_of_many_large_rows_is_cut_to_size() {
    let record = open().await;
    let f = Fixture::new();
    let text = "x".repeat(20_000);
    let batch: Vec<Write> = (0..500)
        .map(|n| f.merge_row(n, json!({"name": text, "count": n}), 1))
        .collect();
    contract::answers::all_done(&record.apply(&batch).await, 500);
    contract::answers::row_is(
        &record,
        &f.row_key(499),
        json!({"name": text, "count": 499}),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_met_at_a_newer_version_is_looked_at_before_it_is_written() {
    let (first, second) = (open().await, open().await);
    let f = Fixture::new();
    contract::answers::all_done(&first.apply(&[f.put("d", 20, r#"{"n":1}"#)]).await, 1);
    // Another process, which has read the document (as whoever plans a write does) and then decides
    // at a version that stands.
    second.documents(&[f.key("d")]).await.expect("a read");
    contract::answers::all_done(&second.apply(&[f.put("e", 19, "{}")]).await, 1);
    let mut other = f.document("d", 20, Some(r#"{"n":2}"#));
    other.meta.request = f.request(99);
    contract::answers::alarm(&second.apply(&[Write::Document(other)]).await[0]);
    assert_eq!(
        contract::answers::body(&first, &f.key("d")).await,
        Some(Some(r#"{"n":1}"#.to_owned()))
    );
}

/// What is newer than all that a process met is written without a look: the time of the write
/// decides, whatever another process wrote meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_write_above_all_that_its_process_met_changes_nothing() {
    let (owner, late) = (open().await, open().await);
    let f = Fixture::new();
    contract::answers::all_done(&late.apply(&[f.put("e", 10, "{}")]).await, 1);
    contract::answers::all_done(&owner.apply(&[f.put("d", 30, r#"{"n":30}"#)]).await, 1);
    contract::answers::all_done(&late.apply(&[f.put("d", 20, r#"{"n":20}"#)]).await, 1);
    assert_eq!(
        contract::answers::body(&owner, &f.key("d")).await,
        Some(Some(r#"{"n":30}"#.to_owned()))
    );
}

#[test]
fn a_configuration_that_cannot_be_right_is_refused() {
    for config in [
        Config {
            nodes: vec![],
            ..Config::default()
        },
        Config {
            keyspace: "a-b".into(),
            ..Config::default()
        },
        Config {
            keyspace: String::new(),
            ..Config::default()
        },
        Config {
            in_flight: 0,
            ..Config::default()
        },
    ] {
        assert!(matches!(
            Cassandra::new(config),
            Err(StoreError::Refused { .. })
        ));
    }
    let shown = format!(
        "{:?}",
        Config {
            password: Some(store_cassandra::Secret("hush".into())),
            ..Config::default()
        }
    );
    assert!(!shown.contains("hush"), "{shown}");
}
