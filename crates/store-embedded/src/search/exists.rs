//! Is a field there? An object is there where any of the fields is that an index keeps of it: what
//! its mapping names, and what documents may add to it.

use super::{
    Context, bad, clause,
    document::Document,
    field::{Source, resolve_in},
    indexed, leaf, unsupported,
};
use serde_json::Value;
use std::collections::BTreeSet;
use store::{
    StoreError,
    cell::join_pointer,
    mapping::{Dynamic, Fields, Found, Kind},
};

#[derive(Debug, Default)]
pub struct Exists {
    sources: Vec<Source>,
    /// Objects that take more members than those listed.
    open: Vec<(String, BTreeSet<String>)>,
}

impl Exists {
    pub fn read(context: &Context<'_>, body: &Value, at: &str) -> Result<Self, StoreError> {
        let members = clause::expect_object(body, "exists", at)?;
        if let Some(name) = members
            .keys()
            .find(|name| !["field", "boost"].contains(&name.as_str()))
        {
            return Err(unsupported(
                format!("exists.{name}"),
                &join_pointer(at, name),
            ));
        }
        let field = members
            .get("field")
            .and_then(Value::as_str)
            .ok_or_else(|| bad("`exists` expects a field", at))?;
        Self::of(context, field, "exists", at)
    }

    pub fn of(
        context: &Context<'_>,
        field: &str,
        clause: &str,
        at: &str,
    ) -> Result<Self, StoreError> {
        let mut exists = Self::default();
        let around = context.mapping.nested_around(field);
        let around = around.last().map(|(path, _)| path.as_str());
        let asked = context.nested.as_deref();
        match context.mapping.find_within(field, field) {
            Found::Field(found) => match &found.kind {
                Kind::Nested(fields) if asked == Some(field) => {
                    let dynamic = inherited_dynamic(context, field);
                    exists.object(context, fields, dynamic, field, at)?;
                }
                // Nothing is looked into there.
                Kind::Object(_) if context.mapping.is_disabled(field) => {}
                Kind::Object(fields) if around == asked => {
                    let dynamic = inherited_dynamic(context, field);
                    exists.object(context, fields, dynamic, field, at)?;
                }
                Kind::Nested(_) if found.special.is_some() => {
                    return Err(unsupported("exists on nested objects in others", at));
                }
                Kind::Object(_) | Kind::Nested(_) => {}
                _ => exists.sources = resolve_in(context, field, clause, at)?,
            },
            _ => exists.sources = resolve_in(context, field, clause, at)?,
        }
        Ok(exists)
    }

    fn object(
        &mut self,
        context: &Context<'_>,
        fields: &Fields,
        dynamic: Dynamic,
        path: &str,
        at: &str,
    ) -> Result<(), StoreError> {
        if !fields.enabled {
            return Ok(());
        }
        let dynamic = fields.dynamic.unwrap_or(dynamic);
        for (name, field) in &fields.properties {
            let path = format!("{path}.{name}");
            match &field.kind {
                Kind::Object(inner) => self.object(context, inner, dynamic, &path, at)?,
                Kind::Nested(_) if field.special.is_some() => {
                    return Err(unsupported("exists on nested objects in others", at));
                }
                Kind::Nested(_) => {}
                _ => {
                    let sources = resolve_in(context, &path, "exists", at)?;
                    self.sources.extend(sources);
                    for sub in field.fields.keys() {
                        let path = format!("{path}.{sub}");
                        self.sources
                            .extend(resolve_in(context, &path, "exists", at)?);
                    }
                }
            }
        }
        match dynamic {
            Dynamic::True => {
                let listed = fields.properties.keys().cloned().collect();
                self.open.push((path.to_owned(), listed));
                Ok(())
            }
            Dynamic::Runtime => Err(unsupported("exists on a runtime field", at)),
            Dynamic::False | Dynamic::Strict => Ok(()),
        }
    }

    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    /// Are there objects in which a document may have any member?
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    pub fn matches(&self, document: &Document) -> bool {
        self.sources
            .iter()
            .any(|source| indexed::field_exists(source, document))
            || self
                .open
                .iter()
                .any(|(path, listed)| document.has_beyond(path, listed))
    }

    pub fn name_members(&self, wanted: &mut BTreeSet<String>) {
        leaf::name_members(self.sources.iter(), wanted);
        let paths = self.open.iter().map(|(path, _)| path);
        wanted.extend(paths.map(|path| super::document::first_name(path).to_owned()));
    }
}

/// What becomes of new members of the objects around a path.
fn inherited_dynamic(context: &Context<'_>, path: &str) -> Dynamic {
    let mut fields = &context.mapping.root;
    let mut dynamic = fields.dynamic.unwrap_or(Dynamic::True);
    for name in path.split('.') {
        let Some(Kind::Object(inner) | Kind::Nested(inner)) =
            fields.properties.get(name).map(|field| &field.kind)
        else {
            break;
        };
        dynamic = inner.dynamic.unwrap_or(dynamic);
        fields = inner;
    }
    dynamic
}
