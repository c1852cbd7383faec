//! One operation as its definition says: what a client may send, which key it belongs to, what it
//! writes. It must never do I/O.

use crate::{
    expression::{Expr, Lets, Scope},
    generate::Generator,
    hook::Hook,
    members::Members,
    schema::Schema,
    sealed_marks::SealedMarks,
    upload::Upload,
    vocabulary::{Envelope, Example, Expect, HttpRoutes, Kind, Order},
};
use event_schema::{
    outcome::{Refusal, RefusalCode},
    signing::Keyring,
    table::Table,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// What all operations of one catalog share.
#[derive(Debug, Default)]
pub(crate) struct OperationHome {
    pub version: Arc<str>,
    pub sealed: SealedMarks,
    /// In the order in which they are asked.
    pub hooks: Vec<Arc<Hook>>,
}

/// An operation, compiled.
#[derive(Debug)]
pub struct Operation {
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) kind: Kind,
    pub(crate) order: Order,
    pub(crate) http: Option<HttpRoutes>,
    pub(crate) envelope: Envelope,
    pub(crate) internal: bool,
    pub(crate) silent: bool,
    pub(crate) schema: Schema,
    pub(crate) examples: Vec<Example>,
    pub(crate) refusals: Vec<Example>,
    pub(crate) many: Option<Many>,
    pub(crate) upload: Option<Upload>,
    pub(crate) program: Program,
    pub(crate) home: Arc<OperationHome>,
}

/// One request of many documents.
#[derive(Debug)]
pub(crate) struct Many {
    pub of: Arc<Operation>,
    pub items: String,
    pub becomes: Option<String>,
}

/// What an operation does, its expressions parsed.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// Members of the request that are never parsed when it is accepted.
    pub raw: Vec<String>,
    pub generators: Vec<Generator>,
    pub look_ups: Vec<LookUpStep>,
    pub lets: Vec<Expr>,
    pub rules: Vec<Rule>,
    /// Joined by `/`.
    pub key: Vec<Expr>,
    pub guards: Vec<Guard>,
    pub already: Option<Expr>,
    pub claims: Vec<UniqueClaim>,
    pub writes: Vec<Write>,
    pub parts: Vec<PartOf>,
    pub result: Option<Expr>,
    /// The collections that operations own, with one that writes there.
    pub owned: Arc<BTreeMap<(String, String), String>>,
}

/// Must hold of the request alone.
#[derive(Debug)]
pub(crate) struct Rule {
    pub that: Expr,
    pub rule: String,
    pub at: String,
    pub say: String,
}

/// Must hold of the current state.
#[derive(Debug)]
pub(crate) struct Guard {
    pub that: Expr,
    pub code: RefusalCode,
    pub rule: String,
    pub at: Option<String>,
    pub say: String,
}

/// What the gateway reads, by the name that `$looked` gives it.
#[derive(Debug)]
pub(crate) struct LookUpStep {
    pub name: String,
    pub what: LookUpTarget,
    pub for_each: Option<Expr>,
    pub when: Option<Expr>,
}

#[derive(Debug)]
pub(crate) enum LookUpTarget {
    OwnerOf { space: String, value: Expr },
    Row(Target),
    Document(Target),
}

/// A unique value that is taken, or let go.
#[derive(Debug)]
pub(crate) struct UniqueClaim {
    pub space: String,
    pub value: Expr,
    pub for_each: Option<Expr>,
    pub when: Option<Expr>,
    /// What is said where another key has it; none where it is let go.
    pub refusal: Option<Refusal>,
}

/// What another operation does to another key.
#[derive(Debug)]
pub(crate) struct PartOf {
    pub operation: Arc<Operation>,
    pub request: Expr,
    pub looked: Option<Expr>,
    pub for_each: Option<Expr>,
    pub when: Option<Expr>,
    /// Is it known when the parent is accepted, so that what is wrong with it is told then?
    pub early: bool,
}

#[derive(Debug)]
pub(crate) struct Write {
    /// What `$current` and `$written` call it; the first document is `document` if it has no other
    /// name.
    pub name: Option<String>,
    pub target: Target,
    pub for_each: Option<Expr>,
    pub when: Option<Expr>,
    /// Can `when` be answered before this document or row is read?
    pub when_early: bool,
    /// Which document or row it is hangs on the current state of others.
    pub late: bool,
    /// The kinds of keys that what is written may belong to; none where any may.
    pub owners: Vec<String>,
    /// Does any expression of the operation look at `$current` of it?
    pub is_shown: bool,
    /// Does one of its own look at `$before`?
    pub sees_before: bool,
    pub expect: Expect,
    pub action: Action,
    pub expires: Option<Expr>,
}

