//! Which documents and rows an event is about, and how they stand: found before anything is read,
//! so that reads can be made in one go.

use super::{Current, CurrentDocument, Needs, PlanError, Stop, refusal_stop};
use crate::{
    accept::required_text,
    expression::{EvalError, Scope},
    operation::{Action, Sight, Target, Write},
    vocabulary::Expect,
};
use event_schema::{
    envelope::Transaction,
    mutation::{DocumentKey, RowKey},
    outcome::RefusalCode,
    table::Table,
};
use serde_json::{Map, Value};
use std::{fmt, sync::Arc};

/// When it is known which documents and rows a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpotStage {
    /// From the event alone.
    Early,
    /// From the state of those that were known early.
    Late,
}

/// One document or row that one write of the operation is about.
pub(super) struct Spot<'a> {
    pub write: &'a Write,
    /// The element of `for_each` and its place.
    pub item: Option<(Value, usize)>,
    pub subject: Subject,
    pub document: CurrentDocument,
    pub row: Option<Map<String, Value>>,
    pub row_expires: Option<i64>,
    /// As it stands, where an expression looks at it.
    pub before: Option<Value>,
    /// Its `when` does not hold.
    pub skip: bool,
}

pub(super) enum Subject {
    Document(DocumentKey),
    Row {
        key: RowKey,
        table: Arc<Table>,
        fresh: bool,
    },
}

impl PartialEq for Subject {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Document(one), Self::Document(other)) => one == other,
            (Self::Row { key: one, .. }, Self::Row { key: other, .. }) => one == other,
            (Self::Document(_), Self::Row { .. }) | (Self::Row { .. }, Self::Document(_)) => false,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(key) => write!(f, "document {key}"),
            Self::Row { key, .. } => write!(f, "row {key}"),
        }
    }
}

/// What of these the state does not know.
pub(super) fn unread_needs(spots: &[Spot<'_>], current: &dyn Current) -> Needs {
    let mut needs = Needs::default();
    for spot in spots {
        let is_known = match &spot.subject {
            Subject::Document(key) => current.knows_document(key),
            Subject::Row { fresh: true, .. } => true,
            Subject::Row { key, .. } => current.knows_row(key),
        };
        if !is_known {
            needs.add(&spot.subject);
        }
    }
    needs
}

/// Shows them as `$current`: those of one write `for_each` as a list, null where there is nothing.
pub(super) fn show_current<'a>(spots: &[Spot<'a>], sight: &mut Sight<'a>) {
    for spot in spots.iter().filter(|spot| spot.write.is_shown) {
        let Some(name) = spot.write.name.as_deref() else {
            continue;
        };
        let value = spot.before.clone();
        match &spot.write.for_each {
            None => {
                if let Some(value) = value {
                    sight.current.insert(name, value);
                }
            }
            Some(_) => {
                let list = sight
                    .current
                    .entry(name)
                    .or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.push(value.unwrap_or_default());
                }
            }
        }
    }
}

/// Adds the spots of one write. One whose `when` is known not to hold is left out; where that hangs
/// on the current state, it is kept.
pub(super) fn collect_spots<'a>(
    write: &'a Write,
    event: &Transaction,
    sight: &Sight<'_>,
    spots: &mut Vec<Spot<'a>>,
) -> Result<(), PlanError> {
    let items: Vec<Option<(Value, usize)>> = match &write.for_each {
        None => vec![None],
        Some(list) => {
            let list = sight.scope().list(list)?.unwrap_or_default().into_owned();
            list.into_iter()
                .enumerate()
                .map(|(n, item)| Some((item, n)))
                .collect()
        }
    };
    for item in items {
        let scope = Scope {
            item: item.as_ref().map(|(value, n)| (value, *n)),
            ..sight.scope()
        };
        if write.when_early && !condition_holds(write, &scope)? {
            continue;
        }
        let subject = write_subject(write, event, &scope)?;
        spots.push(Spot {
            write,
            item,
            subject,
            document: CurrentDocument::default(),
            row: None,
            row_expires: None,
            before: None,
            skip: false,
        });
    }
    Ok(())
}

fn condition_holds(write: &Write, scope: &Scope<'_>) -> Result<bool, EvalError> {
    write
        .when
        .as_ref()
        .map_or(Ok(true), |when| scope.holds(when))
}

