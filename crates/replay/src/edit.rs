//! A dead letter that a person mends: the same event with another request in it, held to the rules
//! that requests of its operation are accepted by. It keeps its id, key, operation and tenant, all
//! that was generated and looked up for it, and is planned by the definitions that it was held to.
//! What its operation seals is sealed before it leaves here. Pure.

use crate::{HeldLetter, JsonPatch, PatchError};
use catalog::{Catalog, Invalid, PlanError};
use event_schema::{codec, decision::OriginalRecord};
use sealing::{EditUnsealable, SealedBoundary, mask::mask_values};
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
    #[error(transparent)]
    Unsealable(#[from] EditUnsealable),
}

/// The event of a dead letter, its request changed by the patch. `boundary`: of the letter's key.
/// The patch is applied to what is sealed, so that it can move no sealed value to where it is plain.
///
/// # Errors
/// If the patch does not fit, or its operation would not take what comes of it under this key.
pub fn edited_event(
    letter: &HeldLetter,
    patch: &JsonPatch,
    catalog: &Catalog,
    boundary: SealedBoundary<'_>,
) -> Result<OriginalRecord, EditError> {
    let undecodable = |why: &dyn std::fmt::Display| EditError::Undecodable(why.to_string());
    let parts = letter.event.parts().map_err(|error| undecodable(&error))?;
    let mut event = codec::decode_transaction(&parts).map_err(|error| undecodable(&error))?;
    let was = event.data.request.clone();
    let request: Value = serde_json::from_str(was.get()).map_err(|error| undecodable(&error))?;
    let patched = event_schema::to_raw(&patch.apply(&request)?);
    event.attributes.catalog = catalog.version().to_owned();
    let operation = catalog.of(&event)?;
    event.data.request = boundary.seal_edited(operation.name(), &was, &patched)?;
    let mut opened = event.clone();
    let values = boundary.open_request(operation.name(), &mut opened.data.request);
    let checked = operation.check_edited(&opened, |key| boundary.entity_key(key));
    checked.map_err(|mut invalid| {
        for violation in &mut invalid.0 {
            mask_values(&mut violation.message, &values);
        }
        EditError::Invalid {
            operation: operation.name().to_owned(),
            invalid,
        }
    })?;
    Ok(OriginalRecord::of(&codec::encode_transaction(&event)))
}
