//! Which requests the last records before a place in `transactions` were, in a few bytes: by this a
//! log that lost its tail, and was written anew, is told from the one that was read. Pure.
//!
//! See ADR 28.

use crate::id::RequestId;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};
use std::{borrow::Cow, fmt};

/// So many records are named. One alone may be the same request again, where a copy of it came to
/// stand at the same place.
const KEPT: usize = 32;

/// Of a record that is not known.
const UNKNOWN: u32 = 0;

/// The requests of the last 32 records before an offset of `transactions`, as far as they are known:
/// four bytes of the hash of each. As text, URL-safe base64, newest first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestTail([u32; KEPT]);

impl RequestTail {
    /// How many records are named.
    pub const LENGTH: u64 = KEPT as u64;

    /// The record so many behind the last one is of this request; those between them are not known.
    pub fn push(&mut self, distance: u64, request: &RequestId) {
        let shift = usize::try_from(distance).map_or(KEPT, |distance| distance.min(KEPT));
        self.0.copy_within(..KEPT - shift, shift);
        self.0[..shift].fill(UNKNOWN);
        self.0[0] = print_of(request);
    }

    /// May the record so many before the end (0: the last one) be of this request?
    pub fn may_be(&self, back: u64, request: &RequestId) -> bool {
        let back = usize::try_from(back).ok();
        let known = back.and_then(|back| self.0.get(back));
        known.is_none_or(|known| *known == UNKNOWN || *known == print_of(request))
    }

    /// Is the record so many before the end (0: the last one) named?
    pub fn is_known(&self, back: u64) -> bool {
        let back = usize::try_from(back).ok();
        let known = back.and_then(|back| self.0.get(back));
        known.is_some_and(|known| *known != UNKNOWN)
    }

    pub fn is_unknown(&self) -> bool {
        self.0.iter().all(|print| *print == UNKNOWN)
    }
}

fn print_of(request: &RequestId) -> u32 {
    let hash = Sha256::digest(request.to_string());
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]).max(UNKNOWN + 1)
}

impl Default for RequestTail {
    fn default() -> Self {
        Self([UNKNOWN; KEPT])
    }
}

impl fmt::Display for RequestTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.iter().rposition(|print| *print != UNKNOWN);
        let prints = &self.0[..known.map_or(0, |last| last + 1)];
        let bytes: Vec<u8> = prints
            .iter()
            .flat_map(|print| print.to_be_bytes())
            .collect();
        f.write_str(&BASE64.encode(bytes))
    }
}

impl fmt::Debug for RequestTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestTail({self})")
    }
}

impl Serialize for RequestTail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RequestTail {
    /// A longer one is read as far as it is needed.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?;
        let (prints, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(D::Error::custom("the tail is not made of four bytes each"));
        }
        let mut tail = Self::default();
        for (known, print) in tail.0.iter_mut().zip(prints) {
            *known = u32::from_be_bytes(*print);
        }
        Ok(tail)
    }
}

impl JsonSchema for RequestTail {
    fn schema_name() -> Cow<'static, str> {
        "RequestTail".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "The requests of the last records before an offset of `transactions`, newest first: four bytes of the SHA-256 of each request id's text, URL-safe base64; 0 of one that is not known.",
            "type": "string"
        })
    }
}

#[cfg(test)]
mod tests;
