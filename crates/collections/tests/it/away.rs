//! Collections while a real Elasticsearch is away.

use collections::{CollectionError, CollectionStores, NewCollection};
use runtime::SystemClock;
use serde_json::json;
use store::{Record, StoreError, View};
use store_elasticsearch::{Config, Elasticsearch};
use store_embedded::EmbeddedStore;
use testbed::{Proxy, Servers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_leaves_nothing_that_waits_for_an_index() {
    let proxy = Proxy::start(&Servers::shared().addresses().elasticsearch).unwrap();
    let view = Elasticsearch::new(Config {
        urls: vec![format!("http://{}", proxy.address())],
        prefix: format!("{}.", testbed::unique("away").to_lowercase()),
        replicas: Some(0),
        request_timeout_ms: 5_000,
        ..Config::default()
    })
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = store_embedded::Config::new(folder.path().join("store.sqlite"));
    let record = EmbeddedStore::open(config).unwrap();
    Record::migrate(&record, &[]).await.unwrap();
    let stores = CollectionStores {
        record: &record,
        view: Some(&view),
        clock: &SystemClock,
    };
    let wanted = NewCollection {
        index: "i".into(),
        collection: "c".into(),
        mappings: Some(json!({"properties": {"n": {"type": "long"}}})),
        settings: None,
    };
    proxy.cut();
    let failed = stores.create(wanted.clone()).await;
    assert!(
        matches!(
            failed,
            Err(CollectionError::Store(StoreError::Unavailable { .. }))
        ),
        "{failed:?}"
    );
    let stands = Record::collection(&record, "i", "c").await.unwrap();
    assert_eq!(stands, None, "what stands is written to, and waits");
    proxy.restore();
    let made = stores.create(wanted).await.unwrap();
    assert!(made.fresh);
    let count = view.count(&made.collection, None).await;
    assert_eq!(count, Ok(0), "it has its index");
    View::drop_collection(&view, &made.collection)
        .await
        .unwrap();
}
