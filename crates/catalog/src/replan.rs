//! Recorded events carried out again, by whichever definitions: accepted and planned over a given
//! state, and compared. For seeing what a changed catalog would have done. Pure: it writes nothing.

use crate::{
    AcceptedRequest, Beside, Catalog, Current, Invalid, Needs, Plan, Planned, Seed,
    expression::LOOKED,
};
use event_schema::{
    Raw, envelope::Transaction, id::EntityKey, mutation::RowAction, outcome::Verdict,
};
use json_text::ScannedJson;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Any name does where the event knows none: a collection that its own definitions do not write.
const INCARNATION: &str = "unknown";

/// What a recorded event comes to under some definitions.
#[derive(Clone, Debug)]
pub enum Replanned {
    /// Not accepted, or refused: the rule or code.
    Refused(String),
    /// What must be read first.
    Unread(Needs),
    Planned(Box<ReplannedEvent>),
    /// The definitions cannot work with it.
    Broken(String),
}

/// What it would write, and in whose order.
#[derive(Clone, Debug)]
pub struct ReplannedEvent {
    pub key: EntityKey,
    pub plan: Plan,
}

/// A member that is another under the new definitions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanDifference {
    /// `document sunbird/user/u1`, `row user/u1`, `part batch.enroll`, `takes`, …
    pub of: String,
    /// JSON pointer into it.
    pub field: String,
    pub old: Value,
    pub new: Value,
}

impl Catalog {
    /// Carries the event out as if it was asked for anew, with the ids and look-ups that it was
    /// accepted with.
    pub fn replan(&self, event: &Transaction, current: &dyn Current) -> Replanned {
        let Some(operation) = self.operation(&event.attributes.operation) else {
            return Replanned::Refused("unknown_operation".to_owned());
        };
        let looked = event.data.generated.get(LOOKED).and_then(Value::as_object);
        let beside = Beside {
            principal: &event.data.principal,
            looked: looked.cloned().unwrap_or_default(),
        };
        let seed = Seed {
            unique: event.attributes.id.unique(),
            now: event.attributes.time,
        };
        let request = ScannedJson::from(&value_of(&event.data.request));
        let accepted = match operation.accept_with(&request, &seed, &beside) {
            Ok(AcceptedRequest::One(accepted)) => *accepted,
            Ok(AcceptedRequest::Many(_)) => {
                return Replanned::Broken("it holds many documents now".to_owned());
            }
            Err(invalid) => return Replanned::Refused(rule_of(&invalid)),
        };
        let mut again = event.clone();
        again.attributes.key = accepted.key;
        again.data.request = accepted.request;
        again.data.generated = accepted.generated;
        for (index, collection) in accepted.collections {
            let incarnations = &mut again.data.incarnations;
            let known = incarnations.entry(format!("{index}/{collection}"));
            known.or_insert_with(|| INCARNATION.into());
        }
        match operation.plan(&again, current) {
            Ok(Planned::Unread(needs)) => Replanned::Unread(needs),
            Ok(Planned::Plan(plan)) => match plan.verdict {
                Verdict::Refused(refusal) => {
                    Replanned::Refused(refusal.rule.unwrap_or_else(|| {
                        let code = json!(refusal.code);
                        code.as_str().unwrap_or_default().to_owned()
                    }))
                }
                Verdict::Applied | Verdict::DeadLettered(_) | Verdict::Parked(_) => {
                    Replanned::Planned(Box::new(ReplannedEvent {
                        key: again.attributes.key,
                        plan: *plan,
                    }))
                }
            },
            Err(error) => Replanned::Broken(error.to_string()),
        }
    }
}

fn rule_of(invalid: &Invalid) -> String {
    let first = invalid.0.first();
    first.map_or_else(|| "invalid".to_owned(), |first| first.rule.clone())
}

fn value_of(raw: &Raw) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

impl ReplannedEvent {
    /// What `new` does otherwise.
    pub fn differences(&self, new: &Self) -> Vec<PlanDifference> {
        let (old, new) = (self.shown(), new.shown());
        let mut differences = Vec::new();
        let names = old
            .keys()
            .chain(new.keys().filter(|name| !old.contains_key(*name)));
        for name in names {
            let of = |shown: &BTreeMap<String, Value>| shown.get(name).cloned().unwrap_or_default();
            compare(name, "", &of(&old), &of(&new), &mut differences);
        }
        differences
    }

    /// All that it does, by name.
    fn shown(&self) -> BTreeMap<String, Value> {
        let plan = &self.plan;
        let mut shown = BTreeMap::from([("key".to_owned(), json!(self.key))]);
        for change in &plan.documents {
            let body = change.after.as_ref().map(value_of).unwrap_or_default();
            shown.insert(format!("document {}", change.key), body);
        }
        for row in &plan.rows {
            let cells = match row.action {
                RowAction::Remove => Value::Null,
                RowAction::Put => Value::Object(row.cells.clone()),
                RowAction::Merge => Value::Object(merged(row.before.as_ref(), &row.cells)),
            };
            shown.insert(format!("row {}", row.key), cells);
        }
        let mut parts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for part in &plan.parts {
            let asked = json!({"key": part.key, "request": value_of(&part.request)});
            let name = format!("part {}", part.operation);
            parts.entry(name).or_default().push(asked);
        }
        shown.extend(
            parts
                .into_iter()
                .map(|(name, asked)| (name, Value::Array(asked))),
        );
        let takes: Vec<_> = plan.takes.iter().map(|taken| &taken.value).collect();
        shown.insert("takes".to_owned(), json!(takes));
        shown.insert("releases".to_owned(), json!(plan.releases));
        let result = plan.result.as_ref().map(value_of).unwrap_or_default();
        shown.insert("result".to_owned(), result);
        shown
    }
}

fn merged(before: Option<&Map<String, Value>>, cells: &Map<String, Value>) -> Map<String, Value> {
    let mut row = before.cloned().unwrap_or_default();
    row.extend(cells.clone());
    row.retain(|_, cell| !cell.is_null());
    row
}

/// Descends into objects; lists are compared as a whole.
fn compare(of: &str, at: &str, old: &Value, new: &Value, found: &mut Vec<PlanDifference>) {
    if old == new {
        return;
    }
    if let (Value::Object(before), Value::Object(after)) = (old, new) {
        let added = after.keys().filter(|name| !before.contains_key(*name));
        for name in before.keys().chain(added) {
            let of_member =
                |object: &Map<String, Value>| object.get(name).cloned().unwrap_or_default();
            let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            compare(of, &at, &of_member(before), &of_member(after), found);
        }
        return;
    }
    found.push(PlanDifference {
        of: of.to_owned(),
        field: at.to_owned(),
        old: old.clone(),
        new: new.clone(),
    });
}
