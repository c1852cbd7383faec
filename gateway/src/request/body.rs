//! Bodies, bounded in every way: by size, by time, and by what all requests together may hold.

use crate::{
    Config,
    error::{Code, Problem},
};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::timeout;

/// Bytes of bodies in memory, over all requests.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Ledger>);

#[derive(Debug)]
struct Ledger {
    taken: AtomicUsize,
    limit: usize,
}

/// A share of the budget; given back on drop.
#[derive(Debug)]
pub(crate) struct HeldBody {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Ledger {
            taken: AtomicUsize::new(0),
            limit,
        }))
    }

    fn hold(&self) -> HeldBody {
        HeldBody {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

impl HeldBody {
    /// Makes the share at least this large.
    pub(super) fn grow_to(&mut self, bytes: usize) -> Result<(), Problem> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else {
            return Ok(());
        };
        let ledger = &*self.budget.0;
        self.bytes = bytes;
        if ledger.taken.fetch_add(more, Ordering::Relaxed) + more <= ledger.limit {
            Ok(())
        } else {
            Err(Problem::new(
                Code::Overloaded,
                "bodies of other requests fill the memory set aside for them",
            )
            .retry_after(1))
        }
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        self.budget.0.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The whole body of a single request.
pub(super) async fn collect_body(
    config: &Config,
    budget: &Budget,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Bytes, HeldBody), Problem> {
    let limit = config.body_limit_bytes;
    let declared = declared_length(headers)?;
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let mut held = budget.hold();
    let whole = gather_frames(body, limit, config.body_idle(), &mut held);
    match timeout(config.body_timeout(), whole).await {
        Ok(bytes) => Ok((bytes?, held)),
        Err(_) => Err(too_slow(config.body_timeout())),
    }
}

async fn gather_frames(
    mut body: Body,
    limit: usize,
    idle: Duration,
    held: &mut HeldBody,
) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    while let Some(frame) = timeout(idle, body.frame())
        .await
        .map_err(|_| too_slow(idle))?
    {
        let Ok(data) = frame.map_err(|_| incomplete_body())?.into_data() else {
            continue;
        };
        let length = data.len() + rest.as_ref().map_or(first.len(), BytesMut::len);
        if length > limit {
            return Err(too_large(limit));
        }
        held.grow_to(length)?;
        match &mut rest {
            Some(rest) => rest.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                let mut both = BytesMut::with_capacity(length.saturating_mul(2).min(limit));
                both.extend_from_slice(&first);
                both.extend_from_slice(&data);
                rest = Some(both);
            }
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}

fn declared_length(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::CONTENT_LENGTH) else {
        return Ok(None);
    };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length
        .map(Some)
        .ok_or_else(|| Problem::new(Code::BadHeader, "Content-Length must be a whole number"))
}

pub(super) fn too_large(limit: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("the body is larger than {limit} bytes"),
    )
}

pub(crate) fn too_slow(limit: Duration) -> Problem {
    Problem::new(
        Code::TooSlow,
        format!("the body did not arrive within {} s", limit.as_secs()),
    )
}

pub(crate) fn incomplete_body() -> Problem {
    Problem::new(
        Code::IncompleteBody,
        "the body ended before it was whole, or its framing is broken",
    )
}
