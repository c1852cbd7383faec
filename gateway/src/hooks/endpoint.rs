//! What is kept of each hook's endpoint, for as long as catalogs name it.

use super::{
    circuit::{Circuit, CircuitLimits},
    signature,
};
use crate::config::Hooks;
use http::HeaderMap;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

pub(super) struct HookEndpoint {
    /// The address in the form that is signed.
    target: String,
    secret: Zeroizing<Vec<u8>>,
    pub(super) circuit: Circuit,
    pub(super) in_hand: Semaphore,
}

impl HookEndpoint {
    pub(super) fn new(target: String, secret: Zeroizing<Vec<u8>>, config: &Hooks) -> Self {
        Self {
            target,
            secret,
            circuit: Circuit::new(CircuitLimits {
                failures: config.failures_to_open.max(1),
                pause: Duration::from_secs(config.open_seconds),
            }),
            in_hand: Semaphore::new(config.asked_at_once.max(1)),
        }
    }

    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.target == other.target && self.secret == other.secret
    }

    /// The headers by which it knows who asks.
    pub(super) fn signed_headers(&self, hook: &str, body: &[u8], now: i64) -> HeaderMap {
        signature::signed_headers((hook, &self.target), &self.secret, body, now / 1_000)
    }
}

/// By the hooks' names, in the order in which they are asked.
#[derive(Default)]
pub(crate) struct HookEndpoints(Vec<(String, Arc<HookEndpoint>)>);

impl HookEndpoints {
    pub(super) fn get(&self, name: &str) -> Option<&Arc<HookEndpoint>> {
        let mut known = self.0.iter();
        known
            .find(|(known, _)| known == name)
            .map(|(_, endpoint)| endpoint)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }
}

impl FromIterator<(String, Arc<HookEndpoint>)> for HookEndpoints {
    fn from_iter<T: IntoIterator<Item = (String, Arc<HookEndpoint>)>>(endpoints: T) -> Self {
        Self(endpoints.into_iter().collect())
    }
}
