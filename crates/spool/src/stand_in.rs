//! What takes the place of a record that the log will never take: a small record of the same key and
//! attributes, with the reason in a header and no value. Whoever reads it knows that the event is
//! lost to the log, and its body is set aside in the spool's folder.

use bytes::Bytes;
use event_log::NewRecord;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The header that makes a record a stand-in: JSON with the reason, and where the body is.
pub const UNSHIPPABLE: &str = "consign-unshippable";

#[derive(Serialize)]
struct UnshippableReason<'a> {
    reason: &'a str,
    spool: String,
    number: u64,
    bytes: usize,
    sha256: String,
}

/// The stand-in of a record at this number of a spool.
pub(crate) fn stand_in(record: &NewRecord, place: crate::SpoolPlace, reason: &str) -> NewRecord {
    let value = record.value.clone().unwrap_or_default();
    let digest = Sha256::digest(&value);
    let reason = UnshippableReason {
        reason,
        spool: place.spool.to_string(),
        number: place.number,
        bytes: value.len(),
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let reason = serde_json::to_vec(&reason).expect("a reason is plain JSON");
    let mut headers = record.headers.clone();
    headers.push((UNSHIPPABLE.into(), Bytes::from(reason)));
    NewRecord {
        value: None,
        headers,
        ..record.clone()
    }
}
