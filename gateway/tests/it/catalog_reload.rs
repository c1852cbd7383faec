//! The catalog read again while the gateway runs: by a call, by a signal, and left as it is where what
//! is read is wrong.

use crate::harness::{App, Builder, problem, told};
use catalog::{Catalog, CatalogError};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use store::{Record, StoreError};
use tokio::sync::Notify;

/// An operation with a route, a table, and a collection that is made by hand.
const MEMO: &str = "
tables:
  - name: memo
    owner: memo
    partition_key: [id]
    columns: {id: text, title: text}
operations:
  - name: memo.put
    summary: Keeps a memo.
    http: {method: PUT, path: /v1/memo/put}
    request: {type: object, required: [id, title], additionalProperties: false, properties: {id: {type: string}, title: {type: string}}}
    key: {of: memo, id: $request/id}
    write:
      - row: {table: memo, key: {id: $request/id}}
        put: {title: $request/title}
    examples: [{title: One, request: {id: m1, title: Lenses}}]
";

/// A folder, and a signal.
struct Folder {
    path: PathBuf,
    record: OnceLock<Arc<dyn Record>>,
    signal: Notify,
}

#[async_trait::async_trait]
impl gateway::CatalogSource for Folder {
    fn read(&self) -> Result<Catalog, CatalogError> {
        Catalog::load(std::slice::from_ref(&self.path))
    }

    async fn prepare(&self, next: &Catalog, _: &Catalog) -> Result<(), StoreError> {
        let record = self.record.get().expect("it is known");
        record.migrate(next.tables()).await.map(drop)
    }

    async fn asked(&self) {
        self.signal.notified().await;
    }
}

async fn app(folder: &tempfile::TempDir) -> (App, Arc<Folder>) {
    let source = Arc::new(Folder {
        path: folder.path().to_owned(),
        record: OnceLock::new(),
        signal: Notify::new(),
    });
    let builder = Builder {
        catalog_source: Some(source.clone()),
        ..Builder::default()
    };
    let app = builder.start().await;
    assert!(source.record.set(app.record.clone()).is_ok());
    (app, source)
}

async fn version(app: &App) -> String {
    let (_, _, json) = told(app.get("/v1/operations")).await;
    json["catalog"].as_str().expect("a version").to_owned()
}

fn put(app: &App, route: &str) -> reqwest::RequestBuilder {
    let body = json!({"id": "m1", "title": "Lenses"});
    app.client
        .put(app.url(route))
        .header("prefer", "wait=10")
        .json(&body)
}

async fn metrics(app: &App) -> String {
    let answer = app.get("/metrics").send().await.unwrap();
    answer.text().await.unwrap()
}

#[tokio::test]
async fn what_was_changed_is_gone_by_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (app, source) = app(&folder).await;
    let before = version(&app).await;
    assert_eq!(
        put(&app, "/v1/memo/put").send().await.unwrap().status(),
        404
    );

    std::fs::write(folder.path().join("memo.yaml"), MEMO).unwrap();
    let (status, _, reloaded) = told(app.post("/v1/catalog/reload", &json!({}))).await;
    assert_eq!(
        (status.as_u16(), &reloaded["before"]),
        (200, &json!(before))
    );
    let now = version(&app).await;
    assert_eq!(reloaded["version"], now);
    assert_ne!(now, before);
    // The worker was started with the other, and reads this one in the log.
    let (status, _, json) = told(put(&app, "/v1/memo/put")).await;
    assert_eq!((status.as_u16(), &json["status"]), (200, &json!("applied")));
    let (_, _, row) = told(app.get("/v1/tables/memo/m1")).await;
    assert_eq!(row["title"], "Lenses");
    let events = app.events().await;
    let memo = events
        .iter()
        .find(|event| event.attributes.operation == "memo.put");
    assert_eq!(memo.expect("it was accepted").attributes.catalog, now);
    let (_, _, document) = told(app.get("/openapi.json")).await;
    assert!(document["paths"]["/v1/memo/put"].is_object());
    let shown = metrics(&app).await;
    for line in [
        format!("consign_gateway_catalog_info{{version=\"{now}\"}} 1"),
        "consign_gateway_catalog_reloads_total{outcome=\"reloaded\"} 1".to_owned(),
    ] {
        assert!(shown.contains(&line), "{line}");
    }
    assert!(!shown.contains(&before));

    std::fs::remove_file(folder.path().join("memo.yaml")).unwrap();
    source.signal.notify_one();
    let deadline = Instant::now() + Duration::from_secs(20);
    while version(&app).await != before {
        assert!(Instant::now() < deadline, "the signal did nothing");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        put(&app, "/v1/memo/put").send().await.unwrap().status(),
        404
    );
}

