//! The public API, as commands use it: HTTP, and sockets for what is told. Knows no more of a
//! gateway than its description.

pub mod envelope;
pub mod saved_session;
pub mod socket;

use crate::failure::Failure;
use clap::Args;
use reqwest::{
    Method, RequestBuilder,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};
use serde_json::Value;
use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::Instant;

/// Where a session or a key is, where rights are restricted: never among arguments, which others
/// on the machine can read.
const TOKEN: &str = "CONSIGN_TOKEN";
/// For whoever is refused because of what the gateway was shown, or because it was shown nothing.
const LOG_IN: &str = "`consign login NAME` opens a session, `consign session end` forgets one that ended; \
     CONSIGN_TOKEN may hold a session or an API key";

/// Which gateway.
#[derive(Clone, Debug, Args)]
pub struct Endpoint {
    /// URL of the gateway
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// PEM file of the authority that signed the gateway's certificate, beside those that are known
    #[arg(long, value_name = "FILE")]
    pub authority: Option<PathBuf>,
}

impl Endpoint {
    /// With a certificate that everybody believes, or none.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            authority: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    /// PEM.
    authority: Option<Vec<u8>>,
    token: Option<HiddenToken>,
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
        let failure = refusal_failure(
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
    /// With the session or key of the caller, if there is one.
    pub fn new(endpoint: &Endpoint) -> Result<Self, Failure> {
        Self::with_token(endpoint, credential(plain_url(endpoint))?)
    }

    pub fn without_credential(endpoint: &Endpoint) -> Result<Self, Failure> {
        Self::with_token(endpoint, None)
    }

    fn with_token(endpoint: &Endpoint, token: Option<HiddenToken>) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &token {
            headers.insert(AUTHORIZATION, token.header()?);
        }
        let url = plain_url(endpoint).to_owned();
        let authority = endpoint.authority.as_deref().map(read_pem).transpose()?;
        let mut http = reqwest::Client::builder()
            // The machine's own roots are the object stores' affair: they are not believed here.
            .tls_built_in_native_certs(false)
            .http1_only()
            .connect_timeout(Duration::from_secs(3))
            .default_headers(headers)
            .no_gzip();
        if let Some(pem) = &authority {
            let certificate = reqwest::Certificate::from_pem(pem);
            let certificate = certificate.map_err(|error| not_pem(endpoint, &error))?;
            http = http.add_root_certificate(certificate);
        }
        let http = http.build();
        let http = http.map_err(|error| Failure::failed(error.to_string()))?;
        match reqwest::Url::parse(&url) {
            Ok(_) => Ok(Self {
                http,
                url,
                authority,
                token,
            }),
            Err(error) => Err(Failure::usage(format!("--url {url}: {error}"))
                .hint("for example http://127.0.0.1:8080")),
        }
    }

    /// In PEM, if one was named.
    pub fn authority(&self) -> Option<&[u8]> {
        self.authority.as_deref()
    }

    /// For what is no HTTP request: a member of an envelope, a frame of a WebSocket.
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.0.as_str())
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

    /// What is known of a request once it has a verdict, or when that takes until the deadline.
    pub async fn decided_request(&self, id: &str, deadline: Instant) -> Result<Value, Failure> {
        let path = format!("/v1/requests/{id}");
        loop {
            let Answer { body, .. } = self.get(&path).await?;
            let is_open = matches!(body["status"].as_str(), None | Some("queued" | "applying"));
            if !is_open || Instant::now() >= deadline {
                return Ok(body);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
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
        let mut why = Vec::new();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            why.push(inner.to_string());
            cause = inner.source();
        }
        if why.is_empty() {
            why.push(error.to_string());
        }
        self.unreachable(&why.join(": "))
    }

    fn unreachable(&self, why: &str) -> Failure {
        Failure::unreachable(format!("no answer from {}: {why}", self.url))
            .hint("is it running? `consign dev`, or name another with --url; --authority names who signed its certificate")
    }
}

/// A refusal as every command tells it; the whole answer where it says nothing by itself.
fn refusal_failure(
    status: Option<u64>,
    code: Option<&str>,
    text: Option<&str>,
    whole: &Value,
) -> Failure {
    let told = status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
    let text = text.map_or_else(|| whole.to_string(), str::to_owned);
    let failure = Failure::failed(format!("{told} {}: {text}", code.unwrap_or("no code")));
    let code = code.map(str::to_owned);
    let failure = Failure {
        status,
        code,
        ..failure
    };
    if failure.is_of_credential() {
        return failure.hint(LOG_IN);
    }
    failure
}

/// As it is called wherever something is kept for it.
fn plain_url(endpoint: &Endpoint) -> &str {
    endpoint.url.trim_end_matches('/')
}

/// The session or key of the variable, else the session that was opened at this gateway.
fn credential(url: &str) -> Result<Option<HiddenToken>, Failure> {
    let token = match std::env::var(TOKEN) {
        Ok(token) => Some(token),
        Err(_) => saved_session::find_session(url)?.map(|session| session.token),
    };
    Ok(token.map(|token| HiddenToken(token.trim().to_owned())))
}

/// A session or an API key, which no debug output shows.
#[derive(Clone)]
struct HiddenToken(String);

impl HiddenToken {
    fn header(&self) -> Result<HeaderValue, Failure> {
        let shown = HeaderValue::try_from(format!("Bearer {}", self.0));
        let mut shown = shown.map_err(|_| Failure::usage(format!("{TOKEN} holds no token")))?;
        shown.set_sensitive(true);
        Ok(shown)
    }
}

impl fmt::Debug for HiddenToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token")
    }
}

fn read_pem(file: &Path) -> Result<Vec<u8>, Failure> {
    let text = std::fs::read(file);
    text.map_err(|error| Failure::usage(format!("--authority {}: {error}", file.display())))
}

fn not_pem(endpoint: &Endpoint, error: &reqwest::Error) -> Failure {
    let file = endpoint.authority.as_deref().unwrap_or(Path::new(""));
    Failure::usage(format!("--authority {}: {error}", file.display()))
}
