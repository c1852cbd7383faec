//! Idempotency keys: a client's retry is not a second write. The id of a keyed request derives from
//! key and body, so a true repeat is the same request wherever it arrives; this table only spares
//! the stores most of the asking. The worker's claim has the last word.

use super::published::Published;
use crate::{
    access::Caller,
    error::{Code, Problem},
    request::RawRequest,
};
use data_encoding::HEXLOWER;
use event_schema::{envelope::Claim, id::RequestId, signing::Keyring};
use moka::sync::Cache;
use parking_lot::Mutex;
use runtime::Clock;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// By what was made of their keys.
type KnownRequests = Cache<[u8; 32], Arc<KnownRequest>>;

/// Names requests, and knows the keys seen here.
pub(crate) struct Identifier {
    known: KnownRequests,
    keys: Keyring,
    clock: Arc<dyn Clock>,
    ttl_seconds: u64,
}

#[derive(Debug)]
struct KnownRequest {
    body: [u8; 32],
    /// `None` while the first request's events are on their way.
    remembered: Mutex<Option<RememberedRequest>>,
}

/// What became of the first request.
#[derive(Clone, Debug)]
pub(crate) struct RememberedRequest {
    /// Where its events went.
    pub published: Arc<[Published]>,
    /// Every collection that it may have touched.
    pub touched: Arc<[(String, String)]>,
}

/// Who a request is: its 16 unique bytes, and what must be defended or repeated.
pub(crate) enum Identity {
    Fresh {
        unique: [u8; 16],
        ticket: Option<Ticket>,
    },
    Repeat(RememberedRequest),
}

/// The first request under a key, until its events are in the log. Dropped before that, the key is
/// free again.
pub(crate) struct Ticket {
    claim: [u8; 32],
    until: i64,
    /// The table of keys, and its place there: none of a caller who could not be looked at.
    listed: Option<(KnownRequests, Arc<KnownRequest>)>,
}

/// Events of one request that are remembered here.
const KEPT: usize = 64;

impl Identifier {
    pub(crate) fn new(
        keys: Keyring,
        clock: Arc<dyn Clock>,
        entries: u64,
        ttl_seconds: u64,
    ) -> Self {
        let known = Cache::builder()
            .max_capacity(entries)
            .time_to_live(Duration::from_secs(ttl_seconds))
            .build();
        Self {
            known,
            keys,
            clock,
            ttl_seconds,
        }
    }

    /// Names the request: anew, or by its key.
    pub(super) fn identify(
        &self,
        operation: &str,
        request: &RawRequest,
    ) -> Result<Identity, Problem> {
        let Some(key) = &request.options.idempotency_key else {
            return Ok(Identity::Fresh {
                unique: self.fresh(),
                ticket: None,
            });
        };
        let scope = request.caller.scope(operation);
        let body: [u8; 32] = Sha256::digest(request.json.bytes()).into();
        let claim = self.keys.tag("idempotency-claim", &[&scope, key]);
        let unique = RequestId::derive(&self.keys, &scope, key, &body);
        if request.caller.unconfirmed.is_some() {
            // What is known of the key is not for a caller who may have lost the right to it: a repeat
            // is made once more under the same id, and the worker finds what stands.
            let ticket = Ticket {
                claim,
                until: self.until(),
                listed: None,
            };
            return Ok(Identity::Fresh {
                unique,
                ticket: Some(ticket),
            });
        }
        let entry = self.known.entry(claim).or_insert_with(|| {
            Arc::new(KnownRequest {
                body,
                remembered: Mutex::new(None),
            })
        });
        let (fresh, known) = (entry.is_fresh(), entry.into_value());
        if known.body != body {
            return Err(Problem::new(
                Code::IdempotencyKeyReused,
                "another request was made under this Idempotency-Key",
            ));
        }
        if !fresh {
            return match &*known.remembered.lock() {
                Some(remembered) => Ok(Identity::Repeat(remembered.clone())),
                None => Err(Problem::new(
                    Code::IdempotencyInFlight,
                    "the first request under this key is being accepted",
                )
                .retry_after(1)),
            };
        }
        Ok(Identity::Fresh {
            unique,
            ticket: Some(Ticket {
                claim,
                until: self.until(),
                listed: Some((self.known.clone(), known)),
            }),
        })
    }

