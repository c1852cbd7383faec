//! Words of the language that mean the same in a definition as files spell it and in a compiled
//! operation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Does it change stores, or only tell?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    Transaction,
    Informative,
}

impl Kind {
    /// Does a worker come to a verdict on its events? What only tells is done when it is told.
    pub fn has_verdict(self) -> bool {
        self == Self::Transaction
    }
}

/// Must events of one key be applied in the order they were accepted, even behind one that is
/// stuck?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    #[default]
    Strict,
    Relaxed,
}

/// What the operation's own HTTP route takes and gives. `accept` always takes the bare request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    #[default]
    Bare,
    Sunbird,
}

/// Routes of its own, beside `/v1/operations/{operation}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRoutes {
    /// In capitals.
    pub method: String,
    pub path: String,
    /// Others that mean the same: request, rights and answer are those of the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<HttpRoute>,
}

impl HttpRoutes {
    /// Method and path of each, its first one first.
    pub fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        let first = (self.method.as_str(), self.path.as_str());
        let also = self.also.iter();
        std::iter::once(first).chain(also.map(|route| (&*route.method, &*route.path)))
    }
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpRoute {
    /// In capitals.
    pub method: String,
    pub path: String,
}

/// A request that shows how the operation is used, or what it refuses; tested.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Example {
    pub title: String,
    pub request: Value,
    /// Who asks; anonymous where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// What the gateway looks up for it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub looked: Map<String, Value>,
    /// Documents that are there: collection → id → body.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub documents: Map<String, Value>,
    /// Rows that are there: table → list of rows, key columns among the cells.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub rows: Map<String, Value>,
    /// The rule or code by which it is refused; without it, it is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What must be there before a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expect {
    #[default]
    Any,
    Absent,
    Present,
}
