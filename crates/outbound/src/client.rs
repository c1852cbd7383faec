//! The client. A call is one request and one whole answer.

use crate::{
    AddressRules, OutboundConfig, OutboundConfigError, OutboundError, ResolveNames, SystemNames,
    names::GuardedNames,
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use reqwest::{Certificate, Url, redirect};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// What is asked.
#[derive(Clone, Debug)]
pub struct OutboundRequest {
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl OutboundRequest {
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

/// What was answered, whatever its status. A redirect is an answer, too.
#[derive(Clone, Debug)]
pub struct OutboundAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Calls others. Clones share connections.
#[derive(Clone)]
pub struct OutboundClient {
    http: reqwest::Client,
    rules: Arc<AddressRules>,
    plain_hosts: Arc<HashSet<String>>,
    answer_limit: usize,
}

impl OutboundClient {
    pub fn new(config: &OutboundConfig) -> Result<Self, OutboundConfigError> {
        Self::with_names(config, Arc::new(SystemNames))
    }

    /// With names that the system does not know.
    pub fn with_names(
        config: &OutboundConfig,
        names: Arc<dyn ResolveNames>,
    ) -> Result<Self, OutboundConfigError> {
        let rules = Arc::new(AddressRules::new(&config.allowed_networks)?);
        let timeout = Duration::from_secs(config.timeout_seconds.max(1));
        let guarded = GuardedNames {
            names,
            rules: rules.clone(),
        };
        let mut builder = reqwest::Client::builder()
            .use_rustls_tls()
            // The machine's own roots are the object stores' affair: they are not believed here.
            .tls_built_in_native_certs(false)
            .http1_only()
            .dns_resolver(Arc::new(guarded))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .no_gzip()
            .referer(false)
            .user_agent("consign")
            .timeout(timeout)
            .connect_timeout(timeout);
        if let Some(authority) = &config.certificate_authority {
            for certificate in authorities(authority)? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let http = builder
            .build()
            .map_err(|error| OutboundConfigError::Client(error.to_string()))?;
        let plain = config.plain_hosts.iter().map(|host| host.to_lowercase());
        Ok(Self {
            http,
            rules,
            plain_hosts: Arc::new(plain.collect()),
            answer_limit: config.answer_limit_bytes,
        })
    }

    /// May this address be called, as far as that can be told without looking its name up?
    pub fn check(&self, url: &str) -> Result<(), OutboundError> {
        self.read(url).map(drop)
    }

    /// Likewise, the address as it is called.
    pub fn target(&self, url: &str) -> Result<String, OutboundError> {
        self.read(url).map(String::from)
    }

    fn read(&self, url: &str) -> Result<Url, OutboundError> {
        let bad = |why: &str| OutboundError::BadAddress(why.to_owned());
        let url = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| bad("it names no host"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it holds a password; put it into a header"));
        }
        match url.scheme() {
            "https" => {}
            "http" if self.plain_hosts.contains(host) => {}
            "http" => return Err(OutboundError::PlainHost(host.to_owned())),
            _ => return Err(bad("it is neither https nor http")),
        }
        self.rules.check_literal(host)?;
        Ok(url)
    }

    /// Calls, and reads the whole answer.
    pub async fn send(&self, request: OutboundRequest) -> Result<OutboundAnswer, OutboundError> {
        let url = self.read(&request.url)?;
        let asked = self
            .http
            .request(request.method, url)
            .headers(request.headers)
            .body(request.body);
        let mut answer = asked.send().await?;
        let long = OutboundError::TooLong(self.answer_limit);
        let is_long = |bytes: u64| bytes > self.answer_limit as u64;
        if answer.content_length().is_some_and(is_long) {
            return Err(long);
        }
        let mut body = BytesMut::new();
        while let Some(piece) = answer.chunk().await? {
            if is_long((body.len() + piece.len()) as u64) {
                return Err(long);
            }
            body.extend_from_slice(&piece);
        }
        Ok(OutboundAnswer {
            status: answer.status(),
            headers: std::mem::take(answer.headers_mut()),
            body: body.freeze(),
        })
    }
}

/// Of a PEM file, or its text.
fn authorities(setting: &str) -> Result<Vec<Certificate>, OutboundConfigError> {
    let wrong = |why: String| OutboundConfigError::Authority(why);
    let read;
    let text = if setting.contains("-----BEGIN ") {
        setting
    } else {
        let file = std::fs::read_to_string(setting);
        read = file.map_err(|error| wrong(format!("{setting}: {error}")))?;
        &read
    };
    let found = Certificate::from_pem_bundle(text.as_bytes());
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(found)
}
