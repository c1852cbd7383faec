//! A document as a search sees it: only the members that anything looks at are read, the rest is
//! skipped. A dot in a member's name and nesting are the same, and an array stands for each of its
//! values, as in an index.

mod wanted;

use super::field::{Source, Type};
use crate::classify::Failure;
use serde::de::DeserializeSeed as _;
use serde_json::{Map, Value};
use std::{borrow::Borrow, cell::Cell, collections::BTreeSet};
use store::mapping::{
    date::{self, DateFormat, NotAMoment},
    point::{Leniency, Point, read_points},
};
use wanted::Wanted;

#[derive(Debug, Default)]
pub struct Document {
    members: Vec<(String, Value)>,
    /// What was met in it of which is not known here what an index makes of it.
    met_unknown: Cell<Option<&'static str>>,
}

/// The part of a dotted path that names a member of the top.
pub fn first_name(path: &str) -> &str {
    path.split_once('.').map_or(path, |(first, _)| first)
}

impl Document {
    pub fn read<S: Borrow<str> + Ord>(text: &str, wanted: &BTreeSet<S>) -> Result<Self, Failure> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let members = Wanted(wanted).deserialize(&mut reader);
        members
            .map(|members| Self {
                members,
                met_unknown: Cell::new(None),
            })
            .map_err(|error| Failure::Damaged(format!("a document is no JSON object: {error}")))
    }

    /// Do these members hold the same as another document's?
    pub fn has_same(&self, other: &Self, names: &BTreeSet<String>) -> bool {
        let own = |document: &'_ Self| -> Vec<usize> {
            let all = document.members.iter().enumerate();
            let named = all.filter(|(_, (name, _))| names.contains(first_name(name)));
            named.map(|(n, _)| n).collect()
        };
        let (ours, theirs) = (own(self), own(other));
        ours.len() == theirs.len()
            && ours.into_iter().zip(theirs).all(|(n, m)| {
                let ((name, value), (other, like)) = (&self.members[n], &other.members[m]);
                name == other && is_same(value, like)
            })
    }

    /// An object as a document of its own: its members stand where they stood.
    pub fn of_object(path: &str, object: &Value) -> Self {
        Self {
            members: vec![(path.to_owned(), object.clone())],
            met_unknown: Cell::new(None),
        }
    }

    /// Each value at a path; an array there is handed over whole.
    pub fn at(&self, path: &str, visit: &mut dyn FnMut(&Value)) {
        visit_members(
            self.members
                .iter()
                .map(|(name, value)| (name.as_str(), value)),
            path,
            visit,
        );
    }

    /// Each object at a path. What a dotted name puts below the path is an object by itself.
    pub fn objects(&self, path: &str, visit: &mut dyn FnMut(&Value)) {
        let all = self.members.iter();
        visit_parts(all.map(|(name, value)| (name.as_str(), value)), path, visit);
    }

    /// Each value of a member whose dotted name leads below a path.
    fn below(&self, path: &str, visit: &mut dyn FnMut(&Value)) {
        let mut objects: Vec<(&Map<String, Value>, &str)> = Vec::new();
        for (name, value) in &self.members {
            step_member(name, value, path, &mut objects, visit);
        }
        while let Some((object, path)) = objects.pop() {
            for (name, value) in object {
                step_member(name, value, path, &mut objects, visit);
            }
        }
    }

    /// Each value of a field: arrays opened, `null` as what stands for it; the leaves of an object
    /// where the field is made of them.
    pub fn values(&self, source: &Source, visit: &mut dyn FnMut(&Value)) {
        let is_tree = matches!(source.kind, Type::Leaves { .. });
        for (_, path) in source.keyed_copies.iter().filter(|_| is_tree) {
            self.at(path, &mut |value| {
                visit_leaves(value, source.null.as_ref(), visit)
            });
        }
        for path in &source.paths {
            if is_tree {
                self.below(path, &mut |value| {
                    visit_leaves(value, source.null.as_ref(), visit)
                });
            }
            self.at(path, &mut |value| {
                if is_tree {
                    visit_trees(value, source.null.as_ref(), visit);
                } else {
                    let null = source.null.as_ref();
                    let is_short = source.short.contains(path);
                    let is_lenient_date =
                        source.ignore_malformed && matches!(source.kind, Type::Date(_));
                    visit_values(value, null, &mut |value| match null {
                        // An exponent is no digit of a date, and only the text tells.
                        _ if is_lenient_date && value.is_f64() => {
                            let what = "a fraction in a date with `ignore_malformed`";
                            self.met_unknown.set(Some(what));
                        }
                        Some(null) if super::indexed::is_empty(source, value) => visit(null),
                        _ if is_short && value.is_f64() => visit(&rounded_value(value)),
                        _ => visit(value),
                    });
                }
            });
        }
    }

    /// The leaves of a flattened field by their keys, each once.
    pub fn keyed(&self, source: &Source) -> BTreeSet<(String, String)> {
        let mut pairs = BTreeSet::new();
        let mut hold = |key: &str, value: &Value| {
            let value = match (value, &source.null) {
                (Value::Null, Some(null)) => null,
                (value, _) => value,
            };
            if let Some(text) = super::indexed::indexed_keyword(&source.kind, value) {
                pairs.insert((key.to_owned(), text.into_owned()));
            }
        };
        let prefix = format!("{}.", source.root);
        for (name, value) in &self.members {
            each_leaf(name, value, &mut |path, value| {
                if let Some(key) = path.strip_prefix(&prefix) {
                    hold(key, value);
                }
            });
        }
        for (key, path) in &source.keyed_copies {
            self.at(path, &mut |value| each_leaf(key, value, &mut hold));
        }
        pairs
    }

    /// Is there a point that passes the test?
    pub fn any_point(
        &self,
        source: &Source,
        leniency: Leniency,
        mut test: impl FnMut(Point) -> bool,
    ) -> bool {
        let mut found = false;
        let mut test_all = |value: &Value| {
            let points = read_points(value, leniency).unwrap_or_default();
            found = found || points.into_iter().any(&mut test);
        };
        let null = source.null.as_ref();
        let (own, copied) = source.paths.split_at(source.paths.len().min(1));
        for path in own {
            self.at(path, &mut |value| {
                let filled = null.and_then(|null| fill_nulls(value, null));
                test_all(filled.as_ref().unwrap_or(value));
            });
        }
        // An array is copied value by value: two numbers of it are no point.
        for path in copied {
            self.at(path, &mut |value| visit_values(value, null, &mut test_all));
        }
        found
    }

    /// The moment of a value in a date field.
    pub fn millis(&self, formats: &[DateFormat], value: &Value) -> Option<i64> {
        match date::of_document(formats, value) {
            Ok(millis) => Some(millis),
            Err(NotAMoment::Regional(_)) => {
                self.meet_region();
                None
            }
            Err(_) => None,
        }
    }

    pub fn is_date(&self, formats: &[DateFormat], value: &Value) -> bool {
        let read = date::of_document(formats, value);
        matches!(read, Ok(_) | Err(NotAMoment::Regional(_)))
    }

    pub fn meet_region(&self) {
        let what = "a date in the time zone of a region";
        self.met_unknown.set(Some(what));
    }

    /// What a part of the document met, the document has met.
    pub fn meet_what(&self, part: &Self) {
        self.met_unknown
            .set(self.met_unknown.get().or(part.met_unknown.get()));
    }

    /// Was anything met that makes an answer impossible? It is forgotten then.
    pub fn take_unknown(&self) -> bool {
        self.met_unknown.take().is_some()
    }

    /// What makes an answer impossible.
    pub fn met_unknown(&self) -> Option<&'static str> {
        self.met_unknown.get()
    }

    /// Each member of the objects at a path that the names do not list, dots as nesting.
    pub fn has_beyond(&self, path: &str, listed: &BTreeSet<String>) -> bool {
        let is_listed = |name: &str| listed.contains(first_name(name));
        let dotted = self.members.iter().any(|(name, value)| {
            let rest = if path.is_empty() {
                Some(name.as_str())
            } else {
                name.strip_prefix(path)
                    .and_then(|rest| rest.strip_prefix('.'))
            };
            rest.is_some_and(|rest| !is_listed(rest)) && has_value(value)
        });
        let mut found = dotted;
        self.at(path, &mut |value| {
            visit_objects(value, &mut |object| {
                found |= object
                    .iter()
                    .any(|(name, value)| !is_listed(name) && has_value(value));
            });
        });
        found
    }

    /// Is there any value at the path, or in the object there?
    pub fn has(&self, path: &str) -> bool {
        let within = |name: &str| {
            name.strip_prefix(path)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        if self
            .members
            .iter()
            .any(|(name, value)| within(name) && has_value(value))
        {
            return true;
        }
        let mut found = false;
        self.at(path, &mut |value| found |= has_value(value));
        found
    }
}