fn write_subject(
    write: &Write,
    event: &Transaction,
    scope: &Scope<'_>,
) -> Result<Subject, PlanError> {
    match &write.target {
        Target::Document {
            index,
            collection,
            id,
        } => {
            let (index, collection, id) = (
                required_text(scope, index)?,
                required_text(scope, collection)?,
                required_text(scope, id)?,
            );
            let incarnation = event
                .data
                .incarnations
                .get(&format!("{index}/{collection}"))
                .and_then(Value::as_str);
            let incarnation = incarnation.ok_or_else(|| {
                PlanError::BadEvent(format!("it names no incarnation of {index}/{collection}"))
            })?;
            Ok(Subject::Document(DocumentKey {
                incarnation: incarnation.to_owned(),
                index,
                collection,
                id,
            }))
        }
        Target::Row { table, key, fresh } => {
            let mut columns = Map::new();
            for (name, expr) in key {
                let value = scope.value(expr)?.filter(|value| !value.is_null());
                let value = value.ok_or_else(|| {
                    PlanError::BadEvent(format!(
                        "the key column `{name}` of `{}` is absent",
                        table.name
                    ))
                })?;
                columns.insert(name.clone(), value);
            }
            Ok(Subject::Row {
                key: RowKey {
                    table: table.name.clone(),
                    key: columns,
                },
                table: Arc::clone(table),
                fresh: *fresh,
            })
        }
    }
}

impl Spot<'_> {
    pub fn scope<'s>(&'s self, sight: &'s Sight<'_>) -> Scope<'s> {
        Scope {
            item: self.item.as_ref().map(|(value, n)| (value, *n)),
            before: self.before.as_ref(),
            ..sight.scope()
        }
    }

    /// A write that its operation's key does not own is a fault of the definition.
    pub fn check_owner(&self, event: &Transaction) -> Result<(), PlanError> {
        let key = &event.attributes.key.0;
        let owners = &self.write.owners;
        let owns = |owner: &String| {
            key.strip_prefix(owner.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let is_owner = owners.is_empty() || owners.iter().any(owns);
        if is_owner {
            Ok(())
        } else {
            Err(PlanError::BadEvent(format!(
                "{} does not belong to the key {key}",
                self.subject
            )))
        }
    }

    pub fn is_document(&self) -> bool {
        matches!(self.subject, Subject::Document(_))
    }

    pub fn read(&mut self, current: &dyn Current) {
        match &self.subject {
            Subject::Document(key) => self.document = current.document(key),
            Subject::Row { fresh: true, .. } => {}
            Subject::Row { key, .. } => {
                self.row = current.row(key);
                self.row_expires = current.row_expires(key);
            }
        }
        if self.write.is_shown || self.write.sees_before {
            self.before = self.value();
        }
    }

    fn value(&self) -> Option<Value> {
        match &self.subject {
            Subject::Document(_) => self
                .document
                .body
                .as_ref()
                .and_then(|body| serde_json::from_str(body.get()).ok()),
            Subject::Row { .. } => self.row.clone().map(|mut row| {
                if let Some(expires) = self.row_expires {
                    row.insert("_expires".to_owned(), expires.into());
                }
                row.into()
            }),
        }
    }

    pub fn wanted(&self, sight: &Sight<'_>) -> Result<bool, EvalError> {
        condition_holds(self.write, &self.scope(sight))
    }

    /// Is there what the operation expects, at the version the client asks for?
    pub fn check_expected(&self, asked: Option<u64>) -> Result<(), Stop> {
        let there = self.document.body.is_some() || self.row.is_some();
        let subject = &self.subject;
        let revision = self.document.revision;
        match (self.write.expect, there) {
            (Expect::Absent, true) if self.is_document() => {
                return Err(refusal_stop(
                    RefusalCode::Exists,
                    format!("there is a {subject} already, at version {revision}"),
                ));
            }
            (Expect::Absent, true) => {
                return Err(refusal_stop(
                    RefusalCode::Exists,
                    format!("there is a {subject} already"),
                ));
            }
            (Expect::Present, false) => {
                return Err(refusal_stop(
                    RefusalCode::Missing,
                    format!("there is no {subject}"),
                ));
            }
            (Expect::Any | Expect::Absent, false) | (Expect::Any | Expect::Present, true) => {}
        }
        match asked {
            Some(asked) if !there => Err(refusal_stop(
                RefusalCode::Version,
                format!("there is no {subject} that could be at version {asked}, as was asked"),
            )),
            Some(asked) if asked != revision => Err(refusal_stop(
                RefusalCode::Version,
                format!("{subject} is at version {revision}, not at {asked}, as was asked"),
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Does nothing happen because there is nothing to change?
    pub fn idle(&self) -> bool {
        let there = self.document.body.is_some();
        self.is_document()
            && !there
            && matches!(
                self.write.action,
                Action::Merge(_) | Action::RemoveFields(_) | Action::Remove
            )
    }
}
