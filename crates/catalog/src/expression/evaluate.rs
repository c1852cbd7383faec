//! Computes expressions over a request, its generated values and the current state. Pure. A value
//! may be absent, which is not null: what is absent is left out of objects and lists, and most
//! functions of an absent value are absent.

use super::{Each, Expr, Reference, Root};
use crate::members::Members;
use event_schema::signing::Keyring;
use serde_json::{Map, Value};
use std::{borrow::Cow, cell::OnceCell, collections::BTreeMap};

/// A definition met a value it cannot work with: its schema lets through what its expressions do
/// not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct EvalError(pub String);

impl From<serde_json::Error> for EvalError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// Under this name an event keeps what was looked up, beside what was generated.
pub(crate) const LOOKED: &str = "looked";

/// An operation's `let`s, each computed at most once per request.
#[derive(Debug)]
pub(crate) struct Lets<'a> {
    exprs: &'a [Expr],
    values: Vec<OnceCell<Option<Value>>>,
}

impl<'a> Lets<'a> {
    pub fn new(exprs: &'a [Expr]) -> Self {
        Self {
            exprs,
            values: exprs.iter().map(|_| OnceCell::new()).collect(),
        }
    }
}

/// All that references can lead to.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub request: &'a Members<'a>,
    pub generated: &'a Map<String, Value>,
    pub principal: &'a str,
    pub lets: &'a Lets<'a>,
    /// By the name of the write.
    pub current: &'a BTreeMap<&'a str, Value>,
    pub written: &'a BTreeMap<&'a str, Value>,
    pub item: Option<(&'a Value, usize)>,
    pub outer: Option<&'a Value>,
    /// The document or row at hand.
    pub before: Option<&'a Value>,
    /// Held by whoever plans, by no one who accepts.
    pub secret: Option<&'a Keyring>,
}

impl<'a> Scope<'a> {
    /// The value, or `None` if it is absent.
    pub fn value(&self, expr: &'a Expr) -> Result<Option<Value>, EvalError> {
        Ok(self.find(expr)?.map(Cow::into_owned))
    }

