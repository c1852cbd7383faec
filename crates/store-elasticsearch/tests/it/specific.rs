//! What only Elasticsearch has: indices that are missing, other hands, drift, settings, bytes of
//! bodies.

use crate::prefix::{config, http, lease, open};
use serde_json::{Value, json};
use store::{
    Collection, ItemVerdict, SearchRequest, StoreError, View,
    contract::{Fixture, answers::all_done, fixture::raw_text},
};
use store_elasticsearch::{Config, Elasticsearch};
use testbed::Servers;

fn address() -> &'static str {
    &Servers::shared().addresses().elasticsearch
}

fn alias(collection: &Collection) -> String {
    format!(
        "{}{}.{}.{}",
        lease(),
        collection.index,
        collection.collection,
        collection.incarnation
    )
}

async fn made(view: &Elasticsearch) -> Fixture {
    let fixture = Fixture::new();
    view.create_collection(&fixture.collection)
        .await
        .expect("made");
    fixture
}

async fn body(view: &Elasticsearch, fixture: &Fixture, id: &str) -> Option<String> {
    let found = view
        .documents(&[fixture.key(id)])
        .await
        .expect("a read")
        .remove(0)?;
    Some(found.get().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_index_reads_say_so_and_writes_wait() {
    let (view, f) = (open(), Fixture::new());
    let c = &f.collection;
    assert!(matches!(
        view.search(c, &SearchRequest::default()).await,
        Err(StoreError::NotMigrated { .. })
    ));
    assert!(matches!(
        view.count(c, None).await,
        Err(StoreError::NotMigrated { .. })
    ));
    assert!(matches!(
        view.refresh(std::slice::from_ref(c)).await,
        Err(StoreError::NotMigrated { .. })
    ));
    assert!(matches!(
        view.documents(&[f.key("d")]).await,
        Err(StoreError::NotMigrated { .. })
    ));
    assert!(matches!(
        &view.apply(&[f.document("d", 1, None)]).await[..],
        [ItemVerdict::Transient(_)]
    ));
    view.ready().await.expect("the server is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_come_back_byte_for_byte() {
    let view = open();
    let f = made(&view).await;
    let texts = [
        r#"{"price":1.10,"exp":1E+2,"max":9223372036854775807}"#,
        r#"{ "z" : 1 ,"a":[ 1 ,2 ],"b":null}"#,
        r#"{"escaped":"\u00e9\ud83d\ude00\/\"}{","plain":"é😀/"}"#,
        "{ }",
        "{}",
    ];
    let batch: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(n, text)| f.document(&format!(r#"d{n} "é/}}"#), n as u64 + 1, Some(text)))
        .collect();
    all_done(&view.apply(&batch).await, texts.len());
    view.refresh(std::slice::from_ref(&f.collection))
        .await
        .expect("a refresh");
    let found = view
        .search(
            &f.collection,
            &SearchRequest {
                size: 10,
                sort: Some(json!("_id")),
                ..SearchRequest::default()
            },
        )
        .await
        .expect("found");
    assert_eq!(found.count(), texts.len() as u64);
    for (n, text) in texts.iter().enumerate() {
        let id = format!(r#"d{n} "é/}}"#);
        assert_eq!(body(&view, &f, &id).await.as_deref(), Some(*text));
        assert_eq!(
            (found.hits[n].id.as_str(), found.hits[n].source_text()),
            (id.as_str(), *text)
        );
        assert_eq!(found.hits[n].sort, [Value::from(id)]);
    }
    all_done(
        &view
            .apply(&[f.document("lines", 9, Some("{\n\"a\":\n1}"))])
            .await,
        1,
    );
    assert_eq!(
        body(&view, &f, "lines").await.as_deref(),
        Some("{ \"a\": 1}")
    );
}

/// Other hands update (version + 1, stamp kept), overwrite (no stamp) and delete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_hands_do_not_stop_our_writes() {
    let view = open();
    let f = made(&view).await;
    let alias = alias(&f.collection);
    for id in ["updated", "overwritten", "same", "deleted"] {
        all_done(
            &view.apply(&[f.document(id, 10, Some(r#"{"n":10}"#))]).await,
            1,
        );
    }
    let by_hand = json!({"doc": {"hand": true}});
    assert_eq!(
        http(
            address(),
            "POST",
            &format!("/{alias}/_update/updated"),
            Some(&by_hand)
        )
        .0,
        200
    );
    assert_eq!(
        http(
            address(),
            "PUT",
            &format!("/{alias}/_doc/overwritten"),
            Some(&json!({"hand": true}))
        )
        .0,
        200
    );
    assert_eq!(
        http(address(), "DELETE", &format!("/{alias}/_doc/deleted"), None).0,
        200
    );

    // The next offset is exactly the version that the hand made: refused by the index, and written
    // above it all the same.
    let next: Vec<_> = ["updated", "overwritten", "same"]
        .map(|id| f.document(id, 11, Some(r#"{"n":11}"#)))
        .into();
    for _ in 0..2 {
        all_done(&view.apply(&next).await, 3);
        for id in ["updated", "overwritten", "same"] {
            assert_eq!(
                body(&view, &f, id).await.as_deref(),
                Some(r#"{"n":11}"#),
                "{id}"
            );
        }
    }
    all_done(
        &view
            .apply(&[f.document("updated", 10, Some(r#"{"n":10}"#))])
            .await,
        1,
    );
    assert_eq!(
        body(&view, &f, "updated").await.as_deref(),
        Some(r#"{"n":11}"#),
        "what is late stays late"
    );
    let mut other = f.document("updated", 11, Some("{}"));
    other.meta.request = f.request(99);
    assert!(matches!(
        &view.apply(&[other]).await[..],
        [ItemVerdict::Alarm(_)]
    ));
    all_done(
        &view
            .apply(&[
                f.document("updated", 12, Some(r#"{"n":12}"#)),
                f.document("overwritten", 13, None),
            ])
            .await,
        2,
    );
    assert_eq!(
        body(&view, &f, "updated").await.as_deref(),
        Some(r#"{"n":12}"#)
    );
    assert_eq!(body(&view, &f, "overwritten").await, None);

    // A deletion by hand cannot be read; it passes by itself, and anything newer is taken at once.
    let verdicts = view.apply(&[f.document("deleted", 11, Some("{}"))]).await;
    assert!(
        matches!(&verdicts[..], [ItemVerdict::Transient(why)] if why.contains("deleted")),
        "{verdicts:?}"
    );
    all_done(
        &view.apply(&[f.document("deleted", 12, Some("{}"))]).await,
        1,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_is_named_and_nothing_is_overwritten() {
    let view = open();
    let mut f = Fixture::with_mappings(
        json!({"properties": {"n": {"type": "integer"}, "o": {"properties": {"k": {"type": "keyword"}}}, "a.b": {"type": "date"}}}),
    );
    let report = view
        .migrate(std::slice::from_ref(&f.collection))
        .await
        .expect("a migration");
    assert_eq!(
        (report.created.len(), report.unchanged, report.drift.len()),
        (1, 0, 0),
        "{report:?}"
    );
    all_done(
        &view
            .apply(&[f.document("d", 1, Some(r#"{"n":1,"brought":"by a document"}"#))])
            .await,
        1,
    );
    let report = view
        .migrate(std::slice::from_ref(&f.collection))
        .await
        .expect("a migration");
    assert_eq!(
        (report.created.len(), report.unchanged, report.drift.len()),
        (0, 1, 0),
        "{report:?}"
    );
    f.collection.mappings = Some(
        json!({"dynamic": "strict", "properties": {"n": {"type": "keyword"}, "o": {"properties": {"m": {"type": "long"}}}}}),
    );
    let report = view
        .migrate(std::slice::from_ref(&f.collection))
        .await
        .expect("a migration");
    let drift = report.drift.join("\n");
    for part in [
        "dynamic is not set, not strict",
        "field n: type is integer, not keyword",
        "field o: field m is missing",
    ] {
        assert!(drift.contains(part), "{part} in {drift}");
    }
    assert_eq!(
        body(&view, &f, "d").await.as_deref(),
        Some(r#"{"n":1,"brought":"by a document"}"#)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_that_was_taken_off_is_put_back() {
    let view = open();
    let f = made(&view).await;
    let alias = alias(&f.collection);
    let off =
        json!({"actions": [{"remove": {"index": format!("{alias}-000001"), "alias": alias}}]});
    assert_eq!(http(address(), "POST", "/_aliases", Some(&off)).0, 200);
    assert!(matches!(
        &view.apply(&[f.document("d", 1, Some("{}"))]).await[..],
        [ItemVerdict::Transient(_)]
    ));
    view.create_collection(&f.collection).await.expect("made");
    all_done(&view.apply(&[f.document("d", 1, Some("{}"))]).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mappings_and_settings_that_cannot_be_are_refused() {
    let view = open();
    for (mappings, settings) in [
        (
            json!({"properties": {"_consign": {"type": "keyword"}}}),
            json!({}),
        ),
        (
            json!({"properties": {"n": {"type": "no_such_type"}}}),
            json!({}),
        ),
        (json!([]), json!({})),
        (json!({}), json!({"index.no_such_setting": 1})),
    ] {
        let mut f = Fixture::with_mappings(mappings);
        f.collection.settings = Some(settings);
        let answer = view.create_collection(&f.collection).await;
        assert!(
            matches!(answer, Err(StoreError::Refused { .. })),
            "{answer:?}"
        );
    }
    let mut f = Fixture::new();
    f.collection.settings =
        Some(json!({"number_of_shards": 2, "index": {"refresh_interval": "5s"}}));
    view.create_collection(&f.collection).await.expect("made");
    let (_, found) = http(
        address(),
        "GET",
        &format!("/{}-000001/_settings", alias(&f.collection)),
        None,
    );
    let index = &found[format!("{}-000001", alias(&f.collection))]["settings"]["index"];
    assert_eq!(
        (
            &index["number_of_shards"],
            &index["refresh_interval"],
            &index["number_of_replicas"]
        ),
        (&json!("2"), &json!("5s"), &json!("0"))
    );
    f.collection.index = "x".repeat(300);
    assert!(matches!(
        view.create_collection(&f.collection).await,
        Err(StoreError::Refused { .. })
    ));
    assert!(view.check(&f.collection, "id", &raw_text("{}")).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weak_settings_are_named() {
    let prefix = format!("{}weak.", lease());
    let view = Elasticsearch::new(config(
        &Servers::shared().addresses().elasticsearch_url(),
        &prefix,
    ))
    .expect("right");
    let mut f = Fixture::new();
    f.collection.settings = Some(json!({"index.translog.durability": "async"}));
    view.create_collection(&f.collection).await.expect("made");
    let found: Vec<String> = view
        .weaknesses()
        .await
        .expect("settings")
        .into_iter()
        .map(|weakness| weakness.setting)
        .collect();
    for setting in [
        "data nodes",
        "index.translog.durability of ",
        "index.number_of_replicas of ",
    ] {
        assert!(
            found.iter().any(|found| found.starts_with(setting)),
            "{setting} in {found:?}"
        );
    }
    assert!(
        !found.iter().any(|setting| setting == "version"),
        "{found:?}"
    );
}

#[test]
fn a_configuration_that_cannot_be_right_is_refused() {
    for config in [
        Config {
            urls: vec![],
            ..Config::default()
        },
        Config {
            urls: vec!["no url".into()],
            ..Config::default()
        },
        Config {
            prefix: "Upper".into(),
            ..Config::default()
        },
        Config {
            bulk_bytes: 0,
            ..Config::default()
        },
        Config {
            certificate_authority: Some("no certificate".into()),
            ..Config::default()
        },
    ] {
        assert!(
            matches!(
                Elasticsearch::new(config.clone()),
                Err(StoreError::Refused { .. })
            ),
            "{config:?}"
        );
    }
    let shown = format!(
        "{:?}",
        Config {
            password: Some(store_elasticsearch::Secret("hush".into())),
            ..Config::default()
        }
    );
    assert!(!shown.contains("hush"), "{shown}");
}
