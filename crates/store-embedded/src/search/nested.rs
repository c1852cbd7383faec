//! Nested objects: each is a document of its own, which a query of its own is asked of. Outside of
//! such a query nothing of them is found.

use super::{
    Context, bad, clause,
    document::Document,
    query::{self, Query},
    unsupported,
};
use serde_json::Value;
use std::collections::BTreeSet;
use store::{
    StoreError,
    cell::join_pointer,
    mapping::{Found, Kind},
};

/// What the document counts whose objects are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScoreMode {
    Average,
    Sum,
    Greatest,
    Least,
    Nothing,
}

/// A query of the objects at a path.
#[derive(Debug)]
pub struct NestedQuery {
    path: String,
    query: Box<Query>,
    mode: ScoreMode,
}

pub fn read_nested(context: &Context<'_>, body: &Value, at: &str) -> Result<Query, StoreError> {
    let members = clause::expect_object(body, "nested", at)?;
    let (mut mode, mut is_lenient) = (ScoreMode::Average, false);
    for (name, value) in members {
        let here = join_pointer(at, name);
        match (name.as_str(), value.as_str()) {
            ("path" | "query" | "boost", _) => {}
            ("ignore_unmapped", _) => is_lenient = value == &Value::Bool(true),
            ("score_mode", Some("avg")) => mode = ScoreMode::Average,
            ("score_mode", Some("sum")) => mode = ScoreMode::Sum,
            ("score_mode", Some("max")) => mode = ScoreMode::Greatest,
            ("score_mode", Some("min")) => mode = ScoreMode::Least,
            ("score_mode", Some("none")) => mode = ScoreMode::Nothing,
            ("score_mode", _) => return Err(bad("no such score_mode", &here)),
            _ => return Err(unsupported(format!("nested.{name}"), &here)),
        }
    }
    let path = members.get("path").and_then(Value::as_str);
    let path = path.ok_or_else(|| bad("`nested` lacks `path`", at))?;
    let query = members.get("query");
    let query = query.ok_or_else(|| bad("`nested` lacks `query`", at))?;
    let inner = match context.mapping.find_within(path, path) {
        Found::Field(field) => match &field.kind {
            Kind::Nested(inner) => Some((field, inner)),
            _ => None,
        },
        _ => None,
    };
    let Some((field, inner)) = inner else {
        if is_lenient {
            return unmapped_nested(context, query, &join_pointer(at, "query"));
        }
        let why = format!("`{path}` is no nested object");
        return Err(bad(why, &join_pointer(at, "path")));
    };
    if let Some(special) = &field.special {
        let what = format!("nested objects with `{special}`");
        return Err(unsupported(what, &join_pointer(at, "path")));
    }
    let around = context.nested.as_deref();
    if around.is_some_and(|around| !path.starts_with(&format!("{around}."))) {
        let what = "nested objects within others that are not around them";
        return Err(unsupported(what, &join_pointer(at, "path")));
    }
    let within = Context {
        nested: Some(path.to_owned()),
        ..*context
    };
    let query = query::read_query(&within, query, &join_pointer(at, "query"))?;
    if !inner.enabled {
        return Ok(Query::any(Vec::new()));
    }
    Ok(Query::Nested(NestedQuery {
        path: path.to_owned(),
        query: Box::new(query),
        mode,
    }))
}

/// Nothing is found where no such objects are mapped. What an index makes of a query that cannot be
/// read depends on the documents that it holds.
fn unmapped_nested(context: &Context<'_>, query: &Value, at: &str) -> Result<Query, StoreError> {
    match query::read_query(context, query, at) {
        Err(StoreError::BadSearch { .. }) => {
            let what = "a malformed query of nested objects that are not mapped";
            Err(unsupported(what, at))
        }
        _ => Ok(Query::any(Vec::new())),
    }
}

impl NestedQuery {
    /// Each object, as a document.
    fn each(&self, document: &Document, mut visit: impl FnMut(&Document)) {
        document.objects(&self.path, &mut |object| {
            let inner = Document::of_object(&self.path, object);
            visit(&inner);
            document.meet_what(&inner);
        });
    }

    pub fn matches(&self, id: &str, document: &Document) -> bool {
        let mut found = false;
        self.each(document, |object| {
            found = found || self.query.matches(id, object);
        });
        found
    }

    pub fn is_scored(&self) -> bool {
        self.mode != ScoreMode::Nothing && self.query.is_scored()
    }

    pub fn needs_terms(&self) -> bool {
        self.query.needs_terms()
    }

    pub fn learn(&self, document: &Document) {
        self.each(document, |object| self.query.learn(object));
    }

    pub fn score(&self, id: &str, document: &Document) -> Result<f32, StoreError> {
        let (mut scores, mut refused) = (Vec::new(), None);
        self.each(document, |object| {
            if self.query.matches(id, object) {
                match self.query.score(id, object) {
                    Ok(score) => scores.push(score),
                    Err(error) => refused = Some(error),
                }
            }
        });
        if let Some(error) = refused {
            return Err(error);
        }
        let sum: f64 = scores.iter().copied().map(f64::from).sum();
        Ok(match self.mode {
            ScoreMode::Average => (sum / scores.len().max(1) as f64) as f32,
            ScoreMode::Sum => sum as f32,
            ScoreMode::Greatest => scores.into_iter().fold(0.0, f32::max),
            ScoreMode::Least => scores.into_iter().reduce(f32::min).unwrap_or(0.0),
            ScoreMode::Nothing => 0.0,
        })
    }

    pub fn name_members(&self, wanted: &mut BTreeSet<String>) {
        wanted.insert(super::document::first_name(&self.path).to_owned());
    }
}