    /// The value, borrowed where it stands somewhere already.
    pub fn find(&self, expr: &'a Expr) -> Result<Option<Cow<'a, Value>>, EvalError> {
        match expr {
            Expr::Constant(value) => Ok(Some(Cow::Borrowed(value))),
            Expr::Reference(reference) => self.look_up(reference),
            Expr::Object(fields) => Ok(Some(Cow::Owned(Value::Object(self.fields(fields)?)))),
            Expr::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.extend(self.value(item)?);
                }
                Ok(Some(Cow::Owned(Value::Array(list))))
            }
            Expr::Call(function, arguments) => function.call(self, arguments),
            Expr::Each(each, pair) => Ok(self.each(*each, pair)?.map(Cow::Owned)),
        }
    }

    fn each(&self, each: Each, pair: &'a (Expr, Expr)) -> Result<Option<Value>, EvalError> {
        let Some(list) = self.list(&pair.0)? else {
            return Ok(match each {
                Each::Map | Each::Filter | Each::Find | Each::ToObject => None,
                Each::Some => Some(false.into()),
                Each::Every => Some(true.into()),
            });
        };
        let inside = |item, n| Scope {
            item: Some((item, n)),
            outer: self.item.map(|(item, _)| item),
            ..*self
        };
        let mut made = Vec::with_capacity(list.len());
        let mut object = Map::new();
        for (n, item) in list.iter().enumerate() {
            let scope = inside(item, n);
            match each {
                Each::Map => made.extend(scope.value(&pair.1)?),
                Each::ToObject => {
                    if let (Value::String(name), Some(value)) = (item, scope.value(&pair.1)?) {
                        object.insert(name.clone(), value);
                    }
                }
                Each::Filter => {
                    if scope.holds(&pair.1)? {
                        made.push(item.clone());
                    }
                }
                Each::Find | Each::Some | Each::Every => {
                    let holds = scope.holds(&pair.1)?;
                    match each {
                        Each::Find if holds => return Ok(Some(item.clone())),
                        Each::Some if holds => return Ok(Some(true.into())),
                        Each::Every if !holds => return Ok(Some(false.into())),
                        _ => {}
                    }
                }
            }
        }
        Ok(match each {
            Each::Map | Each::Filter => Some(made.into()),
            Each::Find => None,
            Each::Some => Some(false.into()),
            Each::Every => Some(true.into()),
            Each::ToObject => Some(object.into()),
        })
    }

    /// An object of those fields that are not absent.
    pub fn fields(&self, fields: &'a [(String, Expr)]) -> Result<Map<String, Value>, EvalError> {
        let mut object = Map::with_capacity(fields.len());
        for (name, expr) in fields {
            if let Some(value) = self.value(expr)? {
                object.insert(name.clone(), value);
            }
        }
        Ok(object)
    }

    /// A text; absent and null are `None`, any other type is an error.
    pub fn text(&self, expr: &'a Expr) -> Result<Option<Cow<'a, str>>, EvalError> {
        match self.find(expr)? {
            None | Some(Cow::Borrowed(Value::Null)) | Some(Cow::Owned(Value::Null)) => Ok(None),
            Some(Cow::Borrowed(Value::String(text))) => Ok(Some(Cow::Borrowed(text))),
            Some(Cow::Owned(Value::String(text))) => Ok(Some(Cow::Owned(text))),
            Some(other) => Err(EvalError(format!(
                "expected a text, found {}",
                kind_of(&other)
            ))),
        }
    }

    /// A list; absent and null are `None`, any other type is an error.
    pub fn list(&self, expr: &'a Expr) -> Result<Option<Cow<'a, [Value]>>, EvalError> {
        match self.find(expr)? {
            None | Some(Cow::Borrowed(Value::Null)) | Some(Cow::Owned(Value::Null)) => Ok(None),
            Some(Cow::Borrowed(Value::Array(list))) => Ok(Some(Cow::Borrowed(list))),
            Some(Cow::Owned(Value::Array(list))) => Ok(Some(Cow::Owned(list))),
            Some(other) => Err(EvalError(format!(
                "expected a list, found {}",
                kind_of(&other)
            ))),
        }
    }

    /// Does the condition hold? Absent is no.
    pub fn holds(&self, condition: &'a Expr) -> Result<bool, EvalError> {
        match self.find(condition)?.as_deref() {
            None => Ok(false),
            Some(Value::Bool(holds)) => Ok(*holds),
            Some(other) => Err(EvalError(format!(
                "expected true or false, found {}",
                kind_of(other)
            ))),
        }
    }

    /// Calls once, or for each element of a list with its place, where the condition holds.
    pub fn for_each_wanted<E: From<EvalError>>(
        &self,
        (list, when): (Option<&'a Expr>, Option<&'a Expr>),
        mut call: impl FnMut(&Scope<'_>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut wanted = |scope: &Scope<'_>, n| {
            let holds = when.map_or(Ok(true), |when| scope.holds(when));
            if holds? { call(scope, n) } else { Ok(()) }
        };
        let Some(list) = list else {
            return wanted(self, 0);
        };
        let list = self.list(list)?.unwrap_or_default();
        for (n, item) in list.iter().enumerate() {
            let inside = Scope {
                item: Some((item, n)),
                ..*self
            };
            wanted(&inside, n)?;
        }
        Ok(())
    }

    fn look_up(&self, reference: &'a Reference) -> Result<Option<Cow<'a, Value>>, EvalError> {
        let path = reference.path.as_slice();
        let (start, path): (Option<&'a Value>, &[String]) = match &reference.root {
            Root::Request => match path.split_first() {
                None => return Ok(Some(Cow::Owned(self.request.to_value()))),
                Some((name, rest)) => (self.request.get(name).map(|member| member.value()), rest),
            },
            Root::Generated => match path.split_first() {
                None => (None, path),
                Some((name, rest)) => (self.generated.get(name), rest),
            },
            Root::Let(n) => (self.let_value(*n)?, path),
            Root::Item => (self.item.map(|(item, _)| item), path),
            Root::Index => return Ok(self.item.map(|(_, n)| Cow::Owned(Value::from(n)))),
            Root::Outer => (self.outer, path),
            Root::Before => (self.before, path),
            Root::Looked => (
                self.generated
                    .get(LOOKED)
                    .and_then(|looked| looked.get(path.first()?)),
                path.get(1..).unwrap_or_default(),
            ),
            Root::Principal => return Ok(Some(Cow::Owned(Value::from(self.principal)))),
            Root::Current(write) => (self.current.get(write.as_str()), path),
            Root::Written(write) => (self.written.get(write.as_str()), path),
        };
        Ok(start
            .and_then(|start| path.iter().try_fold(start, child_value))
            .map(Cow::Borrowed))
    }

    fn let_value(&self, n: usize) -> Result<Option<&'a Value>, EvalError> {
        let lets: &'a Lets<'a> = self.lets;
        let (Some(cell), Some(expr)) = (lets.values.get(n), lets.exprs.get(n)) else {
            return Ok(None);
        };
        if cell.get().is_none() {
            // A `let` stands outside every loop: it must not see the item of whoever asked first.
            let outside = Scope {
                item: None,
                outer: None,
                before: None,
                ..*self
            };
            let found = outside.find(expr)?;
            // A name for what stands somewhere is followed each time, which costs less than a copy.
            if let (Expr::Reference(_), Some(Cow::Borrowed(value))) = (expr, &found) {
                return Ok(Some(value));
            }
            let _ = cell.set(found.map(Cow::into_owned));
        }
        Ok(cell.get().and_then(Option::as_ref))
    }
}

fn child_value<'v>(value: &'v Value, step: &String) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
