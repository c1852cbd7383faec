//! Stage 1: what a client sent, capped, decompressed where allowed, and known to be sound JSON. It
//! knows nothing of operations.

pub(crate) mod body;
pub(crate) mod body_pace;
pub(crate) mod headers;
pub(crate) mod inflate;
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
use json_text::{JsonFault, JsonFaultKind, JsonObjectWriter, ScannedJson};
use query::QueryString;
use serde::de::DeserializeOwned;
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
    pub json: ScannedJson,
    /// The body was left out, and stands as `{}`.
    pub came_empty: bool,
    pub options: Options,
    pub caller: Caller,
    /// Is it known that the caller may do this where it is done?
    pub admitted: bool,
    /// Gives the body's bytes back to the budget when the request is done.
    _held: Option<HeldBody>,
}

impl RawRequest {
    /// Of sound JSON that was made here, for a caller who may ask for it; whoever holds what it was made of holds its share of the
    /// budget.
    pub(crate) fn made(json: ScannedJson, options: Options, caller: Caller) -> Self {
        Self {
            json,
            came_empty: false,
            options,
            caller,
            admitted: true,
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

    /// Likewise for files that come as a whole; what all hold together is bounded together.
    pub(crate) fn for_files(&self) -> Self {
        let body_limit_bytes = self.config.upload_limit_bytes * 2;
        Self {
            config: Arc::new(Config {
                body_limit_bytes,
                ..(*self.config).clone()
            }),
            budget: self.budget.clone(),
        }
    }

    /// Reads a body of one fixed form, which asks for something that is no operation.
    pub(crate) async fn order<T: DeserializeOwned>(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<T, Problem> {
        headers::expect_json(headers)?;
        headers::expect_plain(headers)?;
        let (json, _held) = self.collect(headers, body).await?;
        let json = scanned_json(json, self.config.json_depth)?;
        serde_json::from_slice(json.bytes())
            .map_err(|error| Problem::new(Code::Invalid, error.to_string()))
    }

    /// Reads and checks a single request.
    pub(crate) async fn read(&self, call: RequestCall) -> Result<RawRequest, Problem> {
        headers::expect_json(&call.headers)?;
        headers::expect_plain(&call.headers)?;
        let options = Options::read(&call.headers, &call.query, &self.config)?;
        let (json, held) = self.collect(&call.headers, call.body).await?;
        Ok(RawRequest {
            json: scanned_json(json, self.config.json_depth)?,
            came_empty: false,
            options,
            caller: call.caller,
            admitted: false,
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
        let came_empty = json.is_empty() && may_be_empty;
        let json = if came_empty {
            JsonObjectWriter::with_capacity(2).finish()
        } else {
            headers::expect_json(&call.headers)?;
            scanned_json(json, self.config.json_depth)?
        };
        Ok(RawRequest {
            json,
            came_empty,
            options,
            caller: call.caller,
            admitted: false,
            _held: Some(held),
        })
    }

    /// The whole body of a single request, whatever it holds.
    pub(crate) async fn collect(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Bytes, HeldBody), Problem> {
        body::collect_body(&self.config, &self.budget, headers, body).await
    }
}

/// JSON that can be taken, or what is wrong with it.
pub(crate) fn scanned_json(json: Bytes, depth: usize) -> Result<ScannedJson, Problem> {
    ScannedJson::scan(json, depth).map_err(Problem::from)
}

impl From<JsonFault> for Problem {
    fn from(fault: JsonFault) -> Self {
        let code = match fault.kind {
            JsonFaultKind::Empty => Code::EmptyBody,
            JsonFaultKind::Syntax => Code::NotJson,
            JsonFaultKind::Utf8 => Code::InvalidUtf8,
            JsonFaultKind::DuplicateKey => Code::DuplicateKey,
            JsonFaultKind::TooDeep => Code::TooDeep,
            JsonFaultKind::Number => Code::NumberOutOfRange,
        };
        Problem::new(code, fault.message)
            .at(fault.pointer)
            .with("offset", fault.offset.into())
    }
}
