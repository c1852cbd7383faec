//! The endpoints that the catalog names to be asked before a request is accepted: called, signed,
//! counted, and left alone for a while when they fail. What an answer does to a request is judged in
//! [`crate::write`]. It must never call an address that [`outbound`] does not allow, nor tell a client
//! why one cannot be reached. See ADR 27.

mod answer;
mod circuit;
mod endpoint;
mod failure;
mod question;
mod signature;

pub(crate) use answer::HookAnswer;
pub(crate) use endpoint::HookEndpoints;
pub(crate) use failure::HookFailure;
pub(crate) use question::HookQuestion;

use crate::{
    Config, Ports,
    config::Hooks,
    error::{Code, Problem},
    metrics::HookMetrics,
    request::scanned_json,
};
use bytes::Bytes;
use catalog::{Catalog, Hook};
use endpoint::HookEndpoint;
use event_schema::signing::Keyring;
use http::{HeaderValue, Method, StatusCode, header};
use json_text::ScannedJson;
use outbound::{OutboundAnswer, OutboundClient, OutboundRequest};
use parking_lot::RwLock;
use runtime::Clock;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};
use tracing::warn;

/// The secret of a hook that has none of its own.
pub(crate) fn derived_secret_text(hook: &str, keys: &Keyring) -> String {
    let secret = signature::derived_secret(hook, keys);
    String::from_utf8_lossy(&secret).into_owned()
}

/// A hook that cannot be asked as it is declared.
#[derive(Debug, thiserror::Error)]
#[error("hook `{hook}`: {why}")]
pub struct HookConfigError {
    hook: String,
    why: String,
}

/// Asks hooks.
pub(crate) struct HookClient {
    http: OutboundClient,
    config: Hooks,
    keys: Keyring,
    clock: Arc<dyn Clock>,
    metrics: HookMetrics,
    /// Bytes of a request, and how deep it may nest.
    limits: (usize, usize),
    /// Of the catalog in use.
    endpoints: RwLock<HookEndpoints>,
}

impl HookClient {
    pub(crate) fn new(
        http: OutboundClient,
        config: &Config,
        ports: &Ports,
        metrics: HookMetrics,
    ) -> Result<Self, HookConfigError> {
        let client = Self {
            http,
            config: config.hooks.clone(),
            keys: ports.keys.clone(),
            clock: ports.clock.clone(),
            metrics,
            limits: (config.body_limit_bytes, config.json_depth),
            endpoints: RwLock::default(),
        };
        client.replace(client.endpoints_of(&ports.catalog.current())?);
        Ok(client)
    }

    /// Those of a catalog that may be in use next. A hook that stays keeps its circuit.
    pub(crate) fn endpoints_of(&self, catalog: &Catalog) -> Result<HookEndpoints, HookConfigError> {
        let known = self.endpoints.read();
        let endpoint = |hook: &Arc<Hook>| {
            let endpoint = self.endpoint(hook)?;
            let before = known.get(hook.name());
            let same = before.filter(|before| before.is_like(&endpoint)).cloned();
            Ok((
                hook.name().to_owned(),
                same.unwrap_or_else(|| Arc::new(endpoint)),
            ))
        };
        catalog.hooks().iter().map(endpoint).collect()
    }

    /// Goes by these from now on.
    pub(crate) fn replace(&self, next: HookEndpoints) {
        let mut known = self.endpoints.write();
        for gone in known.names().filter(|name| next.get(name).is_none()) {
            self.metrics.forget(gone);
        }
        for (n, name) in next.names().enumerate() {
            self.metrics.declare(name, n + 1);
        }
        *known = next;
    }

    fn endpoint(&self, hook: &Hook) -> Result<HookEndpoint, HookConfigError> {
        let wrong = |why: String| HookConfigError {
            hook: hook.name().to_owned(),
            why,
        };
        let target = self.http.target(hook.url());
        let target = target.map_err(|error| wrong(error.to_string()))?;
        let secret = signature::secret_of(hook.name(), self.config.secrets.as_deref(), &self.keys);
        let secret = secret.map_err(wrong)?;
        Ok(HookEndpoint::new(target, secret, &self.config))
    }

