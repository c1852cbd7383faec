//! The keys of one issuer, as they were read last. They are read anew from time to time, and when a
//! token names a key that is not among them, but at most every 30 seconds; the last that were read
//! are used while the issuer cannot be reached, up to an age. A reading goes on when the request that
//! asked for it is given up: nobody keeps keys from being read by hanging up.

use crate::{
    IssuerConfig, TokenFault,
    published_key::{PublishedKey, PublishedKeys, read_set},
};
use http::StatusCode;
use outbound::{OutboundClient, OutboundRequest};
use parking_lot::RwLock;
use runtime::Clock;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    task::JoinError,
};
use tracing::{info, warn};

/// The least time between two readings.
pub(crate) const PACE: Duration = Duration::from_secs(30);
/// After how long they are read anew without being asked for.
const RENEWED_AFTER: Duration = Duration::from_secs(600);

/// Keys, and where they come from. Clones share them.
#[derive(Clone)]
pub(crate) struct IssuerKeys(Arc<KeySource>);

struct KeySource {
    issuer: String,
    address: String,
    http: OutboundClient,
    clock: Arc<dyn Clock>,
    /// How old what was read may be and still be used.
    longest_age: Duration,
    known: RwLock<Option<KnownKeys>>,
    reading: Arc<Mutex<LastReading>>,
}

/// What the issuer answered last, which may be that it has no keys.
struct KnownKeys {
    keys: PublishedKeys,
    /// When it was asked, by [`Clock::elapsed`].
    read: Duration,
}

/// How it went when they were read last, by [`Clock::elapsed`].
#[derive(Default)]
struct LastReading {
    begun: Option<Duration>,
    fault: Option<String>,
}

impl IssuerKeys {
    pub(crate) fn new(config: &IssuerConfig, http: OutboundClient, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(KeySource {
            issuer: config.name.clone(),
            address: config.keys.clone(),
            http,
            clock,
            longest_age: Duration::from_secs(config.keys_longest_age_seconds),
            known: RwLock::default(),
            reading: Arc::default(),
        }))
    }

    /// Those of this id: as they are known, or read anew for it.
    pub(crate) async fn of_id(&self, id: &str) -> Result<Vec<PublishedKey>, TokenFault> {
        if let Some(Some(found)) = self.0.usable(id) {
            return Ok(found);
        }
        let mut last = self.0.reading.clone().lock_owned().await;
        // Whoever waited for another's reading has what that found.
        if !matches!(self.0.usable(id), Some(Some(_))) && self.0.is_due(&last, PACE) {
            last = self.read_anew(last).await?;
        }
        match (self.0.usable(id), &last.fault) {
            (Some(Some(found)), _) => Ok(found),
            (Some(None), _) => Err(TokenFault::UnknownKey),
            (None, Some(why)) => Err(TokenFault::NoKeys(why.clone())),
            (None, None) => Err(TokenFault::NoKeys("they were never read".to_owned())),
        }
    }

    /// Reads them anew if that is due; a reading that failed is due again sooner.
    pub(crate) async fn renew(&self) {
        let last = self.0.reading.clone().lock_owned().await;
        let after = if last.fault.is_some() {
            PACE
        } else {
            RENEWED_AFTER
        };
        if self.0.is_due(&last, after) {
            // What went wrong is kept there.
            let _ = self.read_anew(last).await;
        }
    }

    /// In a task of its own, which holds the lock: a request that is given up while it waits for
    /// this neither cuts the reading short nor lets another begin.
    async fn read_anew(
        &self,
        mut last: OwnedMutexGuard<LastReading>,
    ) -> Result<OwnedMutexGuard<LastReading>, TokenFault> {
        let source = self.0.clone();
        let reading = runtime::spawn("issuer-keys", async move {
            source.read_anew(&mut last).await;
            last
        });
        let ended = |error: JoinError| TokenFault::NoKeys(format!("reading them ended: {error}"));
        reading.await.map_err(ended)
    }
}

impl KeySource {
    /// Those of this id, or none where the issuer has none of it; nothing at all where nothing that
    /// may still be used was read.
    fn usable(&self, id: &str) -> Option<Option<Vec<PublishedKey>>> {
        let known = self.known.read();
        let age = |read| self.clock.elapsed().saturating_sub(read);
        let known = known.as_ref();
        let known = known.filter(|known| age(known.read) < self.longest_age)?;
        Some(known.keys.get(id).cloned())
    }

    fn is_due(&self, last: &LastReading, after: Duration) -> bool {
        let now = self.clock.elapsed();
        last.begun
            .is_none_or(|begun| now.saturating_sub(begun) >= after)
    }

    async fn read_anew(&self, last: &mut LastReading) {
        let (issuer, read) = (&self.issuer, self.clock.elapsed());
        last.begun = Some(read);
        match self.fetch().await {
            Ok(keys) => {
                if last.fault.take().is_some() {
                    info!(issuer, "the keys of the issuer are read again");
                }
                if keys.is_empty() {
                    warn!(
                        issuer,
                        "the issuer publishes no keys: no token of it is taken"
                    );
                }
                *self.known.write() = Some(KnownKeys { keys, read });
            }
            Err(why) => {
                let longest = self.longest_age.as_secs();
                warn!(
                    issuer,
                    why,
                    longest_age_seconds = longest,
                    "the keys of the issuer cannot be read; the last known ones stay in use up to their longest age"
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
