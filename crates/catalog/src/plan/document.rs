//! What a write makes of a document. Bodies that only pass through are copied as text; merges work
//! on text as well.

use super::{RefusalCode, Stop, refusal_stop, target::Spot};
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
pub(super) fn document_change(
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
        (Action::Put(body), _) => Some(object_body(&scope, body)?),
        (Action::Merge(changes), Some(before)) => {
            Some(merge_changes(before, &object_body(&scope, changes)?)?)
        }
        (Action::Upsert { changes, .. }, Some(before)) => {
            Some(merge_changes(before, &object_body(&scope, changes)?)?)
        }
        (
            Action::Upsert {
                changes,
                default,
                created,
            },
            None,
        ) => {
            let created = created.as_ref().map(|created| raw_value(&scope, created));
            match created.transpose()?.flatten() {
                Some(created) => Some(created),
                None => Some(default_with_changes(&scope, changes, default)?),
            }
        }
        (Action::RemoveFields(paths), Some(before)) => {
            let paths = scope.list(paths)?.unwrap_or_default();
            let paths: Vec<&str> = paths.iter().filter_map(Value::as_str).collect();
            Some(merge::remove_paths(before, &paths).map_err(merge_stop)?)
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
        purged: false,
    }))
}

/// A new document: the default with the changes merged into it.
fn default_with_changes(scope: &Scope<'_>, changes: &Expr, default: &Expr) -> Result<Raw, Stop> {
    let changes = object_body(scope, changes)?;
    match raw_value(scope, default)? {
        Some(default) => merge_changes(&default, &changes),
        None => Ok(changes),
    }
}

/// What `$written` shows of a change.
pub(super) fn change_summary(change: &DocumentChange) -> Value {
    json!({ "id": change.key.id, "version": change.revision, "created": change.before.is_none() && change.after.is_some() })
}

/// A body: the request's own text where it is a member of the request.
fn object_body(scope: &Scope<'_>, expr: &Expr) -> Result<Raw, Stop> {
    match raw_value(scope, expr)? {
        Some(body) if merge::is_object((&*body).into()) => Ok(body),
        Some(_) => Err(EvalError("a document's body must be an object".into()).into()),
        None => Err(EvalError("a document's body is absent".into()).into()),
    }
}

fn raw_value(scope: &Scope<'_>, expr: &Expr) -> Result<Option<Raw>, EvalError> {
    match expr.request_member() {
        Some(name) => Ok(scope
            .request
            .get(name)
            .map(|member| member.raw.to_raw().into())),
        None => Ok(scope.find(expr)?.map(|value| event_schema::to_raw(&*value))),
    }
}

fn merge_changes(base: &Raw, changes: &Raw) -> Result<Raw, Stop> {
    merge::merge_deep(base, changes).map_err(merge_stop)
}

fn merge_stop(error: MergeError) -> Stop {
    refusal_stop(
        RefusalCode::Rule,
        format!("the document cannot be changed: {error}"),
    )
}