    /// Names a line of a bulk. Under an Idempotency-Key each line has a key of its own, so that a
    /// bulk can be repeated as a whole.
    pub(super) fn identify_line(
        &self,
        operation: &str,
        caller: &Caller,
        key: Option<&[u8]>,
        number: u64,
        json: &[u8],
    ) -> ([u8; 16], Option<Claim>) {
        let Some(key) = key else {
            return (self.fresh(), None);
        };
        let scope = caller.scope(operation);
        let key = [&number.to_be_bytes()[..], key].concat();
        let claim = self.keys.tag("idempotency-claim-of-line", &[&scope, &key]);
        let unique = RequestId::derive(&self.keys, &scope, &key, &Sha256::digest(json));
        (unique, Some(named_claim(&claim, self.until())))
    }

    /// Names a file: anew, or by its key, whatever is in it.
    pub(crate) fn identify_file(
        &self,
        operation: &str,
        caller: &Caller,
        key: Option<&[u8]>,
    ) -> [u8; 16] {
        match key {
            None => self.fresh(),
            Some(key) => {
                let of_a_file: [u8; 32] = Sha256::digest(b"file").into();
                RequestId::derive(&self.keys, &caller.scope(operation), key, &of_a_file)
            }
        }
    }

    /// Names the event that begins the upload of this file under a key, and what the event must be
    /// the first to claim.
    pub(crate) fn identify_upload(
        &self,
        operation: &str,
        caller: &Caller,
        key: &[u8],
        digest: &[u8; 32],
    ) -> ([u8; 16], Claim) {
        let scope = caller.scope(operation);
        let claim = self.keys.tag("idempotency-claim-of-file", &[&scope, key]);
        let unique = RequestId::derive(&self.keys, &scope, key, digest);
        (unique, named_claim(&claim, self.until()))
    }

    /// 16 bytes that nobody had before, in the form of a version 7 UUID: the time, then random
    /// bits. What is made at the same time stands side by side in the stores, and so do the ids
    /// that derive from it.
    pub(super) fn fresh(&self) -> [u8; 16] {
        let millis = u64::try_from(self.clock.now()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &runtime::random())
            .into_uuid()
            .into_bytes()
    }

    /// How long a key that is used now is defended, Unix milliseconds.
    fn until(&self) -> i64 {
        let ttl = i64::try_from(self.ttl_seconds).unwrap_or(i64::MAX);
        self.clock.now().saturating_add(ttl.saturating_mul(1000))
    }
}

fn named_claim(key: &[u8; 32], until: i64) -> Claim {
    Claim {
        key: HEXLOWER.encode(key),
        until,
    }
}

/// 16 random bytes, in the form of a version 4 UUID.
pub(crate) fn random_bytes() -> [u8; 16] {
    uuid::Builder::from_random_bytes(runtime::random())
        .into_uuid()
        .into_bytes()
}

impl Ticket {
    /// What event `n` of the request must defend at the worker: a request of many documents has a
    /// claim for each.
    pub(crate) fn claim(&self, n: usize) -> Claim {
        let key = match n {
            0 => self.claim,
            n => Sha256::new()
                .chain_update(self.claim)
                .chain_update((n as u64).to_be_bytes())
                .finalize()
                .into(),
        };
        named_claim(&key, self.until)
    }

    /// All of its events are in the log: repeats get their places. Those of very many are left to
    /// the ledger, to bound this table.
    pub(crate) fn keep(self, remembered: RememberedRequest) {
        if let Some((_, known)) = &self.listed
            && remembered.published.len() <= KEPT
        {
            *known.remembered.lock() = Some(remembered);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some((keys, known)) = &self.listed
            && known.remembered.lock().is_none()
        {
            keys.invalidate(&self.claim);
        }
    }
}
