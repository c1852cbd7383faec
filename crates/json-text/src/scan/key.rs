//! Names of members, as they stand between their quotes and as they are meant.

use std::borrow::Cow;

/// A member's name as it stands between its quotes.
#[derive(Clone, Copy)]
pub(super) struct ObjectKey {
    pub start: usize,
    pub end: usize,
    pub escaped: bool,
}

/// A name that needs no second look: see [`ScannedMember::is_plain`](crate::ScannedMember).
pub(crate) fn is_plain_name(name: &[u8], is_topmost: bool) -> bool {
    let begins_plainly = match name.first() {
        Some(b'_') => !is_topmost,
        Some(first) => first.is_ascii_alphanumeric(),
        None => false,
    };
    begins_plainly && !name.iter().any(|byte| matches!(byte, b'.' | b'\\'))
}

pub(super) fn same_keys(bytes: &[u8], a: ObjectKey, b: ObjectKey) -> bool {
    if a.escaped || b.escaped {
        key_name(bytes, a) == key_name(bytes, b)
    } else {
        bytes[a.start..a.end] == bytes[b.start..b.end]
    }
}

/// A name without its escapes.
pub(super) fn key_name(bytes: &[u8], key: ObjectKey) -> Cow<'_, [u8]> {
    let inner = &bytes[key.start..key.end];
    if key.escaped {
        let decoded: Result<String, _> = serde_json::from_slice(&bytes[key.start - 1..=key.end]);
        decoded.map_or(Cow::Borrowed(inner), |text| Cow::Owned(text.into_bytes()))
    } else {
        Cow::Borrowed(inner)
    }
}