#[derive(Debug)]
pub(crate) enum Target {
    Document {
        index: Expr,
        collection: Expr,
        id: Expr,
    },
    Row {
        table: Arc<Table>,
        /// In the table's order.
        key: Vec<(String, Expr)>,
        /// Its key holds an id made for this very request, so nothing can be there yet.
        fresh: bool,
    },
}

impl Target {
    /// The expressions that say which document or row it is.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let (document, row) = match self {
            Self::Document {
                index,
                collection,
                id,
            } => (vec![index, collection, id], [].as_slice()),
            Self::Row { key, .. } => (Vec::new(), key.as_slice()),
        };
        document.into_iter().chain(row.iter().map(|(_, expr)| expr))
    }

    /// As messages name it.
    pub fn name(&self) -> String {
        match self {
            Self::Document {
                index: Expr::Constant(Value::String(index)),
                collection: Expr::Constant(Value::String(collection)),
                ..
            } => format!("{index}/{collection}"),
            Self::Document { .. } => "document".to_owned(),
            Self::Row { table, .. } => table.name.clone(),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Action {
    Put(Expr),
    Merge(Expr),
    Upsert {
        changes: Expr,
        default: Expr,
        /// What a new document is where this is there: as it stands, nothing is merged.
        created: Option<Expr>,
    },
    RemoveFields(Expr),
    Remove,
}

impl Operation {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of its catalog: what events that it accepts must name.
    pub fn catalog_version(&self) -> &Arc<str> {
        &self.home.version
    }

    /// Which values its catalog seals.
    pub fn sealed(&self) -> &SealedMarks {
        &self.home.sealed
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

    pub fn http(&self) -> Option<&HttpRoutes> {
        self.http.as_ref()
    }

    /// Method and path of each route of its own.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.http.iter().flat_map(HttpRoutes::each)
    }

    pub fn envelope(&self) -> Envelope {
        self.envelope
    }

    /// The JSON Schema (2020-12) of the bare request.
    pub fn schema(&self) -> &Value {
        &self.schema.text
    }

    /// Requests that are applied where their documents and rows are there.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Requests that are refused, each by the rule or code that it names.
    pub fn refusals(&self) -> &[Example] {
        &self.refusals
    }

    /// The file that it takes, if it takes one.
    pub fn upload(&self) -> Option<&Upload> {
        self.upload.as_ref()
    }

    /// Do only other operations ask for it?
    pub fn internal(&self) -> bool {
        self.internal
    }

    /// Does one request hold many documents, each its own event with its own verdict?
    pub fn many(&self) -> bool {
        self.many.is_some()
    }

    /// The operation that each event of a many-document request names: for others, their own name.
    pub fn single(&self) -> &str {
        self.single_form().name()
    }

    /// Likewise, the operation itself.
    pub fn single_form(&self) -> &Self {
        self.many.as_ref().map_or(self, |many| &many.of)
    }

    /// Who is asked before a request that may touch these collections is accepted, in that order.
    pub fn hooks<'a>(
        &'a self,
        collections: &'a [(String, String)],
    ) -> impl Iterator<Item = &'a Arc<Hook>> {
        let hooks = self.home.hooks.iter().filter(|_| self.is_asked_for());
        hooks.filter(|hook| hook.is_asked(&self.name, collections))
    }

    /// By clients, in requests of their own.
    pub(crate) fn is_asked_for(&self) -> bool {
        !self.internal && self.upload.is_none()
    }

    /// May a request carry this member?
    pub(crate) fn takes(&self, member: &str) -> bool {
        self.schema
            .text
            .get("properties")
            .is_some_and(|properties| properties.get(member).is_some())
    }
}

/// All that an expression of this operation can see of one request; borrowed by [`Scope`].
pub(crate) struct Sight<'a> {
    pub request: &'a Members<'a>,
    pub generated: &'a Map<String, Value>,
    pub principal: &'a str,
    pub lets: Lets<'a>,
    pub current: BTreeMap<&'a str, Value>,
    pub written: BTreeMap<&'a str, Value>,
    pub secret: Option<&'a Keyring>,
}

impl<'a> Sight<'a> {
    pub fn new(
        program: &'a Program,
        request: &'a Members<'a>,
        generated: &'a Map<String, Value>,
        principal: &'a str,
    ) -> Self {
        Self {
            request,
            generated,
            principal,
            lets: Lets::new(&program.lets),
            current: BTreeMap::new(),
            written: BTreeMap::new(),
            secret: None,
        }
    }

    pub fn scope(&self) -> Scope<'_> {
        Scope {
            request: self.request,
            generated: self.generated,
            principal: self.principal,
            lets: &self.lets,
            current: &self.current,
            written: &self.written,
            item: None,
            outer: None,
            before: None,
            secret: self.secret,
        }
    }
}
