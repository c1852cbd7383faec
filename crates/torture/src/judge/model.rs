//! What each write does to the documents of its key, in the plainest way: the judge's oracle. Written
//! from the API's description; must never use the product's code.

use crate::history::{Body, PairStep, SeenStatus, WriteAction};
use serde_json::json;

/// What the documents of a key hold; not known at the beginning of a piece.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum KeyModel {
    Unknown,
    /// The one document, or each of a pair.
    Is(Option<Body>),
}

/// What the model says of a write.
pub(super) enum Expected {
    /// Whatever was seen may be.
    Anything,
    Status(SeenStatus),
}

impl KeyModel {
    /// What the verdict must be, and what the key holds after it.
    pub(super) fn after(&self, action: &WriteAction, seen: &SeenStatus) -> (Expected, Self) {
        if let SeenStatus::Refused(code) = seen
            && may_be_refused(action, code)
        {
            return (Expected::Anything, self.clone());
        }
        let Self::Is(body) = self else {
            return (Expected::Anything, after_unknown(action, seen));
        };
        let refused = |code: &str| {
            let refused = SeenStatus::Refused(code.to_owned());
            (Expected::Status(refused), self.clone())
        };
        let next = match (action, body) {
            (WriteAction::Create(_), Some(_)) => return refused("exists"),
            (WriteAction::Create(new) | WriteAction::Put(new), _)
            | (WriteAction::Replace(new), Some(_)) => Some(new.clone()),
            (WriteAction::Update(changes), Some(body))
            | (WriteAction::Upsert { changes, .. }, Some(body)) => Some(merged_body(body, changes)),
            (WriteAction::Upsert { changes, default }, None) => Some(merged_body(default, changes)),
            (WriteAction::DeleteFields(fields), Some(body)) => {
                let mut left = body.clone();
                left.retain(|name, _| !fields.contains(name));
                Some(left)
            }
            (WriteAction::Delete, Some(_)) => None,
            (WriteAction::Pair(step) | WriteAction::BrokenPair(step), body) => {
                Some(pair_body(body.as_ref(), step))
            }
            (
                WriteAction::Replace(_)
                | WriteAction::Update(_)
                | WriteAction::DeleteFields(_)
                | WriteAction::Delete,
                None,
            ) => return refused("missing"),
        };
        (Expected::Status(SeenStatus::Applied), Self::Is(next))
    }
}

/// Refusals that hang on what the model does not follow: an operator gave a dead letter up, or a
/// mapping was changed meanwhile.
fn may_be_refused(action: &WriteAction, code: &str) -> bool {
    match (code, action) {
        ("discarded", WriteAction::BrokenPair(_)) => true,
        ("discarded" | "unmappable", WriteAction::Pair(step)) => step.addr.is_some(),
        _ => false,
    }
}

/// What is known behind a write to something unknown.
fn after_unknown(action: &WriteAction, seen: &SeenStatus) -> KeyModel {
    match (action, seen) {
        (
            WriteAction::Create(body) | WriteAction::Put(body) | WriteAction::Replace(body),
            SeenStatus::Applied,
        ) => KeyModel::Is(Some(body.clone())),
        (WriteAction::Delete, SeenStatus::Applied) => KeyModel::Is(None),
        _ => KeyModel::Unknown,
    }
}

fn merged_body(body: &Body, changes: &Body) -> Body {
    let mut body = body.clone();
    let changes = changes.iter();
    body.extend(changes.map(|(name, value)| (name.clone(), value.clone())));
    body
}

fn pair_body(body: Option<&Body>, step: &PairStep) -> Body {
    let before = body.and_then(|body| body.get("sum")?.as_i64()).unwrap_or(0);
    let mut next = Body::new();
    next.insert("n".to_owned(), json!(step.n));
    next.insert("sum".to_owned(), json!(before + step.by));
    next
}
