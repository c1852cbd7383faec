//! What a request of this family is answered: one envelope on both transports, errors too.

use super::{Fault, Request};
use crate::answer::json_response;
use axum::response::Response;
use bytes::Bytes;
use event_schema::Raw;
use http::{HeaderValue, StatusCode};
use sealing::mask::mask_sealed;
use serde::{Serialize, ser::SerializeMap};
use serde_json::value::{RawValue, to_raw_value};
use std::borrow::Cow;

/// What an action came to when nothing went wrong.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub result: Option<Box<RawValue>>,
    /// Of the writes it made: reads take it as `after`.
    pub token: Option<String>,
    /// Over HTTP the result stands alone, without the envelope.
    pub bare: bool,
    /// Over HTTP: cookies that the browser keeps from now on.
    pub set_cookies: Vec<HeaderValue>,
    /// Over HTTP: where the browser goes on.
    pub location: Option<HeaderValue>,
}

impl Reply {
    pub(crate) fn of<T: Serialize + ?Sized>(result: &T) -> Self {
        let result = to_raw_value(result).expect("results are plain JSON");
        let result = match mask_sealed(result.get()) {
            Cow::Borrowed(_) => result,
            Cow::Owned(masked) => RawValue::from_string(masked).expect("a masked text is JSON"),
        };
        Self {
            status: 200,
            result: Some(result),
            token: None,
            bare: false,
            set_cookies: Vec::new(),
            location: None,
        }
    }

    /// An action that has nothing to tell.
    pub(crate) fn nothing() -> Self {
        Self {
            status: 200,
            result: None,
            token: None,
            bare: false,
            set_cookies: Vec::new(),
            location: None,
        }
    }

    pub(crate) fn set_cookie(mut self, cookie: Option<HeaderValue>) -> Self {
        self.set_cookies.extend(cookie);
        self
    }

    /// Sends a browser elsewhere.
    pub(crate) fn send_to(mut self, location: HeaderValue) -> Self {
        self.status = 302;
        self.location = Some(location);
        self
    }

    pub(crate) fn token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }
}

/// The envelope.
#[derive(Debug)]
pub(crate) struct Answer {
    pub request_id: String,
    pub controller: Option<String>,
    pub action: Option<String>,
    pub index: Option<String>,
    pub collection: Option<String>,
    pub volatile: Option<Raw>,
    pub outcome: Result<Reply, Fault>,
}

impl Answer {
    pub(crate) fn to(request: &Request, outcome: Result<Reply, Fault>) -> Self {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Self {
            request_id: request.request_id.clone(),
            controller: some(&request.controller),
            action: some(&request.action),
            index: request.index.clone(),
            collection: request.collection.clone(),
            volatile: request.volatile.clone(),
            outcome,
        }
    }

    /// To what never became a request.
    pub(crate) fn early(request_id: Option<String>, fault: Fault) -> Self {
        Self::nameless(request_id, Err(fault))
    }

    /// To a call that names no action.
    pub(crate) fn plain(status: u16) -> Self {
        let reply = Reply::nothing();
        Self::nameless(None, Ok(Reply { status, ..reply }))
    }

    fn nameless(request_id: Option<String>, outcome: Result<Reply, Fault>) -> Self {
        Self {
            request_id: request_id.unwrap_or_else(super::request::made_id),
            controller: None,
            action: None,
            index: None,
            collection: None,
            volatile: None,
            outcome,
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.outcome
            .as_ref()
            .map_or_else(Fault::status, |reply| reply.status)
    }

    fn token(&self) -> Option<&str> {
        match &self.outcome {
            Ok(reply) => reply.token.as_deref(),
            Err(fault) => fault.token(),
        }
    }

    pub(crate) fn to_http(&self) -> Response {
        let status =
            StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = match &self.outcome {
            Ok(reply) if reply.bare => json_response(status, &reply.result),
            Ok(_) | Err(_) => json_response(
                status,
                &Enveloped {
                    answer: self,
                    room: false,
                },
            ),
        };
        let headers = response.headers_mut();
        if let Some(token) = self
            .token()
            .and_then(|token| HeaderValue::try_from(token).ok())
        {
            headers.insert("consign-token", token);
        }
        if let Ok(reply) = &self.outcome {
            for cookie in &reply.set_cookies {
                headers.append(http::header::SET_COOKIE, cookie.clone());
            }
            if let Some(location) = &reply.location {
                headers.insert(http::header::LOCATION, location.clone());
            }
        }
        if let Some(seconds) = self.outcome.as_ref().err().and_then(Fault::after_seconds) {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// One text frame. `room` is the request's id: clients dispatch on it.
    pub(crate) fn to_frame(&self) -> Bytes {
        serde_json::to_vec(&Enveloped {
            answer: self,
            room: true,
        })
        .expect("answers are plain JSON")
        .into()
    }
}

struct Enveloped<'a> {
    answer: &'a Answer,
    room: bool,
}

impl Serialize for Enveloped<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let answer = self.answer;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", &answer.status())?;
        map.serialize_entry("error", &answer.outcome.as_ref().err())?;
        map.serialize_entry("requestId", &answer.request_id)?;
        if self.room {
            map.serialize_entry("room", &answer.request_id)?;
        }
        map.serialize_entry("controller", &answer.controller)?;
        map.serialize_entry("action", &answer.action)?;
        map.serialize_entry("index", &answer.index)?;
        map.serialize_entry("collection", &answer.collection)?;
        map.serialize_entry("volatile", &answer.volatile)?;
        map.serialize_entry("headers", &AnswerHeaders {})?;
        if let Some(token) = answer.token() {
            map.serialize_entry("token", token)?;
        }
        map.serialize_entry(
            "result",
            &answer
                .outcome
                .as_ref()
                .ok()
                .and_then(|reply| reply.result.as_deref()),
        )?;
        map.end()
    }
}

/// Headers that the client would be told of; there are none in the envelope.
#[derive(Serialize)]
struct AnswerHeaders {}
