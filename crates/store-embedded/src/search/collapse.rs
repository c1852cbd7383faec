//! One document for all that have a value in common: the first of them in the search's order.

use super::{
    Context,
    aggregate::value::{AggregatedField, BucketKey, ValueUse},
    bad, clause,
    document::Document,
    run::FoundDocument,
    sort::value::SortValue,
    unsupported,
};
use serde_json::Value;
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
};
use store::{StoreError, cell::join_pointer};

pub struct Collapse {
    pub name: String,
    field: AggregatedField,
}

/// The first document of each group so far; those without a value are one group.
#[derive(Default)]
pub struct CollapsedGroups(BTreeMap<Option<BucketKey>, FoundDocument>);

impl Collapse {
    pub fn read(context: &Context<'_>, value: &Value, at: &str) -> Result<Self, StoreError> {
        let members = clause::expect_object(value, "collapse", at)?;
        const KNOWN: [&str; 2] = ["field", "max_concurrent_group_searches"];
        if let Some(name) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(unsupported(
                format!("collapse.{name}"),
                &join_pointer(at, name),
            ));
        }
        let name = members.get("field").and_then(Value::as_str);
        let name = name.ok_or_else(|| bad("`collapse` lacks `field`", at))?;
        let field = AggregatedField::read(context, name, ValueUse::Any, "collapse", at)?;
        if !field.is_plain() {
            return Err(unsupported("collapse on such a field", at));
        }
        Ok(Self {
            name: name.to_owned(),
            field,
        })
    }

    pub fn name_members(&self, wanted: &mut BTreeSet<String>) {
        self.field.name_members(wanted);
    }

    /// What the document has in common with others.
    pub fn group(&self, document: &Document) -> Result<Option<SortValue>, StoreError> {
        let mut values = Vec::new();
        self.field.values(document, &mut |value| values.push(value));
        if values.len() > 1 {
            let why = format!("a document has several values of `{}`", self.name);
            return Err(bad(why, "/collapse"));
        }
        Ok(values.pop())
    }
}

impl CollapsedGroups {
    pub fn put(
        &mut self,
        group: Option<SortValue>,
        mut one: FoundDocument,
        compare: impl Fn(&FoundDocument, &FoundDocument) -> Ordering,
    ) {
        one.group = group.as_ref().map(SortValue::shown);
        match self.0.entry(group.map(BucketKey)) {
            Entry::Vacant(entry) => {
                entry.insert(one);
            }
            Entry::Occupied(mut entry) => {
                if compare(&one, entry.get()).is_lt() {
                    entry.insert(one);
                }
            }
        }
    }

    pub fn found(self) -> impl Iterator<Item = FoundDocument> {
        self.0.into_values()
    }
}
