//! Hooks on real servers: asked by whichever gateway a write comes to, once for each; what they made of
//! a request is what stands, also where the worker that had it died, and without an answer nothing is
//! accepted.

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use system_tests::{client::Client, cluster::Cluster};
use testbed::Servers;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::sleep,
};

const COLLECTION: &str = "hooked/cities";
const PATIENCE: Duration = Duration::from_secs(60);

/// Questions by what they were about.
type QuestionCounts = Arc<Mutex<BTreeMap<String, usize>>>;

/// An endpoint that refuses Atlantis and writes into all others that it saw them.
struct HookEndpoint {
    address: std::net::SocketAddr,
    asked: QuestionCounts,
    serving: JoinHandle<()>,
}

impl HookEndpoint {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, asked) = (listener.local_addr()?, QuestionCounts::default());
        let told = asked.clone();
        let serving = tokio::spawn(async move {
            // They end with it.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, told.clone()));
            }
        });
        Ok(Self {
            address,
            asked,
            serving,
        })
    }

    fn asked_about(&self, name: &str) -> usize {
        let asked = self.asked.lock().expect("nobody panicked");
        asked.get(name).copied().unwrap_or(0)
    }
}

/// Answers questions, one after the other, until the gateway goes.
async fn serve(mut stream: TcpStream, asked: QuestionCounts) {
    let mut read = Vec::new();
    loop {
        let Some((head, length)) = head_of(&read) else {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        while read.len() < head + length {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let question: Value =
            serde_json::from_slice(&read[head..head + length]).unwrap_or_default();
        read.drain(..head + length);
        let answer = answer_of(&question, &asked).to_string();
        let response = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        );
        if stream.write_all(response.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Where the body begins and how long it is, once the head is whole.
fn head_of(read: &[u8]) -> Option<(usize, usize)> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    Some((end + 4, length?.trim().parse().ok()?))
}

fn answer_of(question: &Value, asked: &QuestionCounts) -> Value {
    let mut request = question["request"].clone();
    let name = request["body"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let mut asked = asked.lock().expect("nobody panicked");
    *asked.entry(name.clone()).or_default() += 1;
    if name == "Atlantis" {
        return json!({"decision": "refuse", "status": 409, "rule": "sunken", "say": "it is below the sea"});
    }
    request["body"]["seen"] = true.into();
    json!({"decision": "change", "request": request})
}

fn city(n: usize, name: &str) -> Value {
    json!({"index": "hooked", "collection": "cities", "_id": format!("c{n}"), "body": {"name": name}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hooks_are_asked_by_gateways_on_real_servers() -> Result<()> {
    let endpoint = HookEndpoint::start().await?;
    let folder = tempfile::tempdir()?;
    let definitions = format!(
        "hooks:\n  - {{name: cities, url: 'http://{}/before', collections: [{COLLECTION}]}}\n",
        endpoint.address
    );
    std::fs::write(folder.path().join("hooks.yaml"), definitions)?;
    let folders = format!("[{:?}]", folder.path());
    let settings = [
        ("CONSIGN_CATALOG_FOLDERS", folders.as_str()),
        ("CONSIGN_OUTBOUND_ALLOWED_NETWORKS", "[\"127.0.0.1\"]"),
        ("CONSIGN_OUTBOUND_PLAIN_HOSTS", "[\"127.0.0.1\"]"),
    ];
    let servers = Servers::shared().addresses();
    let mut cluster = Cluster::with_settings(servers, 2, 1, &settings).await?;
    let client = cluster.client()?;
    client.collection(COLLECTION, &json!({})).await?;

    // By one gateway and the other; the worker dies in the middle.
    let mut tokens = Vec::new();
    for n in 0..20 {
        let key = format!("city-{n}");
        let request = city(n, &format!("City {n}"));
        let accepted = client.accept("document.create", &request, &key, PATIENCE);
        tokens.push(accepted.await?.token);
        if n == 10 {
            cluster.kill9("worker-0")?;
        }
    }
    cluster.restart("worker-0").await?;
    for (n, token) in tokens.iter().enumerate() {
        let path = format!("c{n}");
        let found = read_after(&client, &path, token).await?;
        let expected = json!({"name": format!("City {n}"), "seen": true});
        ensure!(found == expected, "{found}");
        let asked = endpoint.asked_about(&format!("City {n}"));
        ensure!(asked == 1, "City {n} was asked about {asked} times");
    }

    let (status, told) = client
        .write("document.create", &city(20, "Atlantis"), 30)
        .await?;
    ensure!(
        status == StatusCode::CONFLICT && told["rule"] == "sunken" && told["hook"] == "cities",
        "{status} {told}"
    );
    endpoint.serving.abort();
    let (status, told) = client
        .write("document.create", &city(21, "Rome"), 30)
        .await?;
    let code = told["code"].as_str().context("a code")?;
    ensure!(
        status == StatusCode::SERVICE_UNAVAILABLE && code == "hook_unavailable",
        "{status} {told}"
    );
    for n in [20, 21] {
        let found = client.document(COLLECTION, &format!("c{n}"), None).await?;
        ensure!(found.is_none(), "{found:?}");
    }
    Ok(())
}

/// The document once what a token names is applied.
async fn read_after(client: &Client, id: &str, token: &str) -> Result<Value> {
    let began = Instant::now();
    let found = loop {
        match client.document(COLLECTION, id, Some(token)).await {
            // The worker is on its way.
            Err(_) if began.elapsed() < PATIENCE => sleep(Duration::from_millis(100)).await,
            found => break found?,
        }
    };
    let found = found.with_context(|| format!("{id} is not there"))?;
    Ok(serde_json::to_value(found.body)?)
}
