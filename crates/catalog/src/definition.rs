//! Definitions as files spell them, before anything in them is understood. What a field means is told in `docs/catalog.md`.

use crate::operation::{Envelope, Example, HttpRoute, Kind, Order};
use event_schema::outcome::RefusalCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileDefinition {
    #[serde(default)]
    pub operations: Vec<OperationDefinition>,
    #[serde(default)]
    pub tables: Vec<TableDefinition>,
    #[serde(default)]
    pub collections: Vec<CollectionDefinition>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationDefinition {
    pub name: String,
    pub summary: String,
    #[serde(default)]
    pub kind: Option<Kind>,
    #[serde(default)]
    pub order: Option<Order>,
    #[serde(default)]
    pub http: Option<HttpRoute>,
    #[serde(default)]
    pub envelope: Envelope,
    /// JSON Schema.
    pub request: Value,
    #[serde(default)]
    pub raw: Vec<String>,
    #[serde(default)]
    pub many: Option<ManyDefinition>,
    #[serde(default)]
    pub generate: Map<String, Value>,
    #[serde(default, rename = "let")]
    pub lets: Map<String, Value>,
    #[serde(default)]
    pub rules: Vec<RuleDefinition>,
    #[serde(default)]
    pub key: Option<KeyDefinition>,
    #[serde(default)]
    pub guards: Vec<GuardDefinition>,
    #[serde(default)]
    pub write: Vec<WriteDefinition>,
    #[serde(default)]
    pub result: Option<Value>,
    pub examples: Vec<Example>,
}

/// One request of many documents: each is an event of another operation.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManyDefinition {
    pub of: String,
    /// The member that lists them.
    pub items: String,
    /// The member that an element becomes; without it, elements are objects whose members it gets.
    #[serde(default, rename = "as")]
    pub becomes: Option<String>,
}

/// What is generated, and how often.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GeneratorDefinition {
    pub make: Make,
    #[serde(default)]
    pub each: Option<Value>,
    #[serde(default)]
    pub unless: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Make {
    /// A UUID.
    Uuid,
    /// 24 digits.
    Decimal,
    /// Unix milliseconds at which the request was accepted.
    Time,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleDefinition {
    pub that: Value,
    pub rule: String,
    #[serde(default)]
    pub at: String,
    pub say: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyDefinition {
    #[serde(default)]
    pub of: Option<String>,
    #[serde(default)]
    pub id: Option<Value>,
    #[serde(default)]
    pub path: Option<Vec<Value>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuardDefinition {
    pub that: Value,
    #[serde(default = "rule")]
    pub code: RefusalCode,
    #[serde(default)]
    pub at: Option<String>,
    pub say: String,
}

fn rule() -> RefusalCode {
    RefusalCode::Rule
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteDefinition {
    #[serde(default)]
    pub document: Option<DocumentTarget>,
    #[serde(default)]
    pub row: Option<RowTarget>,
    #[serde(default, rename = "as")]
    pub name: Option<String>,
    #[serde(default)]
    pub for_each: Option<Value>,
    #[serde(default)]
    pub when: Option<Value>,
    #[serde(default)]
    pub expect: Expect,
    #[serde(default)]
    pub put: Option<Value>,
    #[serde(default)]
    pub merge: Option<Value>,
    #[serde(default)]
    pub upsert: Option<UpsertDefinition>,
    #[serde(default)]
    pub remove_fields: Option<Value>,
    #[serde(default)]
    pub remove: bool,
    #[serde(default)]
    pub expires: Option<Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentTarget {
    pub index: Value,
    pub collection: Value,
    pub id: Value,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowTarget {
    pub table: String,
    pub key: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpsertDefinition {
    pub changes: Value,
    pub default: Value,
}

/// What must be there before a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expect {
    #[default]
    Any,
    Absent,
    Present,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableDefinition {
    pub name: String,
    /// The kind of key that owns its rows (`user`).
    pub owner: String,
    pub partition_key: Vec<String>,
    #[serde(default)]
    pub clustering: Vec<String>,
    /// Column to type: `text`, `list<text>`, `map<text>` …
    pub columns: Map<String, Value>,
    #[serde(default)]
    pub indexes: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectionDefinition {
    pub index: String,
    pub collection: String,
    /// The kind of key that owns its documents (`user`).
    pub owner: String,
    #[serde(default)]
    pub mappings: Value,
    #[serde(default)]
    pub settings: Value,
}
