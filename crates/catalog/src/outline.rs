//! What an operation is about, in names: for lists and documentation.

use crate::{
    Kind, Operation, Order,
    expression::{Expr, Reference, Root},
    operation::Target,
    vocabulary::HttpRoutes,
};
use serde::Serialize;
use serde_json::Value;

/// One operation of the catalog, as lists show it.
#[derive(Clone, Debug, Serialize)]
pub struct OperationOutline<'a> {
    pub name: &'a str,
    pub summary: &'a str,
    pub kind: Kind,
    pub order: Order,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<&'a HttpRoutes>,
    /// Whose order it keeps: `user/…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Collections that it writes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<String>,
    /// Tables that it writes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<&'a str>,
    /// Operations that it asks for under other keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<&'a str>,
    /// Unique values that it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<&'a str>,
    /// Hooks that are asked before a request is accepted, in that order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// What its guards and claims refuse.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refuses: Vec<&'a str>,
}

impl Operation {
    /// What it is about, in names, each once.
    pub fn outline(&self) -> OperationOutline<'_> {
        let program = self
            .many
            .as_ref()
            .map_or(&self.program, |many| &many.of.program);
        let mut outline = OperationOutline {
            name: &self.name,
            summary: &self.summary,
            kind: self.kind,
            order: self.order,
            http: self.http.as_ref(),
            key: (!program.key.is_empty()).then(|| key_outline(&program.key)),
            documents: Vec::new(),
            tables: Vec::new(),
            parts: Vec::new(),
            claims: Vec::new(),
            before: shown_hooks(self),
            refuses: Vec::new(),
        };
        for write in &program.writes {
            match &write.target {
                Target::Document { .. } => add_once(&mut outline.documents, write.target.name()),
                Target::Row { table, .. } => add_once(&mut outline.tables, &*table.name),
            }
        }
        for part in &program.parts {
            add_once(&mut outline.parts, part.operation.name());
        }
        let rules = program.rules.iter().map(|rule| &*rule.rule);
        let guards = program.guards.iter().map(|guard| &*guard.rule);
        for rule in rules.chain(guards) {
            add_once(&mut outline.refuses, rule);
        }
        for claim in &program.claims {
            if let Some(refusal) = &claim.refusal {
                add_once(&mut outline.claims, &*claim.space);
                if let Some(rule) = &refusal.rule {
                    add_once(&mut outline.refuses, &**rule);
                }
            }
        }
        outline
    }
}

/// Hooks that may be asked, in that order.
fn shown_hooks(operation: &Operation) -> Vec<String> {
    let single = operation.single_form();
    let fixed = single.fixed_collections();
    // What operations own is closed to those that may write anywhere.
    let may_write = |pair: &(String, String)| !single.program.owned.contains_key(pair);
    let hooks = operation.home.hooks.iter();
    hooks
        .filter(|_| operation.is_asked_for())
        .filter_map(|hook| hook.shown_for(single.name(), fixed.as_deref(), may_write))
        .collect()
}

fn add_once<T: PartialEq>(list: &mut Vec<T>, one: T) {
    if !list.contains(&one) {
        list.push(one);
    }
}

/// `user/<userId>`: constants as they are, anything else by the last name in it.
fn key_outline(parts: &[Expr]) -> String {
    let part = |part: &Expr| match part {
        Expr::Constant(Value::String(text)) => text.clone(),
        Expr::Reference(Reference {
            root: Root::Request | Root::Generated,
            path,
        }) => format!("<{}>", path.last().map_or("request", String::as_str)),
        _ => "<id>".to_owned(),
    };
    parts.iter().map(part).collect::<Vec<_>>().join("/")
}
