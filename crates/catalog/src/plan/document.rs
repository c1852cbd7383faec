//! What a write makes of a document. Bodies that only pass through are copied as text; merges work
//! on text as well.

use super::{RefusalCode, Stop, refused, target::Spot};
use crate::{
    expression::{EvalError, Expr, Scope},
    merge::{self, MergeError},
    operation::{Action, Sight},
};
use event_schema::{
    Raw,
    mutation::{DocumentAction, DocumentChange, DocumentKey},
};
use serde_json::{Value, json};

/// The change, or `None` where there is nothing that could change.
pub(super) fn change(
    spot: &Spot<'_>,
    key: &DocumentKey,
    sight: &Sight<'_>,
) -> Result<Option<DocumentChange>, Stop> {
    if spot.idle() {
        return Ok(None);
    }
    let scope = spot.scope(sight);
    let before = spot.document.body.clone();
    let after = match (&spot.write.action, &before) {
        (Action::Remove, _) => None,
        (Action::Put(body), _) => Some(object(&scope, body)?),
        (Action::Merge(changes), Some(before)) => Some(merged(before, &object(&scope, changes)?)?),
        (Action::Upsert { changes, .. }, Some(before)) => {
            Some(merged(before, &object(&scope, changes)?)?)
        }
        (
            Action::Upsert {
                changes,
                default,
                created,
            },
            None,
        ) => {
            let created = created.as_ref().map(|created| text(&scope, created));
            match created.transpose()?.flatten() {
                Some(created) => Some(created),
                None => Some(defaulted(&scope, changes, default)?),
            }
        }
        (Action::RemoveFields(paths), Some(before)) => {
            let paths = scope.list(paths)?.unwrap_or_default();
            let paths: Vec<&str> = paths.iter().filter_map(Value::as_str).collect();
            Some(merge::without(before, &paths).map_err(cannot)?)
        }
        (Action::Merge(_) | Action::RemoveFields(_), None) => return Ok(None),
    };
    let action = match (&spot.write.action, &before) {
        (Action::Remove, _) => DocumentAction::Remove,
        (Action::Put(_), _) | (Action::Upsert { .. }, None) => DocumentAction::Put,
        (Action::Merge(_) | Action::Upsert { .. } | Action::RemoveFields(_), _) => {
            DocumentAction::Merge
        }
    };
    let revision_before = spot.document.revision;
    Ok(Some(DocumentChange {
        key: key.clone(),
        action,
        revision_before,
        revision: revision_before + 1,
        before,
        after,
    }))
}

/// A new document: the default with the changes merged into it.
fn defaulted(scope: &Scope<'_>, changes: &Expr, default: &Expr) -> Result<Raw, Stop> {
    let changes = object(scope, changes)?;
    match text(scope, default)? {
        Some(default) => merged(&default, &changes),
        None => Ok(changes),
    }
}

/// What `$written` shows of a change.
pub(super) fn told(change: &DocumentChange) -> Value {
    json!({ "id": change.key.id, "version": change.revision, "created": change.before.is_none() && change.after.is_some() })
}

/// A body: the request's own text where it is a member of the request.
fn object(scope: &Scope<'_>, expr: &Expr) -> Result<Raw, Stop> {
    match text(scope, expr)? {
        Some(body) if merge::is_object((&*body).into()) => Ok(body),
        Some(_) => Err(EvalError("a document's body must be an object".into()).into()),
        None => Err(EvalError("a document's body is absent".into()).into()),
    }
}

fn text(scope: &Scope<'_>, expr: &Expr) -> Result<Option<Raw>, EvalError> {
    match expr.request_member() {
        Some(name) => Ok(scope
            .request
            .get(name)
            .map(|member| member.raw.to_raw().into())),
        None => Ok(scope.value(expr)?.map(|value| event_schema::raw(&value))),
    }
}

fn merged(base: &Raw, changes: &Raw) -> Result<Raw, Stop> {
    merge::deep(base, changes).map_err(cannot)
}

fn cannot(error: MergeError) -> Stop {
    refused(
        RefusalCode::Rule,
        format!("the document cannot be changed: {error}"),
    )
}
