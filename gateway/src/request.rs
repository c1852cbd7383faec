//! Stage 1: what a client sent, capped, decompressed where allowed, and known to be sound JSON. It
//! knows nothing of operations.

pub(crate) mod body;
pub(crate) mod headers;
pub(crate) mod inflate;
pub(crate) mod json;
pub(crate) mod path;
pub(crate) mod query;

use crate::{
    Config,
    access::Caller,
    error::{Code, Problem},
};
use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
};
use body::{Budget, HeldBody};
use bytes::Bytes;
use headers::Options;
use http::HeaderMap;
use json::{Fault, FaultKind};
use query::QueryString;
use std::sync::Arc;

/// A call as it came in: what handlers hand to the write path.
#[derive(Debug)]
pub(crate) struct RequestCall {
    pub caller: Caller,
    pub headers: HeaderMap,
    pub query: QueryString,
    pub body: Body,
}

impl<S: Send + Sync> FromRequest<S> for RequestCall {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let query = QueryString::from_request_parts(&mut parts, state).await?;
        Ok(Self {
            caller: Caller::of(&parts.extensions),
            headers: parts.headers,
            query,
            body,
        })
    }
}

/// A request whose body is whole and sound JSON, with what its headers ask for.
#[derive(Debug)]
pub(crate) struct RawRequest {
    pub json: Bytes,
    pub options: Options,
    pub caller: Caller,
    /// Gives the body's bytes back to the budget when the request is done.
    _held: Option<HeldBody>,
}

impl RawRequest {
    /// Of sound JSON that was made here; whoever holds what it was made of holds its share of the
    /// budget.
    pub(crate) fn made(json: Bytes, options: Options, caller: Caller) -> Self {
        Self {
            json,
            options,
            caller,
            _held: None,
        }
    }
}

/// What is needed to read requests.
pub(crate) struct RequestReader {
    config: Arc<Config>,
    budget: Budget,
}

impl RequestReader {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self {
            budget: Budget::new(config.body_budget_bytes),
            config,
        }
    }

    /// Reads and checks a single request.
    pub(crate) async fn read(&self, call: RequestCall) -> Result<RawRequest, Problem> {
        headers::expect_json(&call.headers)?;
        headers::expect_plain(&call.headers)?;
        let options = Options::read(&call.headers, &call.query, &self.config)?;
        let (json, held) = self.collect(&call.headers, call.body).await?;
        sound(&json, self.config.json_depth)?;
        Ok(RawRequest {
            json,
            options,
            caller: call.caller,
            _held: Some(held),
        })
    }

    /// Likewise, but where the path says something too, the body may be left out.
    pub(crate) async fn read_loose(
        &self,
        call: RequestCall,
        may_be_empty: bool,
    ) -> Result<RawRequest, Problem> {
        let options = Options::read(&call.headers, &call.query, &self.config)?;
        headers::expect_plain(&call.headers)?;
        let (json, held) = self.collect(&call.headers, call.body).await?;
        if !(json.is_empty() && may_be_empty) {
            headers::expect_json(&call.headers)?;
            sound(&json, self.config.json_depth)?;
        }
        Ok(RawRequest {
            json,
            options,
            caller: call.caller,
            _held: Some(held),
        })
    }

    /// The whole body of a single request, whatever it holds.
    pub(crate) async fn collect(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Bytes, HeldBody), Problem> {
        body::collect(&self.config, &self.budget, headers, body).await
    }
}

/// Is it JSON that can be taken?
pub(crate) fn sound(json: &[u8], depth: usize) -> Result<(), Problem> {
    json::check(json, depth).map_err(Problem::from)
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let code = match fault.kind {
            FaultKind::Empty => Code::EmptyBody,
            FaultKind::Syntax => Code::NotJson,
            FaultKind::Utf8 => Code::InvalidUtf8,
            FaultKind::DuplicateKey => Code::DuplicateKey,
            FaultKind::TooDeep => Code::TooDeep,
            FaultKind::Number => Code::NumberOutOfRange,
        };
        Problem::new(code, fault.message)
            .at(fault.pointer)
            .with("offset", fault.offset.into())
    }
}
