//! One operation as its definition says: what a client may send, which key it belongs to, what it writes. It must never do I/O.

use crate::{AcceptedRequest, Current, Invalid, Needs, Plan, PlanError, Seed};
use event_schema::envelope::Transaction;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Does it change stores, or only tell?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Transaction,
    Informative,
}

/// Must events of one key be applied in the order they were accepted, even behind one that is stuck?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    Strict,
    Relaxed,
}

/// What the operation's own HTTP route takes and gives. `accept` always takes the bare request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    #[default]
    Bare,
    Sunbird,
}

/// A route of its own, beside `/v1/operations/{operation}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRoute {
    /// In capitals.
    pub method: String,
    pub path: String,
}

/// A request that shows how the operation is used; tested.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    pub title: String,
    pub request: Value,
}

/// An operation, compiled.
#[derive(Debug)]
pub struct Operation {
    name: String,
    summary: String,
    kind: Kind,
    order: Order,
    http: Option<HttpRoute>,
    envelope: Envelope,
    schema: Value,
    examples: Vec<Example>,
    many: bool,
}

impl Operation {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn summary(&self) -> &str {
        &self.summary
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn order(&self) -> Order {
        self.order
    }

    pub fn http(&self) -> Option<&HttpRoute> {
        self.http.as_ref()
    }

    pub fn envelope(&self) -> Envelope {
        self.envelope
    }

    /// The JSON Schema (2020-12) of the bare request.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Does one request hold many documents, each its own event with its own verdict?
    pub fn many(&self) -> bool {
        self.many
    }

    /// Validates the bare request and makes what its event carries.
    pub fn accept(&self, _request: &[u8], _seed: &Seed) -> Result<AcceptedRequest, Invalid> {
        Err(Invalid(Vec::new()))
    }

    /// What must be read before `plan`.
    pub fn needs(&self, event: &Transaction) -> Result<Needs, PlanError> {
        Err(PlanError::UnknownOperation(event.attributes.operation.clone()))
    }

    /// Verdict and mutations. Pure.
    pub fn plan(&self, event: &Transaction, _current: &dyn Current) -> Result<Plan, PlanError> {
        Err(PlanError::UnknownOperation(event.attributes.operation.clone()))
    }
}
