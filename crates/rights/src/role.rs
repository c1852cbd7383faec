//! A role: `{controllers: {<name|*>: {actions: {<name|*>: bool}}}, tags?}`.

use crate::RightsFault;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A role as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub controllers: BTreeMap<String, ControllerEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Value>,
    /// Who wrote it and when.
    #[serde(
        default,
        rename = "_kuzzle_info",
        skip_serializing_if = "Option::is_none"
    )]
    pub info: Option<Value>,
}

/// What a role says of a controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ControllerEntry {
    pub actions: BTreeMap<String, bool>,
}

const MEMBERS: &str = "controllers, tags";

impl Role {
    /// Reads a role as a client sends it.
    pub fn read(mut body: Map<String, Value>) -> Result<Self, RightsFault> {
        let controllers = body.remove("controllers");
        let tags = body.remove("tags").filter(|tags| !tags.is_null());
        body.remove("_kuzzle_info");
        if let Some(other) = body.keys().next() {
            return Err(RightsFault::Unexpected(other.clone(), MEMBERS));
        }
        let Some(controllers) = controllers else {
            return Err(RightsFault::Missing("controllers".into()));
        };
        let Value::Object(controllers) = controllers else {
            return Err(RightsFault::WrongType("controllers".into(), "an object"));
        };
        if controllers.is_empty() {
            return Err(RightsFault::Empty("controllers".into()));
        }
        let entry = |(name, entry): (String, Value)| {
            read_controller(&name, entry).map(|entry| (name, entry))
        };
        let controllers = controllers
            .into_iter()
            .map(entry)
            .collect::<Result<_, _>>()?;
        let info = None;
        Ok(Self {
            controllers,
            tags,
            info,
        })
    }

    /// Does it allow this action, wherever?
    pub fn allows(&self, controller: &str, action: &str) -> bool {
        let entry = self
            .controllers
            .get(controller)
            .or_else(|| self.controllers.get("*"));
        let actions = entry.map(|entry| &entry.actions);
        let allowed = actions.and_then(|actions| actions.get(action).or_else(|| actions.get("*")));
        allowed.copied().unwrap_or(false)
    }
}

fn read_controller(name: &str, entry: Value) -> Result<ControllerEntry, RightsFault> {
    crate::name::check_name(name)?;
    let at = format!("controllers.{name}");
    let Value::Object(mut entry) = entry else {
        return Err(RightsFault::WrongType(at, "an object"));
    };
    let actions = entry.remove("actions");
    if let Some(other) = entry.keys().next() {
        return Err(RightsFault::Unexpected(format!("{at}.{other}"), "actions"));
    }
    let at = format!("{at}.actions");
    let actions = match actions {
        None => return Err(RightsFault::Missing(at)),
        Some(Value::Object(actions)) if actions.is_empty() => return Err(RightsFault::Empty(at)),
        Some(Value::Object(actions)) => actions,
        Some(_) => return Err(RightsFault::WrongType(at, "an object")),
    };
    let mut read = BTreeMap::new();
    for (action, allowed) in actions {
        crate::name::check_name(&action)?;
        if name == "*" && action != "*" {
            return Err(RightsFault::ActionOfAnyController(action));
        }
        let Value::Bool(allowed) = allowed else {
            return Err(RightsFault::WrongType(
                format!("{at}.{action}"),
                "a boolean",
            ));
        };
        read.insert(action, allowed);
    }
    Ok(ControllerEntry { actions: read })
}
