//! A document to be tested, borrowed and never copied: fields by dotted path, as if all its objects
//! had been flattened. Must never recurse deeper than the document may be nested, nor look inside
//! arrays.

use std::cell::OnceCell;

use serde_json::{Map, Value};

use crate::field::FieldPath;

/// Objects nested deeper than this are seen as values, but their own keys are not fields.
pub const MAX_NESTING: usize = 128;

/// What a filter is tested against.
///
/// A field `a.b` is what the document holds under `a`, then `b`, or under the literal key `a.b`;
/// when both are there, the one that comes later in the document wins. Objects are fields
/// themselves (`exists: "a"`), and so are arrays, but what lies inside an array is not.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    root: DocumentRoot<'a>,
    /// Whether some key contains a dot, so that a path may be spelled in several ways; found out
    /// when it is first asked for a path.
    dotted: OnceCell<bool>,
}

#[derive(Debug, Clone, Copy)]
enum DocumentRoot<'a> {
    Object(&'a Map<String, Value>),
    /// The document `{"value": …}` that `select` tests its query on.
    Element(&'a Value),
    /// Any JSON value that is no object: a document without fields.
    Nothing,
}

/// The one field of what `select` tests.
const ELEMENT: &str = "value";

impl<'a> Document<'a> {
    pub fn new(value: &'a Value) -> Document<'a> {
        let root = match value {
            Value::Object(object) => DocumentRoot::Object(object),
            _ => DocumentRoot::Nothing,
        };
        Document {
            root,
            dotted: OnceCell::new(),
        }
    }

    /// The document `{"value": element}`.
    pub fn of_element(element: &'a Value) -> Document<'a> {
        Document {
            root: DocumentRoot::Element(element),
            dotted: OnceCell::new(),
        }
    }

    /// What the document holds at the path.
    pub fn get(&self, field: &FieldPath) -> Option<&'a Value> {
        self.at(field.as_str())
    }

    /// Likewise of a path as text.
    pub fn at(&self, path: &str) -> Option<&'a Value> {
        match self.root {
            DocumentRoot::Object(object) if self.may_repeat() => {
                last_spelling(object, path, MAX_NESTING)
            }
            DocumentRoot::Object(object) => plain_lookup(object, path),
            DocumentRoot::Element(element) if path == ELEMENT => Some(element),
            DocumentRoot::Element(Value::Object(object)) => {
                let rest = path.strip_prefix(ELEMENT)?.strip_prefix('.')?;
                if self.may_repeat() {
                    last_spelling(object, rest, MAX_NESTING - 1)
                } else {
                    plain_lookup(object, rest)
                }
            }
            DocumentRoot::Element(_) | DocumentRoot::Nothing => None,
        }
    }

    /// Calls `visit` with every key of the document itself; a dot in one is like nesting.
    pub fn each_key(&self, visit: &mut dyn FnMut(&str, &'a Value)) {
        match self.root {
            DocumentRoot::Object(object) => {
                object.iter().for_each(|(key, value)| visit(key, value))
            }
            DocumentRoot::Element(element) => visit(ELEMENT, element),
            DocumentRoot::Nothing => {}
        }
    }

    /// Calls `visit` with every field and its value, in document order, objects before what they
    /// hold. When a path comes twice (a literal dotted key), the later value is the one that
    /// counts; see [`Document::may_repeat`].
    pub fn each_field(&self, visit: &mut dyn FnMut(&str, &'a Value)) {
        let mut path = String::with_capacity(64);
        match self.root {
            DocumentRoot::Object(object) => walk_fields(object, &mut path, MAX_NESTING, visit),
            DocumentRoot::Element(element) => {
                visit(ELEMENT, element);
                if let Value::Object(object) = element {
                    path.push_str(ELEMENT);
                    path.push('.');
                    walk_fields(object, &mut path, MAX_NESTING - 1, visit);
                }
            }
            DocumentRoot::Nothing => {}
        }
    }

    /// Whether [`Document::each_field`] may visit a path more than once.
    pub fn may_repeat(&self) -> bool {
        *self.dotted.get_or_init(|| match self.root {
            DocumentRoot::Object(object) | DocumentRoot::Element(Value::Object(object)) => {
                any_dotted_key(object)
            }
            DocumentRoot::Element(_) | DocumentRoot::Nothing => false,
        })
    }

    /// The object that the document is; nothing for what `select` tests.
    pub(crate) fn object(&self) -> Option<&'a Map<String, Value>> {
        match self.root {
            DocumentRoot::Object(object) => Some(object),
            DocumentRoot::Element(_) | DocumentRoot::Nothing => None,
        }
    }
}

/// `path` is where `object` lies, a dot at its end unless it is the root.
fn walk_fields<'a>(
    object: &'a Map<String, Value>,
    path: &mut String,
    nesting: usize,
    visit: &mut dyn FnMut(&str, &'a Value),
) {
    let start = path.len();
    for (key, value) in object {
        path.push_str(key);
        visit(path, value);
        if let (Value::Object(inner), 2..) = (value, nesting) {
            path.push('.');
            walk_fields(inner, path, nesting - 1, visit);
        }
        path.truncate(start);
    }
}

/// One key per step: right when no key contains a dot.
fn plain_lookup<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut object = object;
    let mut rest = path;
    for _ in 0..MAX_NESTING {
        match rest.split_once('.') {
            None => return object.get(rest),
            Some((key, after)) => {
                object = object.get(key)?.as_object()?;
                rest = after;
            }
        }
    }
    None
}

/// The value of the last field, in document order, whose keys joined by dots give the path. Each
/// object is visited at most once, because its own path fixes how much of the wanted one it uses
/// up.
fn last_spelling<'a>(
    object: &'a Map<String, Value>,
    path: &str,
    nesting: usize,
) -> Option<&'a Value> {
    let mut found = None;
    for (key, value) in object {
        match path.strip_prefix(key.as_str()) {
            Some("") => found = Some(value),
            Some(after) => {
                if let (Some(rest), Value::Object(inner), 2..) =
                    (after.strip_prefix('.'), value, nesting)
                {
                    found = last_spelling(inner, rest, nesting - 1).or(found);
                }
            }
            None => {}
        }
    }
    found
}

fn any_dotted_key(object: &Map<String, Value>) -> bool {
    let mut pending: Vec<(&Map<String, Value>, usize)> = Vec::new();
    let mut next = Some((object, MAX_NESTING));
    while let Some((object, nesting)) = next {
        for (key, value) in object {
            if key.contains('.') {
                return true;
            }
            if let (Value::Object(inner), 2..) = (value, nesting) {
                pending.push((inner, nesting - 1));
            }
        }
        next = pending.pop();
    }
    false
}

#[cfg(test)]
mod tests;
