//! The keys of one issuer, as they were read last. They are read anew from time to time, and when a
//! token names a key that is not among them, but at most every 30 seconds; the last good ones are
//! used for as long as the issuer cannot be reached.

use crate::{
    TokenFault,
    published_key::{PublishedKey, PublishedKeys, read_set},
};
use http::StatusCode;
use outbound::{OutboundClient, OutboundRequest};
use parking_lot::RwLock;
use runtime::Clock;
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;
use tracing::{info, warn};

/// The least time between two readings.
pub(crate) const PACE: Duration = Duration::from_secs(30);
/// After how long they are read anew without being asked for.
const RENEWED_AFTER: Duration = Duration::from_secs(600);

/// Keys, and where they come from.
pub(crate) struct IssuerKeys {
    issuer: String,
    address: String,
    http: OutboundClient,
    clock: Arc<dyn Clock>,
    known: RwLock<Arc<PublishedKeys>>,
    reading: Mutex<LastReading>,
}

/// How it went when they were read last, by [`Clock::elapsed`].
#[derive(Default)]
struct LastReading {
    begun: Option<Duration>,
    fault: Option<String>,
}

impl IssuerKeys {
    pub(crate) fn new(
        issuer: String,
        address: String,
        http: OutboundClient,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            issuer,
            address,
            http,
            clock,
            known: RwLock::default(),
            reading: Mutex::default(),
        }
    }

    /// Those of this id: as they are known, or read anew for it.
    pub(crate) async fn of_id(&self, id: &str) -> Result<Vec<PublishedKey>, TokenFault> {
        if let Some(found) = self.known.read().get(id) {
            return Ok(found.clone());
        }
        let mut last = self.reading.lock().await;
        // Whoever waited for another's reading has what that found.
        if !self.known.read().contains_key(id) && self.is_due(&last, PACE) {
            self.read_anew(&mut last).await;
        }
        let known = self.known.read();
        match (known.get(id), &last.fault) {
            (Some(found), _) => Ok(found.clone()),
            (None, Some(why)) if known.is_empty() => Err(TokenFault::NoKeys(why.clone())),
            (None, _) => Err(TokenFault::UnknownKey),
        }
    }

    /// Reads them anew if that is due; a reading that failed is due again sooner.
    pub(crate) async fn renew(&self) {
        let mut last = self.reading.lock().await;
        let after = if last.fault.is_some() {
            PACE
        } else {
            RENEWED_AFTER
        };
        if self.is_due(&last, after) {
            self.read_anew(&mut last).await;
        }
    }

    fn is_due(&self, last: &LastReading, after: Duration) -> bool {
        let now = self.clock.elapsed();
        last.begun
            .is_none_or(|begun| now.saturating_sub(begun) >= after)
    }

    async fn read_anew(&self, last: &mut LastReading) {
        last.begun = Some(self.clock.elapsed());
        let issuer = &self.issuer;
        match self.fetch().await {
            Ok(keys) => {
                if last.fault.take().is_some() {
                    info!(issuer, "the keys of the issuer are read again");
                }
                *self.known.write() = Arc::new(keys);
            }
            Err(why) => {
                warn!(
                    issuer,
                    why, "the keys of the issuer cannot be read; the last known ones stay in use"
                );
                last.fault = Some(why);
            }
        }
    }

    async fn fetch(&self) -> Result<PublishedKeys, String> {
        let answer = self.http.send(OutboundRequest::get(&self.address)).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("the status is {}", answer.status.as_u16()));
        }
        read_set(&answer.body)
    }
}
