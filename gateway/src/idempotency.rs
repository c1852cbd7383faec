//! Idempotency keys: a client's retry is not a second write. The id of a keyed request derives from
//! key and body, so a true repeat is the same request wherever it arrives; this table only spares
//! the stores most of the asking. The worker's claim has the last word.

use crate::{
    app::App,
    error::{Code, Problem},
    publish::Published,
    request::RawRequest,
};
use event_schema::{envelope::Claim, id::RequestId};
use moka::sync::Cache;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// What is known of the keys seen here.
#[derive(Debug)]
pub(crate) struct Keys(Cache<[u8; 32], Arc<Known>>);

#[derive(Debug)]
struct Known {
    body: [u8; 32],
    /// Where the first request's events went; `None` while they are on their way.
    published: Mutex<Option<Arc<[Published]>>>,
}

/// Who a request is: its 16 unique bytes, and what must be defended or repeated.
pub(crate) enum Identity {
    Fresh {
        unique: [u8; 16],
        ticket: Option<Ticket>,
    },
    Repeat(Arc<[Published]>),
}

/// The first request under a key, until its events are in the log. Dropped before that, the key is
/// free again.
pub(crate) struct Ticket {
    keys: Cache<[u8; 32], Arc<Known>>,
    claim: [u8; 32],
    known: Arc<Known>,
    until: i64,
}

impl Keys {
    pub(crate) fn new(entries: u64, ttl_seconds: u64) -> Self {
        Self(
            Cache::builder()
                .max_capacity(entries)
                .time_to_live(Duration::from_secs(ttl_seconds))
                .build(),
        )
    }
}

/// Events of one request that are remembered here.
const KEPT: usize = 64;

/// Names the request: anew, or by its key.
pub(crate) fn identify(
    app: &App,
    operation: &str,
    request: &RawRequest,
) -> Result<Identity, Problem> {
    let Some(key) = &request.options.idempotency_key else {
        return Ok(Identity::Fresh {
            unique: fresh(app),
            ticket: None,
        });
    };
    let scope = request.caller.scope(operation);
    let body: [u8; 32] = Sha256::digest(&request.json).into();
    let claim = app.ports.keys.tag("idempotency-claim", &[&scope, key]);
    let entry = app.keys.0.entry(claim).or_insert_with(|| {
        Arc::new(Known {
            body,
            published: Mutex::new(None),
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
        return match &*known.published.lock() {
            Some(published) => Ok(Identity::Repeat(published.clone())),
            None => Err(Problem::new(
                Code::IdempotencyInFlight,
                "the first request under this key is being accepted",
            )
            .retry_after(1)),
        };
    }
    let until = app
        .now()
        .saturating_add((app.config.idempotency_ttl_seconds as i64).saturating_mul(1000));
    let unique = RequestId::derive(&app.ports.keys, &scope, key, &body);
    Ok(Identity::Fresh {
        unique,
        ticket: Some(Ticket {
            keys: app.keys.0.clone(),
            claim,
            known,
            until,
        }),
    })
}

/// 16 bytes that nobody had before, in the form of a version 7 UUID: the time, then random bits.
/// What is made at the same time stands side by side in the stores, and so do the ids that derive
/// from it.
pub(crate) fn fresh(app: &App) -> [u8; 16] {
    let millis = u64::try_from(app.now()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &rand::random())
        .into_uuid()
        .into_bytes()
}

/// 16 random bytes, in the form of a version 4 UUID.
pub(crate) fn random() -> [u8; 16] {
    uuid::Builder::from_random_bytes(rand::random())
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
        Claim {
            key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
            until: self.until,
        }
    }

    /// All of its events are in the log: repeats get their places. Those of very many are left to
    /// the ledger, to bound this table.
    pub(crate) fn keep(self, published: Arc<[Published]>) {
        if published.len() <= KEPT {
            *self.known.published.lock() = Some(published);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.known.published.lock().is_none() {
            self.keys.invalidate(&self.claim);
        }
    }
}
