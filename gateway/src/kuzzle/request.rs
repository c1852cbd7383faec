//! One request of this family, whichever transport brought it: the envelope of a frame, or verb,
//! path, query and body. It must never look at what the request means.

use super::{Answer, Fault, fault::Id, write::BareValue};
use crate::{
    access::{Caller, cookie::HeadCookie, shown_credential},
    request::{body, query::QueryString, scanned_json},
    security_events::Actor,
    transport::tls::client_certificate::ShownCertificate,
    write::order::WriteTurn,
};
use bytes::Bytes;
use event_schema::Raw;
use http::HeaderMap;
use json_text::ScannedJson;
use serde_json::{Map, Value, value::RawValue};
use std::{borrow::Cow, collections::HashMap, net::IpAddr, sync::Arc};

/// How it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Http,
    WebSocket,
}

impl Transport {
    /// As notifications name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::WebSocket => "websocket",
        }
    }
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    pub controller: String,
    pub action: String,
    pub index: Option<String>,
    pub collection: Option<String>,
    pub id: Option<String>,
    pub body: Option<Box<RawValue>>,
    /// Are the names in the body plain? See [`json_text::ScannedMember::is_plain`].
    pub has_plain_body: bool,
    /// The client's own id of it, or one made here.
    pub request_id: String,
    pub volatile: Option<Raw>,
    /// Everything else that the envelope or the query held.
    pub args: Map<String, Value>,
    pub jwt: Option<String>,
    /// A session that a browser shows by itself.
    pub cookie: HeadCookie,
    /// What the client of the connection showed in its handshake.
    pub certificate: Option<Arc<ShownCertificate>>,
    pub transport: Transport,
    /// Proxies and browsers keep what is asked for like this.
    pub by_get: bool,
    /// Made of `jwt`, before anything is done.
    pub caller: Caller,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    pub traceparent: Option<String>,
    /// Its share of the memory set aside for bodies.
    pub held: Option<body::HeldBody>,
    /// Its place among the writes of its connection.
    pub turn: WriteTurn,
}

/// The id of a request that came without.
pub(crate) fn made_id() -> String {
    uuid::Uuid::from_bytes(crate::write::identify::random_bytes()).to_string()
}

