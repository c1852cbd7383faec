//! Definitions as files spell them, before anything in them is understood. What a field means is
//! told in `docs/catalog.md`.

use crate::{
    hook::HookFailurePolicy,
    vocabulary::{Envelope, Example, Expect, HttpRoutes, Kind, Order},
};
use event_schema::outcome::RefusalCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One file, or all of them as one.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileDefinition {
    /// The language it is written in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<u32>,
    /// Values that are used in several places, as `{$use: name}`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fragments: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<OperationDefinition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableDefinition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<CollectionDefinition>,
    /// Endpoints that are asked before requests are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookDefinition>,
    /// Spaces of unique values that are kept as keyed hashes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed_values: Vec<String>,
    /// Kinds of keys whose ids are keyed hashes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed_keys: Vec<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationDefinition {
    pub name: String,
    /// Takes the place of the operation of this name that an earlier file declares.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
    pub summary: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpRoutes>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub envelope: Envelope,
    /// Only other operations make such requests, as parts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub internal: bool,
    /// Writes what stands once more: no new revision, and nobody is notified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// JSON Schema.
    pub request: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub raw: Vec<String>,
    /// Fields that are sealed before anything is written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub many: Option<ManyDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<UploadDefinition>,
    /// Hooks that are asked before a request is accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub generate: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub look_up: Map<String, Value>,
    #[serde(default, rename = "let", skip_serializing_if = "Map::is_empty")]
    pub lets: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyDefinition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<GuardDefinition>,
    /// Where it holds, everything is as it should be: applied, and nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub already: Option<Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<ClaimDefinition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<WriteDefinition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    pub examples: Vec<Example>,
}

/// An HTTP endpoint that may refuse a request before it is accepted, or change it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookDefinition {
    pub name: String,
    pub url: String,
    /// Whose requests it is asked about; with `collections`, those that touch one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// `index/collection`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    /// Lower ones are asked first, then by name.
    #[serde(default)]
    pub order: i32,
    #[serde(default = "hook_timeout")]
    pub timeout_ms: u64,
    #[serde(default)]
    pub on_failure: HookFailurePolicy,
    /// May it be told what operations seal?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sees_sealed: bool,
}

fn hook_timeout() -> u64 {
    2_000
}

/// A file of lines that an operation takes.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadDefinition {
    /// The operation that says what a line asks for.
    pub line: String,
    /// Columns by name, with the other names that they may have in a file.
    pub columns: std::collections::BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mandatory: Vec<String>,
    /// Lines of a file, the first included.
    pub lines: u64,
}

/// One request of many documents: each is an event of another operation.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManyDefinition {
    pub of: String,
    /// The member that lists them.
    pub items: String,
    /// The member that an element becomes; without it, elements are objects whose members it gets.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub becomes: Option<String>,
}

/// What is generated, and how often.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GeneratorDefinition {
    pub make: Make,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Make {
    /// A UUID.
    Uuid,
    /// 24 digits.
    Decimal,
    /// Unix milliseconds at which the request was accepted.
    Time,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleDefinition {
    pub that: Value,
    pub rule: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
    pub say: String,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyDefinition {
    /// A kind of key, or a value that is one of `among`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub among: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Vec<Value>>,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuardDefinition {
    pub that: Value,
    #[serde(default = "rule")]
    pub code: RefusalCode,
    /// What programs know this refusal by.
    pub rule: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    pub say: String,
}

/// What the gateway reads before it accepts: the owner of a unique value, a row or a document; for
/// each element of a list, or once.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookUpDefinition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_of: Option<UniqueDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<RowTarget>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentTarget>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
}

/// A value that only one key may have.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UniqueDefinition {
    pub space: String,
    pub value: Value,
}

/// A unique value that the operation's key takes, or lets go.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimDefinition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<UniqueDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<UniqueDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<String>,
}

/// What another operation does to another key, once this one is applied.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartDefinition {
    pub operation: String,
    pub request: Value,
    /// What its operation would look up by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
}

/// What says nothing is not written, so that readers who do not know a field yet only stumble over
/// one that is used.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn rule() -> RefusalCode {
    RefusalCode::Rule
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteDefinition {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentTarget>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<RowTarget>,
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub expect: Expect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upsert: Option<UpsertDefinition>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove_fields: Option<Value>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentTarget {
    pub index: Value,
    pub collection: Value,
    pub id: Value,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowTarget {
    pub table: String,
    pub key: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpsertDefinition {
    pub changes: Value,
    pub default: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Value>,
}

/// One kind of key, or several.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Owners {
    One(String),
    Several(Vec<String>),
}

impl Owners {
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableDefinition {
    pub name: String,
    /// The kind of key that owns its rows (`user`), or several: the row says which, by its key.
    pub owner: Owners,
    pub partition_key: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clustering: Vec<String>,
    /// Column to type: `text`, `list<text>`, `map<text>` …
    pub columns: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<String>,
    /// Columns that are sealed; one of the key is a keyed hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<String>,
    /// No client reads its rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CollectionDefinition {
    pub index: String,
    pub collection: String,
    /// The kind of key that owns its documents (`user`).
    pub owner: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub mappings: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub settings: Value,
    /// Fields that are sealed before anything is written down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<String>,
}
