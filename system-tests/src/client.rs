//! The public HTTP API as a client uses it: retries under an idempotency key, waits, reads by
//! token. Knows no more than the API's description.

use std::{
    io::{Read as _, Write as _},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, write::GzEncoder};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::history::{Body, Document, Status};

/// Talks to one gateway after the other, whichever answers.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    gateways: Vec<String>,
    turn: AtomicUsize,
}

/// A write that is safe.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub request: String,
    pub token: String,
}

/// What a gateway answered to a write.
#[derive(Debug, Clone)]
pub enum Offered {
    Accepted(Accepted),
    /// It is no event; the answer's status and text.
    Refused(StatusCode, String),
}

/// What `GET /v1/requests/{id}` said.
#[derive(Debug, Clone)]
pub struct Seen {
    pub status: Status,
    pub position: Option<(u64, u64)>,
    pub body: Value,
}

impl Client {
    /// `http://host:port` of each gateway.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn new(gateways: Vec<String>) -> Result<Self> {
        ensure!(!gateways.is_empty(), "a client needs a gateway");
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .timeout(Duration::from_secs(60))
            .pool_idle_timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self {
            http,
            gateways,
            turn: AtomicUsize::new(0),
        })
    }

    /// A request to the next gateway.
    pub fn at(&self, method: Method, path: &str) -> RequestBuilder {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.gateways.len();
        self.http
            .request(method, format!("{}{path}", self.gateways[turn]))
    }

    /// As [`offer`](Self::offer), of a write that every gateway must take.
    ///
    /// # Errors
    /// If none has it within `patience`, or the write is not valid.
    pub async fn accept(
        &self,
        operation: &str,
        body: &Value,
        key: &str,
        patience: Duration,
    ) -> Result<Accepted> {
        match self.offer(operation, body, key, patience).await? {
            Offered::Accepted(accepted) => Ok(accepted),
            Offered::Refused(status, text) => {
                anyhow::bail!("{operation} {body}: {status} {text}")
            }
        }
    }

    /// Hands a write over and tries again, under one idempotency key, until a gateway has it or
    /// refuses it: on broken connections, 429, 5xx.
    ///
    /// # Errors
    /// If none answers so within `patience`.
    pub async fn offer(
        &self,
        operation: &str,
        body: &Value,
        key: &str,
        patience: Duration,
    ) -> Result<Offered> {
        let began = Instant::now();
        loop {
            let sent = self
                .at(Method::POST, &format!("/v1/operations/{operation}"))
                .header("Idempotency-Key", format!("\"{key}\""))
                .timeout(Duration::from_secs(10))
                .json(body)
                .send()
                .await;
            let failure = match sent {
                Ok(response) if response.status().is_success() => {
                    return accepted(&response.json().await?).map(Offered::Accepted);
                }
                Ok(response) if retriable(response.status()) => format!("{}", response.status()),
                Ok(response) => {
                    let (status, text) =
                        (response.status(), response.text().await.unwrap_or_default());
                    // The first try under this key, given up here, is still on its way there.
                    if !text.contains("\"idempotency_in_flight\"") {
                        return Ok(Offered::Refused(status, text));
                    }
                    text
                }
                Err(e) => e.to_string(),
            };
            ensure!(
                began.elapsed() < patience,
                "{operation} was not accepted within {patience:?}: {failure}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Hands a write over once and waits for its verdict.
    ///
    /// # Errors
    /// If the answer cannot be read.
    pub async fn write(
        &self,
        operation: &str,
        body: &Value,
        wait: u64,
    ) -> Result<(StatusCode, Value)> {
        let request = self
            .at(Method::POST, &format!("/v1/operations/{operation}"))
            .header("Prefer", format!("wait={wait}"));
        answer(request.json(body).send().await?).await
    }

    /// What became of a request; `None` while no gateway can say.
    pub async fn look(&self, request: &str) -> Option<Seen> {
        let response = self
            .at(Method::GET, &format!("/v1/requests/{request}"))
            .timeout(Duration::from_secs(10))
            .send()
            .await
            .ok()?;
        if response.status() == StatusCode::NOT_FOUND {
            return Some(Seen {
                status: Status::Unknown,
                position: None,
                body: Value::Null,
            });
        }
        if !response.status().is_success() {
            return None;
        }
        let body: Value = response.json().await.ok()?;
        let status = match body["status"].as_str()? {
            "queued" => Status::Queued,
            "applied" => Status::Applied,
            "refused" => Status::Refused(
                body["problem"]["code"]
                    .as_str()
                    .unwrap_or("none")
                    .to_owned(),
            ),
            "dead_lettered" => Status::DeadLettered,
            _ => return None,
        };
        let position = body["position"]["partition"]
            .as_u64()
            .zip(body["position"]["offset"].as_u64());
        Some(Seen {
            status,
            position,
            body,
        })
    }

    /// A document of the record, after the write of a token if one is given.
    ///
    /// # Errors
    /// On any answer but 200 and 404.
    pub async fn document(
        &self,
        collection: &str,
        id: &str,
        after: Option<&str>,
    ) -> Result<Option<Document>> {
        let request = self.at(Method::GET, &format!("/v1/documents/{collection}/{id}"));
        let response = request
            .query(
                &after
                    .map(|token| [("after", token)])
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>(),
            )
            .send()
            .await?;
        let (status, body) = answer(response).await?;
        // With a request id in it, the problem is the token's write, not the document.
        if status == StatusCode::NOT_FOUND && body.get("request_id").is_none() {
            return Ok(None);
        }
        ensure!(
            status.is_success(),
            "GET {collection}/{id}: {status} {body}"
        );
        let source: Body = serde_json::from_value(body["_source"].clone())?;
        Ok(Some(Document {
            body: source,
            revision: body["_version"].as_u64(),
        }))
    }

    /// A search of the view.
    ///
    /// # Errors
    /// On any answer but 200.
    pub async fn search(&self, collection: &str, query: &Value, after: &[&str]) -> Result<Value> {
        let tokens: Vec<_> = after.iter().map(|token| ("after", *token)).collect();
        let request = self
            .at(Method::POST, &format!("/v1/documents/{collection}/_search"))
            .query(&tokens)
            .json(query);
        succeeded(request.send().await?).await
    }

    /// How many documents the view has.
    ///
    /// # Errors
    /// On any answer but 200.
    pub async fn count(&self, collection: &str, after: &[&str]) -> Result<u64> {
        let tokens: Vec<_> = after.iter().map(|token| ("after", *token)).collect();
        let request = self
            .at(Method::POST, &format!("/v1/documents/{collection}/_count"))
            .query(&tokens)
            .json(&json!({}));
        succeeded(request.send().await?).await?["count"]
            .as_u64()
            .context("no count")
    }

    /// A row of a table, after the write of a token.
    ///
    /// # Errors
    /// If the answer cannot be read.
    pub async fn row(&self, table: &str, key: &str, after: &str) -> Result<(StatusCode, Value)> {
        answer(
            self.at(Method::GET, &format!("/v1/tables/{table}/{key}"))
                .query(&[("after", after)])
                .send()
                .await?,
        )
        .await
    }

    /// The answer of a POST as its text, to be compared byte by byte.
    ///
    /// # Errors
    /// On any answer but a success.
    pub async fn text(&self, path: &str, body: &Value) -> Result<String> {
        let response = self.at(Method::POST, path).json(body).send().await?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "POST {path}: {status} {text}");
        Ok(text)
    }

    /// Makes a collection.
    ///
    /// # Errors
    /// On any answer but a success.
    pub async fn collection(&self, collection: &str, settings: &Value) -> Result<Value> {
        succeeded(
            self.at(Method::PUT, &format!("/v1/collections/{collection}"))
                .json(settings)
                .send()
                .await?,
        )
        .await
    }

    /// Sends lines as one gzipped bulk and returns the answer's lines. A connection that breaks
    /// half-way is no error: the lines that came are what the client knows.
    ///
    /// # Errors
    /// If the bulk as a whole is refused.
    pub async fn bulk(&self, operation: &str, lines: &[u8]) -> Result<Vec<Value>> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(lines)?;
        let request = self
            .at(Method::POST, &format!("/v1/operations/{operation}/_bulk"))
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .header(header::CONTENT_ENCODING, "gzip")
            .timeout(Duration::from_secs(300));
        let mut response = request.body(gzip.finish()?).send().await?;
        if !response.status().is_success() {
            bail!(
                "bulk: {} {}",
                response.status(),
                response.text().await.unwrap_or_default()
            );
        }
        let mut text = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            text.extend_from_slice(&chunk);
        }
        Ok(text
            .split(|b| *b == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect())
    }

    /// Waits until a gateway says that it is ready.
    ///
    /// # Errors
    /// If it does not within `patience`.
    pub async fn ready(&self, patience: Duration) -> Result<()> {
        for gateway in &self.gateways {
            let began = Instant::now();
            loop {
                let sent = self
                    .http
                    .get(format!("{gateway}/readyz"))
                    .timeout(Duration::from_secs(2))
                    .send()
                    .await;
                let why = match sent {
                    Ok(response) if response.status().is_success() => break,
                    Ok(response) => response.text().await.unwrap_or_default(),
                    Err(e) => e.to_string(),
                };
                ensure!(
                    began.elapsed() < patience,
                    "{gateway} not ready within {patience:?}: {why}"
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }
}

fn retriable(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
        || status.is_server_error()
}

fn accepted(body: &Value) -> Result<Accepted> {
    let text = |name: &str| {
        body[name]
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("no {name} in {body}"))
    };
    Ok(Accepted {
        request: text("request_id")?,
        token: text("token")?,
    })
}

async fn answer(response: Response) -> Result<(StatusCode, Value)> {
    let (status, bytes) = (response.status(), response.bytes().await?);
    let body = serde_json::from_slice(&bytes)
        .with_context(|| format!("{status}: {}", String::from_utf8_lossy(&bytes)))?;
    Ok((status, body))
}

async fn succeeded(response: Response) -> Result<Value> {
    let (status, body) = answer(response).await?;
    ensure!(status.is_success(), "{status} {body}");
    Ok(body)
}

/// The lines of a gzipped file.
///
/// # Errors
/// If it cannot be read.
pub fn gunzip(path: &std::path::Path) -> Result<String> {
    let mut text = String::new();
    let file =
        std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    flate2::read::GzDecoder::new(file).read_to_string(&mut text)?;
    Ok(text)
}