async fn refused(app: &App, folder: &tempfile::TempDir, text: &str, says: &[&str]) {
    std::fs::write(folder.path().join("memo.yaml"), text).unwrap();
    let asked = app.post("/v1/catalog/reload", &Value::Null);
    let json = problem(asked, 422, "bad_catalog").await;
    let detail = json["detail"].as_str().unwrap();
    for part in says {
        assert!(detail.contains(part), "{detail}\n  should have: {part}");
    }
}

#[tokio::test]
async fn what_is_wrong_leaves_the_catalog_in_use() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("memo.yaml"), MEMO).unwrap();
    let (app, _) = app(&folder).await;
    told(app.post("/v1/catalog/reload", &json!({}))).await;
    let in_use = version(&app).await;

    let unsound = MEMO.replace("$request/title}", "$reqest/title}");
    refused(
        &app,
        &folder,
        &unsound,
        &["memo.yaml: line 15: ", "`memo.put`", "$reqest"],
    )
    .await;
    let malformed = MEMO.replace("summary", "sumary");
    refused(
        &app,
        &folder,
        &malformed,
        &["memo.yaml: ", "line ", "`sumary`"],
    )
    .await;
    let shadowing = MEMO.replace("/v1/memo/put", "/v1/documents/x");
    refused(
        &app,
        &folder,
        &shadowing,
        &["/v1/documents/x", "`memo.put`"],
    )
    .await;

    let put_one = MEMO.replace("/v1/memo/put", "/v1/memo/put/:id");
    let (_, operation) = put_one.split_once("operations:\n").unwrap();
    let drop_one = operation
        .replace("memo.put", "memo.drop")
        .replace("PUT", "DELETE")
        .replace(":id", ":title");
    refused(
        &app,
        &folder,
        &format!("{put_one}{drop_one}"),
        &["/v1/memo/put/", "with other names"],
    )
    .await;

    assert_eq!(version(&app).await, in_use);
    assert_eq!(
        put(&app, "/v1/memo/put").send().await.unwrap().status(),
        200
    );
    let shown = metrics(&app).await;
    assert!(
        shown.contains("consign_gateway_catalog_reloads_total{outcome=\"refused\"} 4"),
        "{shown}"
    );
    assert!(shown.contains("consign_gateway_catalog_reload_refused 1"));
    let (status, _, ready) = told(app.get("/readyz")).await;
    let catalog = &ready["components"]["catalog"];
    assert_eq!(
        (status.as_u16(), &catalog["state"]),
        (200, &json!("degraded")),
        "{ready}"
    );
    let why = catalog["why"].as_str().unwrap();
    for part in [&*in_use, "bad_catalog", "with other names"] {
        assert!(why.contains(part), "{why}\n  should have: {part}");
    }
    std::fs::write(folder.path().join("memo.yaml"), MEMO).unwrap();
    let (_, _, json) = told(app.post("/v1/catalog/reload", &json!({}))).await;
    assert_eq!(
        (&json["before"], &json["version"]),
        (&json!(in_use), &json!(in_use))
    );
    let shown = metrics(&app).await;
    assert!(shown.contains("consign_gateway_catalog_reload_refused 0"));
    let (_, _, ready) = told(app.get("/readyz")).await;
    assert_eq!(ready["components"]["catalog"], Value::Null);
}
