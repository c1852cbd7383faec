//! The public HTTP API as a client uses it. Says what was answered; must never decide what is right.

use crate::history::{Body, LogPlace, SeenDocument, SeenStatus};
use anyhow::{Context, Result, bail, ensure};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// For one try of anything: a gateway may be frozen.
const TRY: Duration = Duration::from_secs(5);
/// For a read that waits for its token.
const READ: Duration = Duration::from_secs(15);

/// All gateways of a fleet.
#[derive(Debug)]
pub(super) struct FleetClient {
    http: reqwest::Client,
    pub(super) gateways: Vec<String>,
    turn: AtomicUsize,
}

/// A write that is safe.
#[derive(Debug, Clone)]
pub(super) struct Acknowledgement {
    pub(super) request: String,
    pub(super) token: String,
    pub(super) spooled: bool,
}

/// What one try to hand a write over came to.
#[derive(Debug)]
pub(super) enum HandOver {
    Acknowledged(Acknowledgement),
    /// It is not in the log, and never will be.
    NotTaken(String),
    /// It may be in the log, or come there.
    Uncertain(String),
    /// The request is wrong.
    Invalid(String),
}

#[derive(Debug)]
pub(super) struct LookedUp {
    pub(super) status: SeenStatus,
    pub(super) place: Option<LogPlace>,
    pub(super) revision: Option<u64>,
}

impl FleetClient {
    pub(super) fn new(gateways: Vec<String>) -> Result<Self> {
        ensure!(!gateways.is_empty(), "a client needs a gateway");
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            .timeout(TRY)
            .build()?;
        Ok(Self {
            http,
            gateways,
            turn: AtomicUsize::new(0),
        })
    }

    /// A request to the next gateway.
    pub(super) fn next(&self, method: Method, path: &str) -> RequestBuilder {
        self.at(self.turn.fetch_add(1, Ordering::Relaxed), method, path)
    }

    fn at(&self, gateway: usize, method: Method, path: &str) -> RequestBuilder {
        let url = &self.gateways[gateway % self.gateways.len()];
        self.http.request(method, format!("{url}{path}"))
    }