/// The same to the last bit: -0 is not 0.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            a.as_f64().map(f64::to_bits) == b.as_f64().map(f64::to_bits)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let mut pairs = a.iter().zip(b);
            a.len() == b.len() && pairs.all(|((x, a), (y, b))| x == y && is_same(a, b))
        }
        (a, b) => a == b,
    }
}

fn visit_parts<'v>(
    all: impl Iterator<Item = (&'v str, &'v Value)>,
    path: &str,
    visit: &mut dyn FnMut(&Value),
) {
    for (name, value) in all {
        let below = name
            .strip_prefix(path)
            .and_then(|rest| rest.strip_prefix('.'));
        if let Some(rest) = below {
            visit(&Value::Object(Map::from_iter([(
                rest.to_owned(),
                value.clone(),
            )])));
        } else if name == path {
            each_object(value, &mut |_, whole| visit(whole));
        } else if let Some(rest) = path
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('.'))
        {
            each_object(value, &mut |object, _| {
                visit_parts(member_pairs(object), rest, visit)
            });
        }
    }
}

fn each_object(value: &Value, visit: &mut dyn FnMut(&Map<String, Value>, &Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each_object(item, visit)),
        Value::Object(object) => visit(object, value),
        _ => {}
    }
}

/// One member on the way to a path: below it, before it, or elsewhere.
fn step_member<'v, 'p>(
    name: &str,
    value: &'v Value,
    path: &'p str,
    objects: &mut Vec<(&'v Map<String, Value>, &'p str)>,
    visit: &mut dyn FnMut(&Value),
) {
    let below = name
        .strip_prefix(path)
        .is_some_and(|rest| rest.starts_with('.'));
    if below {
        visit(value);
    } else if let Some(rest) = path
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('.'))
    {
        let mut values = vec![value];
        while let Some(value) = values.pop() {
            match value {
                Value::Object(object) => objects.push((object, rest)),
                Value::Array(items) => values.extend(items),
                _ => {}
            }
        }
    }
}

