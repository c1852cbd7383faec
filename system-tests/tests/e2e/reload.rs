//! The catalog read again on real servers, gateway by gateway: a table and a collection that join, a
//! column that joins, one step back, and mistakes that leave everything as it was.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use system_tests::cluster::Cluster;
use testbed::Servers;

const MEMO: &str = "
tables:
  - {name: reloaded_memo, owner: memo, partition_key: [id], columns: {id: text, title: text}}
collections:
  - {index: reloaded, collection: memos, owner: memo, mappings: {dynamic: false, properties: {title: {type: keyword}}}}
operations:
  - name: memo.put
    summary: Keeps a memo.
    http: {method: PUT, path: /v1/memo/put}
    request: {type: object, required: [id, title], additionalProperties: false, properties: {id: {type: string}, title: {type: string}}}
    key: {of: memo, id: $request/id}
    write:
      - {row: {table: reloaded_memo, key: {id: $request/id}}, put: {title: $request/title}}
      - {document: {index: reloaded, collection: memos, id: $request/id}, put: {title: $request/title}}
    examples: [{title: One, request: {id: m1, title: Lenses}}]
";

/// A fleet of two gateways that read the same folder, each when it is asked.
struct Fleet {
    cluster: Cluster,
    http: reqwest::Client,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Fleet {
    async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let folders = format!("[{:?}]", folder.path());
        let settings = [("CONSIGN_CATALOG_FOLDERS", folders.as_str())];
        let servers = Servers::shared().addresses();
        Ok(Self {
            cluster: Cluster::with_settings(servers, 2, 1, &settings).await?,
            http: reqwest::Client::new(),
            file: folder.path().join("memo.yaml"),
            _folder: folder,
        })
    }

    async fn ask(
        &self,
        gateway: usize,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(u16, Value)> {
        let url = format!("{}{path}", self.cluster.gateways()[gateway]);
        let mut request = self.http.request(method, url).header("prefer", "wait=30");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        Ok((status, response.json().await?))
    }

    /// Reads the definitions again by a call.
    async fn reload(&self, gateway: usize, definitions: &str) -> Result<(u16, Value)> {
        std::fs::write(&self.file, definitions)?;
        let path = "/v1/catalog/reload";
        self.ask(gateway, Method::POST, path, Some(json!({}))).await
    }

    async fn put(&self, gateway: usize, body: Value) -> Result<u16> {
        let asked = self.ask(gateway, Method::PUT, "/v1/memo/put", Some(body));
        asked.await.map(|(status, _)| status)
    }

    async fn read(&self, path: &str) -> Result<Value> {
        let (status, found) = self.ask(0, Method::GET, path, None).await?;
        ensure!(status == 200, "{path}: {status} {found}");
        Ok(found)
    }
}

fn version(reloaded: &(u16, Value)) -> Result<String> {
    ensure!(reloaded.0 == 200, "{reloaded:?}");
    let version = reloaded.1["version"].as_str();
    version.map(str::to_owned).context("a version")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_on_real_servers_read_their_catalog_again() -> Result<()> {
    let mut fleet = Fleet::start().await?;
    let body = json!({"id": "m1", "title": "Lenses"});
    ensure!(fleet.put(0, body.clone()).await? == 404);

    // One gateway goes by it, the other does not yet, and the worker reads it in the log.
    let first = version(&fleet.reload(0, MEMO).await?)?;
    ensure!(fleet.put(0, body.clone()).await? == 200);
    ensure!(fleet.put(1, body.clone()).await? == 404);
    ensure!(fleet.read("/v1/tables/reloaded_memo/m1").await?["title"] == "Lenses");
    let document = fleet.read("/v1/documents/reloaded/memos/m1").await?;
    ensure!(
        document["_source"] == json!({"title": "Lenses"}),
        "{document}"
    );
    fleet.cluster.process("gateway-1")?.hang_up()?;
    let began = Instant::now();
    while fleet.put(1, body.clone()).await? != 200 {
        ensure!(
            began.elapsed() < Duration::from_secs(60),
            "the signal did nothing"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    // A column and a field of a document join; the other gateway goes on by the old definitions.
    let grown = MEMO
        .replace("title: text}", "title: text, tags: list<text>}")
        .replace(
            "title: {type: string}}}",
            "title: {type: string}, tags: {type: array, items: {type: string}}}}",
        )
        .replace(
            "title: $request/title}",
            "title: $request/title, tags: $request/tags}",
        );
    let second = version(&fleet.reload(0, &grown).await?)?;
    ensure!(second != first);
    let tagged = json!({"id": "m2", "title": "Prisms", "tags": ["optics"]});
    ensure!(fleet.put(0, tagged.clone()).await? == 200);
    let row = fleet.read("/v1/tables/reloaded_memo/m2").await?;
    ensure!(row["tags"] == json!(["optics"]), "{row}");
    ensure!(fleet.put(1, tagged.clone()).await? == 422);
    ensure!(fleet.put(1, body.clone()).await? == 200);

    // The column stays, and definitions that do not know it are served all the same.
    ensure!(version(&fleet.reload(0, MEMO).await?)? == first);
    ensure!(fleet.put(0, tagged.clone()).await? == 422);
    ensure!(
        fleet
            .put(0, json!({"id": "m2", "title": "Mirrors"}))
            .await?
            == 200
    );
    let row = fleet.read("/v1/tables/reloaded_memo/m2").await?;
    ensure!(row["title"] == "Mirrors" && row["tags"].is_null(), "{row}");
    ensure!(version(&fleet.reload(0, &grown).await?)? == second);
    ensure!(fleet.put(0, tagged).await? == 200);

    mistakes(&fleet, &grown, &second).await
}

async fn mistakes(fleet: &Fleet, grown: &str, in_use: &str) -> Result<()> {
    let unsound = grown.replace("tags: $request/tags", "tags: {lwoer: $request/tags}");
    let other_kind = grown.replace("tags: list<text>", "tags: set<text>");
    let cases = [
        (unsound.as_str(), 422, "bad_catalog"),
        (&other_kind, 503, "not_migrated"),
    ];
    for (definitions, status, code) in cases {
        let (found, answer) = fleet.reload(0, definitions).await?;
        ensure!(
            (found, &answer["code"]) == (status, &json!(code)),
            "{found} {answer}"
        );
        let ready = fleet.read("/readyz").await?;
        let catalog = &ready["components"]["catalog"];
        let why = catalog["why"].as_str().unwrap_or_default();
        ensure!(catalog["state"] == "degraded", "{ready}");
        ensure!(why.contains(code) && why.contains(in_use), "{ready}");
        let served = fleet.read("/v1/operations").await?;
        ensure!(served["catalog"] == in_use, "{}", served["catalog"]);
    }
    ensure!(version(&fleet.reload(0, grown).await?)? == in_use);
    let ready = fleet.read("/readyz").await?;
    ensure!(ready["components"]["catalog"].is_null(), "{ready}");
    Ok(())
}
