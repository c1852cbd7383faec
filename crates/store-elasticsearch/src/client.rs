//! Requests and answers as status and bytes, bounded in time. Knows nothing of what they mean; must
//! never repeat a request that is not safe to repeat, and all of ours are.

use crate::{STORE, config::Config};
use bytes::Bytes;
use elasticsearch::{
    auth::Credentials,
    cert::{Certificate, CertificateValidation},
    http::{
        Method, Url,
        headers::{CONTENT_TYPE, HeaderMap, HeaderValue},
        transport::{MultiNodeConnectionPool, Transport, TransportBuilder},
    },
};
use std::error::Error;
use store::StoreError;
use tokio::sync::Semaphore;

pub(crate) struct Client {
    transport: Transport,
    config: Config,
    /// Bulk requests on their way.
    pub(crate) bulks: Semaphore,
}

/// Why nothing came back.
#[derive(Debug)]
pub(crate) enum Unanswered {
    Away(String),
    /// Nothing within the patience of one request.
    Late(String),
    /// Its certificate is not believed.
    Denied(String),
}

impl Unanswered {
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Away(why) | Self::Late(why) => why,
            Self::Denied(why) => format!("its certificate is not believed: {why}"),
        }
    }

    fn into_error(self) -> StoreError {
        match self {
            Self::Away(why) | Self::Late(why) => StoreError::Unavailable { store: STORE, why },
            Self::Denied(why) => StoreError::Denied { store: STORE, why },
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) fn new(config: Config) -> Result<Self, StoreError> {
        let refused = |why: String| StoreError::Refused { store: STORE, why };
        let urls: Result<Vec<Url>, _> = config
            .urls
            .iter()
            .map(|url| Url::parse(url).map_err(|e| refused(format!("{url}: {e}"))))
            .collect();
        let mut builder = TransportBuilder::new(MultiNodeConnectionPool::round_robin(urls?, None))
            .disable_proxy();
        if let Some(key) = &config.api_key {
            builder = builder.auth(Credentials::EncodedApiKey(key.0.clone()));
        } else if let Some(user) = &config.user {
            let password = config
                .password
                .as_ref()
                .map_or_else(String::new, |secret| secret.0.clone());
            builder = builder.auth(Credentials::Basic(user.clone(), password));
        }
        if let Some(pem) = &config.certificate_authority {
            let certificate = Certificate::from_pem(pem.as_bytes())
                .map_err(|e| refused(format!("the certificate authority: {e}")))?;
            builder = builder.cert_validation(CertificateValidation::Full(certificate));
        }
        let transport = builder.build().map_err(|e| refused(e.to_string()))?;
        let bulks = Semaphore::new(config.bulks_in_flight);
        Ok(Self {
            transport,
            config,
            bulks,
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn alias(
        &self,
        index: &str,
        collection: &str,
        incarnation: &str,
    ) -> Result<String, StoreError> {
        crate::name::alias_name(&self.config.prefix, index, collection, incarnation)
    }

    /// Sends, and once more per further node (at least once) where the connection broke: one that
    /// was kept open may have died since. A time-out is never repeated here, its patience is used
    /// up.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, Unanswered> {
        let mut attempts = self.config.urls.len().clamp(2, 3);
        loop {
            attempts -= 1;
            match self.send_once(method, path, body.clone()).await {
                Err(Unanswered::Away(_)) if attempts > 0 => {}
                other => return other,
            }
        }
    }

    async fn send_once(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, Unanswered> {
        let mut headers = HeaderMap::new();
        if path.contains("_bulk") {
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-ndjson"),
            );
        }
        let patience = self.config.request_timeout();
        let exchange = async {
            let response = self
                .transport
                .send(method, path, headers, None::<&()>, body, Some(patience))
                .await
                .map_err(|e| classify_unanswered(&e))?;
            let status = response.status_code().as_u16();
            Ok(Answer {
                status,
                body: response
                    .bytes()
                    .await
                    .map_err(|e| classify_unanswered(&e))?,
            })
        };
        let late = || Unanswered::Late(format!("no answer within {} ms", patience.as_millis()));
        tokio::time::timeout(patience, exchange)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    /// Sends and answers an error of the whole call where nothing came back.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, StoreError> {
        self.send(method, path, body)
            .await
            .map_err(Unanswered::into_error)
    }
}

fn classify_unanswered(error: &elasticsearch::Error) -> Unanswered {
    let why = error_chain(error);
    if error.is_timeout() {
        Unanswered::Late(why)
    } else if is_certificate_refused(error) {
        Unanswered::Denied(why)
    } else {
        Unanswered::Away(why)
    }
}

/// Did the handshake fail in TLS?
fn is_certificate_refused(error: &(dyn Error + 'static)) -> bool {
    // An input/output error shows what it wraps here, and only the cause of that as its source.
    let wrapped = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    let inner = match wrapped {
        Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
        None => error.source(),
    };
    error.is::<rustls::Error>() || inner.is_some_and(is_certificate_refused)
}

/// The whole chain of causes: the outermost says only that something failed.
fn error_chain(error: &elasticsearch::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
