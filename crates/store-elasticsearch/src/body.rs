//! A body with our member in front of its own, and without it again. Works on bytes: a body that
//! was written by us comes back as it was given, but for line breaks between its members, which a
//! bulk request cannot carry and which become spaces.

use event_schema::{Raw, position::Version};
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};
use std::sync::Arc;
use store::DocumentWrite;

const OPENING: &str = r#"{"_consign":"#;

/// What `_consign` says of a stored document, as far as anybody here asks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Stamp {
    pub(crate) version: Version,
    pub(crate) request: String,
    #[serde(default)]
    pub(crate) revision: Option<u64>,
    #[serde(default)]
    pub(crate) deleted: bool,
    #[serde(default)]
    pub(crate) diverged: bool,
}

/// Appends the source of a document, or of its marker, on one line.
pub(crate) fn splice_source(write: &DocumentWrite, into: &mut Vec<u8>) {
    let meta = &write.meta;
    let id = Value::from(write.key.id.as_str());
    let deleted = match (&write.body, write.diverged) {
        (None, false) => r#","deleted":true"#,
        (None, true) => r#","deleted":true,"diverged":true"#,
        (Some(_), _) => "",
    };
    let stamp = format!(
        r#"{{"version":{},"position":"{}","revision":{},"request":"{}","id":{id}{deleted}}}"#,
        meta.version, meta.position, meta.revision, meta.request
    );
    into.extend(OPENING.as_bytes());
    into.extend(stamp.as_bytes());
    // A body that is no object is refused by the index, whatever stands in front of it.
    let body = write.body.as_ref().map_or("{}", |body| body.get());
    let rest = body.strip_prefix('{').unwrap_or(body);
    if !rest.trim_start().starts_with('}') {
        into.push(b',');
    }
    into.extend(
        rest.bytes()
            .map(|byte| if byte == b'\n' { b' ' } else { byte }),
    );
}

/// The stamp (none: not written by us) and the body without it (none: a marker).
pub(crate) fn cut_source(source: &str) -> Result<(Option<Stamp>, Option<Raw>), serde_json::Error> {
    if let Some(rest) = source.strip_prefix(OPENING) {
        let mut members = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        if let Some(Ok(stamp)) = members.next()
            && let Ok(stamp) = serde_json::from_str::<Stamp>(stamp.get())
        {
            let rest = &rest[members.byte_offset()..];
            let body = format!("{{{}", rest.strip_prefix(',').unwrap_or(rest));
            let body = if stamp.deleted {
                None
            } else {
                Some(Arc::from(RawValue::from_string(body)?))
            };
            return Ok((Some(stamp), body));
        }
    }
    // Put there by other hands: our member may stand anywhere, or nowhere.
    let mut members: Map<String, Value> = serde_json::from_str(source)?;
    let stamp: Option<Stamp> = members
        .shift_remove("_consign")
        .and_then(|stamp| serde_json::from_value(stamp).ok());
    let deleted = stamp.as_ref().is_some_and(|stamp| stamp.deleted);
    Ok((stamp, (!deleted).then(|| event_schema::to_raw(&members))))
}

#[cfg(test)]
mod tests;