fn visit_members<'v>(
    all: impl Iterator<Item = (&'v str, &'v Value)>,
    path: &str,
    visit: &mut dyn FnMut(&Value),
) {
    for (name, value) in all {
        match path.strip_prefix(name) {
            Some("") => visit(value),
            Some(rest) if rest.starts_with('.') => descend_value(value, &rest[1..], visit),
            _ => {}
        }
    }
}

fn descend_value(value: &Value, path: &str, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Object(object) => visit_members(member_pairs(object), path, visit),
        Value::Array(items) => items
            .iter()
            .for_each(|item| descend_value(item, path, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn member_pairs(object: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    object.iter().map(|(name, value)| (name.as_str(), value))
}

fn each_leaf(path: &str, value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            each_leaf(&format!("{path}.{name}"), value, visit);
        }),
        Value::Array(items) => items.iter().for_each(|item| each_leaf(path, item, visit)),
        leaf => visit(path, leaf),
    }
}

fn visit_values(value: &Value, null: Option<&Value>, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Null => {
            if let Some(null) = null {
                visit(null);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| visit_values(item, null, visit)),
        other => visit(other),
    }
}

/// A fraction as 32 bits hold it.
fn rounded_value(value: &Value) -> Value {
    let real = value.as_f64().unwrap_or_default();
    f64::from(real as f32).into()
}

/// The value with what stands for `null` in its place.
fn fill_nulls(value: &Value, null: &Value) -> Option<Value> {
    match value {
        Value::Null => Some(null.clone()),
        Value::Array(items) if items.contains(&Value::Null) => {
            let one = |item: &Value| if item.is_null() { null } else { item }.clone();
            Some(items.iter().map(one).collect())
        }
        _ => None,
    }
}

/// What is null instead of an object of leaves is nothing.
fn visit_trees(value: &Value, null: Option<&Value>, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter().for_each(|item| visit_trees(item, null, visit)),
        tree => visit_leaves(tree, null, visit),
    }
}

fn visit_leaves(value: &Value, null: Option<&Value>, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Object(members) => {
            members
                .values()
                .for_each(|value| visit_leaves(value, null, visit));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| visit_leaves(item, null, visit)),
        other => visit_values(other, null, visit),
    }
}

fn visit_objects(value: &Value, visit: &mut dyn FnMut(&Map<String, Value>)) {
    match value {
        Value::Object(members) => visit(members),
        Value::Array(items) => items.iter().for_each(|item| visit_objects(item, visit)),
        _ => {}
    }
}

fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(has_value),
        Value::Object(object) => object.values().any(has_value),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}