    /// What the hook says of the request.
    pub(crate) async fn ask(
        &self,
        hook: &Hook,
        question: &HookQuestion<'_>,
    ) -> Result<HookAnswer, HookFailure> {
        let endpoint = self.endpoints.read().get(hook.name()).cloned();
        // Of a request that an earlier catalog accepts.
        let endpoint = match endpoint {
            Some(endpoint) => endpoint,
            None => Arc::new(self.endpoint(hook).map_err(|error| {
                warn!(%error, "a hook cannot be asked");
                HookFailure::Unreachable
            })?),
        };
        let asked = self.clock.elapsed();
        let mut passage = match endpoint.circuit.enter(asked) {
            Ok(passage) => passage,
            Err(left) => {
                let failure = HookFailure::CircuitOpen(left);
                self.metrics.outcome(hook.name(), failure.name());
                return Err(failure);
            }
        };
        let answer = self.call(hook, &endpoint, question).await;
        let now = self.clock.elapsed();
        let is_open = match &answer {
            Ok(_) => passage.succeeded(),
            Err(failure) if failure.is_of_endpoint() => passage.failed(now),
            Err(_) => passage.given_up(),
        };
        self.metrics.circuit(hook.name(), is_open);
        let outcome = match &answer {
            Ok(answer) => answer.name(),
            Err(failure) => failure.name(),
        };
        self.metrics.outcome(hook.name(), outcome);
        let seconds = now.saturating_sub(asked).as_secs_f64();
        self.metrics.duration(hook.name(), seconds);
        answer
    }

    /// A change, which must be JSON as sound as what clients send.
    pub(crate) fn scan_change(&self, request: Bytes) -> Result<ScannedJson, Problem> {
        let (limit, depth) = self.limits;
        if request.len() > limit {
            let why = format!("it is larger than {limit} bytes");
            return Err(Problem::new(Code::BodyTooLarge, why));
        }
        scanned_json(request, depth)
    }

    /// An answer came, and what it asks for may not be.
    pub(crate) fn count_not_allowed(&self, hook: &Hook) {
        self.metrics.outcome(hook.name(), "not_allowed");
    }

    async fn call(
        &self,
        hook: &Hook,
        endpoint: &HookEndpoint,
        question: &HookQuestion<'_>,
    ) -> Result<HookAnswer, HookFailure> {
        let deadline = Instant::now() + hook.timeout();
        let turn = timeout_at(deadline, endpoint.in_hand.acquire()).await;
        let _turn = turn.map_err(|_| HookFailure::Busy)?;
        let body = question.to_json();
        let mut headers = endpoint.signed_headers(hook.name(), &body, self.clock.now());
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json.clone());
        headers.insert(header::ACCEPT, json);
        let request = OutboundRequest {
            method: Method::POST,
            url: hook.url().to_owned(),
            headers,
            body: body.into(),
        };
        let answered = timeout_at(deadline, self.http.send(request)).await;
        let answered = answered.unwrap_or(Err(outbound::OutboundError::TimedOut));
        let why = match answered {
            Ok(answer) => match read_answer(&answer) {
                Ok(answer) => return Ok(answer),
                Err(why) => (HookFailure::Unusable, why),
            },
            Err(outbound::OutboundError::TimedOut) => {
                (HookFailure::TimedOut, "no answer came in time".to_owned())
            }
            Err(error) => (HookFailure::Unreachable, error.to_string()),
        };
        warn!(hook = hook.name(), why = why.1, "a hook gave no answer");
        Err(why.0)
    }
}

fn read_answer(answer: &OutboundAnswer) -> Result<HookAnswer, String> {
    match answer.status {
        StatusCode::OK => HookAnswer::read(&answer.body),
        StatusCode::NO_CONTENT => Ok(HookAnswer::Accept),
        other => Err(format!("it answered {other}")),
    }
}