impl Request {
    /// Who asks, and from where.
    pub(crate) fn actor(&self) -> Actor<'_> {
        Actor {
            caller: &self.caller,
            address: self.address,
        }
    }

    fn empty(transport: Transport) -> Self {
        Self {
            controller: String::new(),
            action: String::new(),
            index: None,
            collection: None,
            id: None,
            body: None,
            has_plain_body: false,
            request_id: String::new(),
            volatile: None,
            args: Map::new(),
            jwt: None,
            cookie: HeadCookie::none(),
            certificate: None,
            transport,
            by_get: false,
            caller: Caller::nobody(),
            address: None,
            traceparent: None,
            held: None,
            turn: WriteTurn::alone(),
        }
    }

    /// From a WebSocket text frame, or the body of `POST /_query`. `depth`: how deep JSON may nest.
    pub(crate) fn from_envelope(
        bytes: Bytes,
        transport: Transport,
        depth: usize,
    ) -> Result<Self, Box<Answer>> {
        let early = |id, fault| Box::new(Answer::early(id, fault));
        let json = scanned_json(bytes, depth).map_err(|problem| {
            let id = if transport == Transport::Http {
                Id::BadBody
            } else {
                Id::BadFrame
            };
            early(None, Fault::new(id, problem.detail()))
        })?;
        let members = KuzzleEnvelope::of(&json)
            .ok_or_else(|| early(None, Fault::new(Id::BadFrame, "a request is a JSON object")))?;
        let mut request = Self::empty(transport);
        let known = match members.args.get("requestId") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(early(None, Fault::wrong_type("requestId", "string"))),
        };
        request.request_id = known.unwrap_or_else(made_id);
        let id = Some(request.request_id.clone());
        request.fill(members).map_err(|fault| early(id, fault))?;
        Ok(request)
    }

    fn fill(&mut self, members: KuzzleEnvelope) -> Result<(), Fault> {
        let KuzzleEnvelope {
            mut args,
            body,
            has_plain_body,
            volatile,
        } = members;
        args.remove("requestId");
        let mut text = |name: &str| match args.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::wrong_type(name, "string")),
        };
        self.index = text("index")?;
        self.collection = text("collection")?;
        self.id = text("_id")?;
        self.jwt = text("jwt")?;
        self.controller = text("controller")?.ok_or_else(|| Fault::missing("controller"))?;
        self.action = text("action")?.ok_or_else(|| Fault::missing("action"))?;
        self.volatile = object_member(volatile, "volatile")?;
        self.body = body.filter(|body| body.get() != "null");
        self.has_plain_body = has_plain_body;
        args.remove("verb");
        self.args = args;
        Ok(())
    }

    /// From an HTTP call whose route named controller, action and path variables.
    pub(crate) fn from_http(
        route: (&str, &str),
        variables: Vec<(&'static str, String)>,
        query: &QueryString,
        headers: &HeaderMap,
    ) -> Self {
        let mut request = Self::empty(Transport::Http);
        (request.controller, request.action) = (route.0.to_owned(), route.1.to_owned());
        for (name, value) in query.pairs() {
            request.argue(name, value);
        }
        for (name, value) in variables {
            match name {
                "index" => request.index = Some(value),
                "collection" => request.collection = Some(value),
                "_id" => request.id = Some(value),
                other => drop(request.args.insert(other.to_owned(), value.into())),
            }
        }
        request.jwt = shown_credential(headers).map(str::to_owned);
        request.traceparent = crate::request::headers::traceparent(headers);
        if request.request_id.is_empty() {
            let given = headers
                .get("x-kuzzle-request-id")
                .and_then(|value| value.to_str().ok());
            request.request_id = given.map_or_else(made_id, str::to_owned);
        }
        request
    }

    /// A part of this request, with a turn of its own.
    pub(crate) fn part(&self, index: &str, collection: &str, body: Box<RawValue>) -> Self {
        Self {
            controller: self.controller.clone(),
            action: self.action.clone(),
            index: Some(index.to_owned()),
            collection: Some(collection.to_owned()),
            body: Some(body),
            request_id: self.request_id.clone(),
            traceparent: self.traceparent.clone(),
            caller: self.caller.clone(),
            jwt: self.jwt.clone(),
            cookie: self.cookie.clone(),
            certificate: self.certificate.clone(),
            ..Self::empty(self.transport)
        }
    }

    /// A pair of the query; one that repeats becomes a list.
    fn argue(&mut self, name: &str, value: &str) {
        match name {
            "index" => self.index = Some(value.to_owned()),
            "collection" => self.collection = Some(value.to_owned()),
            "_id" => self.id = Some(value.to_owned()),
            "requestId" => value.clone_into(&mut self.request_id),
            "verb" => {}
            other => match self.args.get_mut(other) {
                None => drop(self.args.insert(other.to_owned(), value.into())),
                Some(Value::Array(list)) => list.push(value.into()),
                Some(first) => *first = Value::Array(vec![first.take(), value.into()]),
            },
        }
    }
}

/// What actions ask of a request. A query has only texts, so texts that say the same are taken for
/// numbers, flags and lists.
impl Request {
    pub(crate) fn index(&self) -> Result<&str, Fault> {
        required_text(self.index.as_deref(), "index")
    }

    pub(crate) fn collection(&self) -> Result<&str, Fault> {
        required_text(self.collection.as_deref(), "collection")
    }

    pub(crate) fn id(&self) -> Result<&str, Fault> {
        required_text(self.id.as_deref(), "_id")
    }

    /// The body, which must be an object.
    pub(crate) fn object(&self) -> Result<&RawValue, Fault> {
        match self.body.as_deref() {
            Some(body) if body.get().starts_with('{') => Ok(body),
            Some(_) => Err(Fault::wrong_type("body", "object")),
            None => Err(Fault::new(Id::BodyRequired, "the request must have a body")),
        }
    }