    /// Hands a write over once, to that gateway.
    pub(super) async fn hand_over(
        &self,
        gateway: usize,
        (operation, body): (&str, &Value),
        key: Option<&str>,
    ) -> HandOver {
        let path = format!("/v1/operations/{operation}");
        let mut request = self.at(gateway, Method::POST, &path).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", format!("\"{key}\""));
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return HandOver::NotTaken(error.to_string()),
            Err(error) => return HandOver::Uncertain(error.to_string()),
        };
        let status = response.status();
        let body: Value = match response.json().await {
            Ok(body) => body,
            Err(error) => return HandOver::Uncertain(format!("{status}: {error}")),
        };
        if status.is_success() {
            return match parse_acknowledgement(&body) {
                Ok(acknowledged) => HandOver::Acknowledged(acknowledged),
                Err(error) => HandOver::Invalid(error.to_string()),
            };
        }
        let why = format!("{status} {body}");
        match status {
            // An earlier try under this key is still on its way there; or nobody knows.
            _ if body["code"] == "idempotency_in_flight" || body["code"] == "unknown_outcome" => {
                HandOver::Uncertain(why)
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                HandOver::NotTaken(why)
            }
            _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                HandOver::Uncertain(why)
            }
            _ => HandOver::Invalid(why),
        }
    }

    /// What became of a request; nothing while no gateway can say.
    pub(super) async fn look(&self, request: &str) -> Option<LookedUp> {
        let path = format!("/v1/requests/{request}");
        let response = self.next(Method::GET, &path).send().await.ok()?;
        if response.status() == StatusCode::NOT_FOUND {
            return Some(LookedUp {
                status: SeenStatus::Unknown,
                place: None,
                revision: None,
            });
        }
        let response = response.error_for_status().ok()?;
        let body: Value = response.json().await.ok()?;
        let status = match body["status"].as_str()? {
            "queued" => SeenStatus::Queued,
            "parked" => SeenStatus::Parked,
            "applying" => SeenStatus::Applying,
            "applied" => SeenStatus::Applied,
            "dead_lettered" => SeenStatus::DeadLettered,
            "refused" => {
                let code = body["problem"]["code"].as_str();
                SeenStatus::Refused(code.unwrap_or("without a code").to_owned())
            }
            _ => return None,
        };
        let place = &body["position"];
        Some(LookedUp {
            status,
            place: place["partition"].as_u64().zip(place["offset"].as_u64()),
            revision: body["result"]["_version"].as_u64(),
        })
    }

    /// A document (`index/collection/id`) of the record, after the write of a token if one is given.
    pub(super) async fn document(
        &self,
        document: &str,
        after: Option<&str>,
    ) -> Result<Option<SeenDocument>> {
        let request = self.next(Method::GET, &format!("/v1/documents/{document}"));
        let after = after.map(|token| ("after", token));
        let sent = request.query(after.as_slice()).timeout(READ).send();
        let (status, body) = read_answer(sent.await?).await?;
        // With a request id in it, the problem is the token's write, not the document.
        if status == StatusCode::NOT_FOUND && body.get("request_id").is_none() {
            return Ok(None);
        }
        ensure!(status.is_success(), "GET {document}: {status} {body}");
        Ok(Some(SeenDocument {
            body: serde_json::from_value(body["_source"].clone())?,
            revision: body["_version"].as_u64(),
        }))
    }

    /// A document as the view has it, once it has what the token wrote.
    pub(super) async fn in_view(
        &self,
        (collection, id): (&str, &str),
        after: Option<&str>,
    ) -> Result<Option<Body>> {
        let path = format!("/v1/documents/{collection}/_search");
        let after = after.map(|token| ("after", token));
        let query = json!({"query": {"ids": {"values": [id]}}});
        let request = self.next(Method::POST, &path).query(after.as_slice());
        let (status, body) = read_answer(request.json(&query).timeout(READ).send().await?).await?;
        ensure!(
            status.is_success(),
            "search of {collection}: {status} {body}"
        );
        Ok(body["hits"][0]["_source"].as_object().cloned())
    }

    /// A row's cells.
    pub(super) async fn row(&self, table: &str, key: &str) -> Result<Option<Body>> {
        let request = self.next(Method::GET, &format!("/v1/tables/{table}/{key}"));
        let (status, body) = read_answer(request.timeout(READ).send().await?).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        ensure!(status.is_success(), "GET {table}/{key}: {status} {body}");
        Ok(body.as_object().cloned())
    }

    /// A call that must succeed, tried again for a while.
    pub(super) async fn call(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let mut why = String::new();
        for _ in 0..30 {
            let request = self.next(method.clone(), path);
            let request = if body.is_null() {
                request
            } else {
                request.json(body)
            };
            match request.timeout(READ).send().await {
                Ok(response) => match read_answer(response).await {
                    Ok((status, body)) if status.is_success() => return Ok(body),
                    Ok((status, body)) => why = format!("{status} {body}"),
                    Err(error) => why = format!("{error:#}"),
                },
                Err(error) => why = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        bail!("{method} {path}: {why}")
    }
}

fn parse_acknowledgement(body: &Value) -> Result<Acknowledgement> {
    let text = |name: &str| {
        let text = body[name].as_str().map(str::to_owned);
        text.with_context(|| format!("no {name} in {body}"))
    };
    Ok(Acknowledgement {
        request: text("request_id")?,
        token: text("token")?,
        spooled: body["durability"] == "spooled",
    })
}

async fn read_answer(response: Response) -> Result<(StatusCode, Value)> {
    let (status, bytes) = (response.status(), response.bytes().await?);
    let body = serde_json::from_slice(&bytes);
    Ok((
        status,
        body.with_context(|| format!("{status}: {}", String::from_utf8_lossy(&bytes)))?,
    ))
}
