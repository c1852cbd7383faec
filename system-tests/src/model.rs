//! What each operation does to one document, in the plainest way: the oracle of the checker.
//! Written from the API's description, never from the product's code.

use crate::history::{Action, Body, Status};

/// One document through its life.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    pub body: Option<Body>,
    /// Grows by one for each applied write, deletions included.
    pub revision: u64,
}

impl Model {
    /// Applies one write and says what its verdict must be.
    pub fn apply(&mut self, action: &Action) -> Status {
        let next = match (action, self.body.clone()) {
            (Action::Create(_), Some(_)) => return Status::Refused("exists".into()),
            (Action::Create(body) | Action::Put(body), _) | (Action::Replace(body), Some(_)) => {
                Some(body.clone())
            }
            (Action::Update(changes), Some(body)) => Some(merged(body, changes)),
            (Action::Upsert { changes, .. }, Some(body)) => Some(merged(body, changes)),
            (Action::Upsert { changes, default }, None) => Some(merged(default.clone(), changes)),
            (Action::DeleteFields(fields), Some(mut body)) => {
                body.retain(|name, _| !fields.contains(name));
                Some(body)
            }
            (Action::Delete, Some(_)) => None,
            (
                Action::Replace(_) | Action::Update(_) | Action::DeleteFields(_) | Action::Delete,
                None,
            ) => {
                return Status::Refused("missing".into());
            }
        };
        self.body = next;
        self.revision += 1;
        Status::Applied
    }
}

fn merged(mut body: Body, changes: &Body) -> Body {
    body.extend(
        changes
            .iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    body
}
