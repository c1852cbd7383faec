//! The public API, as commands use it: HTTP, and sockets for what is told. Knows no more of a
//! gateway than its description.

pub mod envelope;
pub mod socket;

use crate::failure::Failure;
use clap::Args;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;

/// Which gateway.
#[derive(Clone, Debug, Args)]
pub struct Endpoint {
    /// URL of the gateway
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
}

#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The body of a success; a problem as a failure.
    pub fn succeeded(self) -> Result<Value, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let of = |name: &str| self.body[name].as_str().filter(|text| !text.is_empty());
        let failure = failed(
            Some(self.status.into()),
            of("code"),
            of("detail").or(of("title")),
            &self.body,
        );
        Err(match of("hint") {
            Some(hint) => failure.hint(hint),
            None => failure,
        })
    }
}

impl Client {
    pub fn new(endpoint: &Endpoint) -> Result<Self, Failure> {
        let url = endpoint.url.trim_end_matches('/').to_owned();
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .no_gzip()
            .build();
        let http = http.map_err(|error| Failure::failed(error.to_string()))?;
        match reqwest::Url::parse(&url) {
            Ok(_) => Ok(Self { http, url }),
            Err(error) => Err(Failure::usage(format!("--url {url}: {error}"))
                .hint("for example http://127.0.0.1:8080")),
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn at(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.send(self.at(Method::GET, path).timeout(Duration::from_secs(15)))
            .await
    }

    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let response = request.send().await.map_err(|error| self.away(&error))?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(|error| self.away(&error))?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Answer { status, body })
    }

    /// Nobody answers, or no longer.
    pub fn away(&self, error: &reqwest::Error) -> Failure {
        let why =
            std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        self.unreachable(&why)
    }

    fn unreachable(&self, why: &str) -> Failure {
        Failure::unreachable(format!("no answer from {}: {why}", self.url))
            .hint("is it running? `consign dev`, or name another with --url")
    }
}

/// A refusal as every command tells it; the whole answer where it says nothing by itself.
fn failed(status: Option<u64>, code: Option<&str>, text: Option<&str>, whole: &Value) -> Failure {
    let status = status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
    let text = text.map_or_else(|| whole.to_string(), str::to_owned);
    Failure::failed(format!("{status} {}: {text}", code.unwrap_or("no code")))
}
