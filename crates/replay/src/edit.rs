//! A dead letter that a person mends: the same event with another request in it, held to the rules
//! that requests of its operation are accepted by. It keeps its id, key, operation and tenant, all
//! that was generated and looked up for it, and is planned by the definitions that it was held to.
//! Pure.

use crate::{HeldLetter, JsonPatch, PatchError};
use catalog::{Catalog, Invalid, PlanError};
use event_schema::{codec, decision::OriginalRecord};
use serde_json::Value;

/// Why an edit cannot be.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    #[error("the event cannot be decoded, so it cannot be edited: {0}")]
    Undecodable(String),
    #[error(transparent)]
    Patch(#[from] PatchError),
    #[error(transparent)]
    Unknown(#[from] PlanError),
    #[error("the edited request is not one that `{operation}` takes: {invalid}")]
    Invalid { operation: String, invalid: Invalid },
}

/// The event of a dead letter, its request changed by the patch.
///
/// # Errors
/// If the patch does not fit, or its operation would not take what comes of it under this key.
pub fn edited_event(
    letter: &HeldLetter,
    patch: &JsonPatch,
    catalog: &Catalog,
) -> Result<OriginalRecord, EditError> {
    let undecodable = |why: &dyn std::fmt::Display| EditError::Undecodable(why.to_string());
    let parts = letter.event.parts().map_err(|error| undecodable(&error))?;
    let mut event = codec::decode_transaction(&parts).map_err(|error| undecodable(&error))?;
    let request: Value =
        serde_json::from_str(event.data.request.get()).map_err(|error| undecodable(&error))?;
    event.data.request = event_schema::raw(&patch.apply(&request)?);
    event.attributes.catalog = catalog.version().to_owned();
    let operation = catalog.of(&event)?;
    let checked = operation.check_edited(&event);
    checked.map_err(|invalid| EditError::Invalid {
        operation: operation.name().to_owned(),
        invalid,
    })?;
    Ok(OriginalRecord::of(&codec::encode_transaction(&event)))
}
