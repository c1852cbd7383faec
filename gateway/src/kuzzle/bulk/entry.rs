//! Reads the entries of an import: an action, and behind all but deletions its document. What is
//! not understood is refused by name, so that no member that changes the meaning is lost.

use super::{
    super::{Fault, KuzzleCall, document::many::document_item, fault::Id},
    MOST,
};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

const SHAPE: &str =
    "actions (index, create, update, delete), each but delete followed by its document";

/// One entry of an import.
pub(super) struct BulkEntry<'a> {
    pub(super) action: &'static str,
    pub(super) id: Option<String>,
    /// The line behind the action, as it was sent.
    pub(super) source: Option<&'a RawValue>,
    changes: Option<&'a RawValue>,
}

impl<'a> BulkEntry<'a> {
    pub(super) fn operation(&self) -> &'static str {
        match self.action {
            "index" => "document.mCreateOrReplace",
            "create" => "document.mCreate",
            "update" => "document.mUpdate",
            _ => "document.mDelete",
        }
    }

    /// The document as the operation takes it.
    pub(super) fn json(&self) -> Box<RawValue> {
        match (self.action, self.changes.or(self.source)) {
            ("delete", _) | (_, None) => {
                to_raw_value(&self.id).expect("an id is a text or nothing")
            }
            (_, Some(body)) => document_item(&[("body", body)], self.id.as_deref()),
        }
    }

    /// The entry that begins with `line`, and takes its document from `rest`.
    fn read(
        line: &'a RawValue,
        rest: &mut impl Iterator<Item = &'a RawValue>,
    ) -> Result<Self, Fault> {
        let named: serde_json::Map<String, Value> =
            serde_json::from_str(line.get()).map_err(|_| shape_fault())?;
        let action = ["index", "create", "update", "delete"]
            .into_iter()
            .find(|name| named.len() == 1 && named.contains_key(*name))
            .ok_or_else(shape_fault)?;
        let id = entry_id(&named[action])?;
        if id.is_none() && matches!(action, "update" | "delete") {
            return Err(shape_fault());
        }
        let source = match action {
            "delete" => None,
            _ => Some(rest.next().ok_or_else(shape_fault)?),
        };
        let changes = match (action, source) {
            ("update", Some(source)) => Some(update_changes(source)?),
            _ => None,
        };
        Ok(Self {
            action,
            id,
            source,
            changes,
        })
    }
}

/// The id that the members of an action name. Retries are made without being asked for, and types
/// are gone from Elasticsearch; every other member would change what the action does.
fn entry_id(members: &Value) -> Result<Option<String>, Fault> {
    let members = members.as_object().ok_or_else(shape_fault)?;
    let known = ["_id", "_type", "retry_on_conflict"];
    if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(unsupported_member(name));
    }
    match members.get("_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => Ok(Some(id.clone())),
        Some(Value::Number(id)) if !id.is_f64() => Ok(Some(id.to_string())),
        Some(_) => Err(Fault::invalid(
            "body.bulkData",
            "ids that are texts or whole numbers",
        )),
    }
}

/// The changes of an update: its member `doc`, and no other.
fn update_changes(source: &RawValue) -> Result<&RawValue, Fault> {
    let mut members: std::collections::BTreeMap<String, &RawValue> =
        serde_json::from_str(source.get()).map_err(|_| shape_fault())?;
    let doc = members.remove("doc").ok_or_else(shape_fault)?;
    match members.into_keys().next() {
        Some(name) => Err(unsupported_member(&name)),
        None => Ok(doc),
    }
}

fn shape_fault() -> Fault {
    Fault::invalid("body.bulkData", SHAPE)
}

fn unsupported_member(member: &str) -> Fault {
    Fault::invalid(
        "body.bulkData",
        &format!("{SHAPE}, without \"{member}\", which is not supported"),
    )
}

/// The entries of `bulkData`.
pub(super) fn bulk_entries(call: KuzzleCall<'_>) -> Result<Vec<BulkEntry<'_>>, Fault> {
    let lines = call.request.member("bulkData")?;
    let lines: Vec<&RawValue> = serde_json::from_str(lines.get())
        .map_err(|_| Fault::wrong_type("body.bulkData", "array"))?;
    let mut lines = lines.into_iter();
    let mut entries = Vec::new();
    while let Some(line) = lines.next() {
        entries.push(BulkEntry::read(line, &mut lines)?);
    }
    if entries.len() <= MOST {
        Ok(entries)
    } else {
        Err(Fault::new(
            Id::WriteLimit,
            format!(
                "{} documents are more than the {MOST} of one import",
                entries.len()
            ),
        ))
    }
}
