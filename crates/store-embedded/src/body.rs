//! A document's text as the file holds it: JSON that is handed on and not read.

use crate::classify::Failure;
use event_schema::Raw;
use serde_json::value::RawValue;
use std::sync::Arc;

/// JSON text as it was written.
pub(crate) fn raw_json(text: String) -> Result<Raw, Failure> {
    RawValue::from_string(text)
        .map(Arc::from)
        .map_err(|error| Failure::Damaged(format!("a document is no JSON: {error}")))
}