    /// What was made of the whole body by adding members of this family's own.
    pub(super) fn body_as_came<'a>(&self, body: &'a RawValue) -> BareValue<'a> {
        if self.has_plain_body {
            BareValue::PlainBody(body)
        } else {
            BareValue::Json(body)
        }
    }

    /// A member of the body, by its text.
    pub(crate) fn member(&self, name: &str) -> Result<&RawValue, Fault> {
        let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(self.object()?.get())
            .map_err(|_| Fault::wrong_type("body", "object"))?;
        let member = members.get(name).filter(|member| member.get() != "null");
        member
            .copied()
            .ok_or_else(|| Fault::missing(&format!("body.{name}")))
    }

    /// The body's members; none if there is no body.
    pub(crate) fn members(&self) -> Result<Map<String, Value>, Fault> {
        match &self.body {
            None => Ok(Map::new()),
            Some(body) => {
                serde_json::from_str(body.get()).map_err(|_| Fault::wrong_type("body", "object"))
            }
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Fault> {
        match self.args.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::wrong_type(name, "string")),
        }
    }

    /// In a query, a name without a value is yes.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.args.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if text.is_empty() || text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            Some(_) => Err(Fault::wrong_type(name, "boolean")),
        }
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, Fault> {
        let number = match self.args.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value
                .as_u64()
                .and_then(|number| usize::try_from(number).ok()),
        };
        number
            .map(Some)
            .ok_or_else(|| Fault::wrong_type(name, "integer"))
    }

    /// A list, or texts joined by commas.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<String>, Fault> {
        read_list(self.args.get(name), name)
    }

    /// `refresh`: anything but `false` waits until the change is searchable.
    pub(crate) fn refreshes(&self) -> bool {
        match self.args.get("refresh") {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(value) => value != "false",
        }
    }
}

pub(super) fn read_list(value: Option<&Value>, name: &str) -> Result<Vec<String>, Fault> {
    let mut texts = Vec::new();
    let split = |text: &str, texts: &mut Vec<String>| {
        texts.extend(
            text.split(',')
                .filter(|one| !one.is_empty())
                .map(str::to_owned),
        )
    };
    match value {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => split(text, &mut texts),
        Some(Value::Array(values)) => {
            for value in values {
                texts.push(match value {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number_text(number),
                    _ => return Err(Fault::wrong_type(name, "array of strings")),
                });
            }
        }
        Some(_) => return Err(Fault::wrong_type(name, "array of strings")),
    }
    Ok(texts)
}

/// A number that stands where a text should, as JavaScript writes it.
pub(super) fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
            format!("{float:.0}")
        }
        _ => number.to_string(),
    }
}

fn required_text<'a>(value: Option<&'a str>, name: &str) -> Result<&'a str, Fault> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Fault::missing(name))
}

/// An object or nothing.
pub(super) fn object_member(raw: Option<Box<RawValue>>, name: &str) -> Result<Option<Raw>, Fault> {
    match raw {
        Some(raw) if raw.get().starts_with('{') => Ok(Some(raw.into())),
        Some(raw) if raw.get() != "null" => Err(Fault::wrong_type(name, "object")),
        Some(_) | None => Ok(None),
    }
}

/// The members of a frame; body and volatile stay text.
struct KuzzleEnvelope {
    args: Map<String, Value>,
    body: Option<Box<RawValue>>,
    has_plain_body: bool,
    volatile: Option<Box<RawValue>>,
}

impl KuzzleEnvelope {
    /// `None`: it is no object.
    fn of(json: &ScannedJson) -> Option<Self> {
        let mut envelope = Self {
            args: Map::new(),
            body: None,
            has_plain_body: false,
            volatile: None,
        };
        for member in json.members()? {
            match &*member.name {
                "body" => {
                    envelope.body = Some(member.text.to_raw());
                    envelope.has_plain_body = member.is_plain;
                }
                "volatile" => envelope.volatile = Some(member.text.to_raw()),
                _ => {
                    let value = serde_json::from_str(member.text.get()).ok()?;
                    envelope.args.insert(member.name.into_owned(), value);
                }
            }
        }
        Some(envelope)
    }
}

#[cfg(test)]
mod tests;
