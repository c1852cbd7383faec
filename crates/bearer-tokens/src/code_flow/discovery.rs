//! Where an issuer sends browsers and exchanges codes, as it publishes that itself (OpenID Connect
//! Discovery 1.0), under its name in the configuration and nowhere else. What was read last is used
//! while the issuer is away; a reading goes on when the request that asked for it is given up.

use crate::IssuerConfig;
use http::StatusCode;
use outbound::{OutboundClient, OutboundRequest};
use runtime::Clock;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;
use tracing::{info, warn};

/// After how long it is read anew.
const RENEWED_AFTER: Duration = Duration::from_secs(600);
/// The least time between two readings of which the first failed.
const PACE: Duration = Duration::from_secs(5);

/// What is published, as far as it is used.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct PublishedEndpoints {
    issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

impl PublishedEndpoints {
    /// May the client's secret be in a header? Of all ways that is the one that goes without saying.
    pub(super) fn takes_basic(&self) -> bool {
        let ways = &self.token_endpoint_auth_methods_supported;
        ways.is_empty() || ways.iter().any(|way| way == "client_secret_basic")
    }
}

#[derive(Default)]
struct LastDiscovery {
    /// By [`Clock::elapsed`].
    begun: Option<Duration>,
    fault: Option<String>,
    known: Option<(Arc<PublishedEndpoints>, Duration)>,
}

/// Clones share what was read.
#[derive(Clone)]
pub(super) struct Discovery(Arc<DiscoverySource>);

struct DiscoverySource {
    name: String,
    issuer: String,
    address: String,
    longest_age: Duration,
    http: OutboundClient,
    clock: Arc<dyn Clock>,
    last: Arc<Mutex<LastDiscovery>>,
}

impl Discovery {
    pub(super) fn new(config: &IssuerConfig, http: OutboundClient, clock: Arc<dyn Clock>) -> Self {
        let base = config.issuer.trim_end_matches('/');
        Self(Arc::new(DiscoverySource {
            name: config.name.clone(),
            issuer: config.issuer.clone(),
            address: format!("{base}/.well-known/openid-configuration"),
            longest_age: Duration::from_secs(config.keys_longest_age_seconds),
            http,
            clock,
            last: Arc::default(),
        }))
    }

    pub(super) fn address(&self) -> &str {
        &self.0.address
    }

    /// What is published, read anew where that is due.
    pub(super) async fn current(&self) -> Result<Arc<PublishedEndpoints>, String> {
        let mut last = self.0.last.clone().lock_owned().await;
        let now = self.0.clock.elapsed();
        if self.0.is_due(&last, now) {
            let source = self.0.clone();
            let reading = runtime::spawn("issuer-discovery", async move {
                source.read_anew(&mut last).await;
                last
            });
            last = reading.await.map_err(|error| error.to_string())?;
        }
        let known = last.known.as_ref();
        let age = |read| now.saturating_sub(read);
        let usable = known.filter(|(_, read)| age(*read) < self.0.longest_age);
        usable.map(|(known, _)| known.clone()).ok_or_else(|| {
            let why = last.fault.clone();
            why.unwrap_or_else(|| "what it publishes was never read".to_owned())
        })
    }
}

impl DiscoverySource {
    fn is_due(&self, last: &LastDiscovery, now: Duration) -> bool {
        let after = if last.fault.is_some() {
            PACE
        } else {
            RENEWED_AFTER
        };
        last.begun
            .is_none_or(|begun| now.saturating_sub(begun) >= after)
    }

    async fn read_anew(&self, last: &mut LastDiscovery) {
        let (issuer, begun) = (&self.name, self.clock.elapsed());
        last.begun = Some(begun);
        match self.fetch().await {
            Ok(endpoints) => {
                if last.fault.take().is_some() {
                    info!(issuer, "what the issuer publishes of log-ins is read again");
                }
                last.known = Some((Arc::new(endpoints), begun));
            }
            Err(why) => {
                warn!(
                    issuer,
                    why, "what the issuer publishes of log-ins cannot be used"
                );
                last.fault = Some(why);
            }
        }
    }

    async fn fetch(&self) -> Result<PublishedEndpoints, String> {
        let answer = self.http.send(OutboundRequest::get(&self.address)).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("the status is {}", answer.status.as_u16()));
        }
        let endpoints: PublishedEndpoints =
            serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
        // Letter by letter: another issuer's word sends nobody's code anywhere.
        if endpoints.issuer != self.issuer {
            return Err("it is published by an issuer of another name".to_owned());
        }
        for address in [&endpoints.authorization_endpoint, &endpoints.token_endpoint] {
            self.http
                .check(address)
                .map_err(|error| error.to_string())?;
            if address.contains('#') {
                return Err("an address in it has a fragment".to_owned());
            }
        }
        Ok(endpoints)
    }
}
