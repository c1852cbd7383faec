//! Names of things that travel: request ids, entity keys, and the partition a key belongs to.
//! Parsed once, never re-checked.

use crate::{position::Position, signing::Keyring};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

const TAG: usize = 6;
const UNIQUE: usize = 16;
const LENGTH: usize = 5 + UNIQUE + TAG;
/// What every id's text begins with.
const PREFIX: &str = "r1";
const TEXT: usize = PREFIX.len() + LENGTH / 3 * 4;
const PURPOSE: &str = "request-id";

/// A request's name for life. It carries the partition its event is in and a signature, so that any
/// gateway can find the request without an index, and nobody can make ids up. Text form: `r1` and
/// 36 characters of URL-safe base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId([u8; LENGTH]);

/// Why a text is not a request id of this deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequestId {
    #[error("not a request id: expected `r1` and 36 characters of URL-safe base64")]
    Malformed,
    #[error("the request id was not signed by this deployment")]
    Forged,
}

impl RequestId {
    /// `unique`: 16 bytes that nobody had before, or derived from an idempotency key
    /// ([`RequestId::derive`]).
    pub fn mint(keys: &Keyring, generation: u16, partition: u16, unique: [u8; UNIQUE]) -> Self {
        let mut bytes = [0; LENGTH];
        bytes[0] = keys.id();
        bytes[1..3].copy_from_slice(&generation.to_be_bytes());
        bytes[3..5].copy_from_slice(&partition.to_be_bytes());
        bytes[5..5 + UNIQUE].copy_from_slice(&unique);
        let tag = keys.tag(PURPOSE, &[&bytes[..5 + UNIQUE]]);
        bytes[5 + UNIQUE..].copy_from_slice(&tag[..TAG]);
        Self(bytes)
    }

    /// The 16 bytes that an idempotency key leads to: the same for a true repeat, different for
    /// anything else.
    pub fn derive(keys: &Keyring, scope: &[u8], key: &[u8], body_hash: &[u8]) -> [u8; UNIQUE] {
        first16(&keys.tag("idempotency", &[scope, key, body_hash]))
    }

    /// The 16 bytes of child `n`: H(parent, n). Where the parent's begin with the time (a UUID of
    /// version 7), so do these, and children of one parent sort in their order.
    pub fn child(parent: &[u8; UNIQUE], n: u64) -> [u8; UNIQUE] {
        let mut bytes = first16(
            &Sha256::new()
                .chain_update(parent)
                .chain_update(n.to_be_bytes())
                .finalize(),
        );
        if parent[6] >> 4 == 7 {
            bytes[..6].copy_from_slice(&parent[..6]);
            let order = (n & 0x3fff) as u16;
            bytes[6..8].copy_from_slice(&(0x7000 | order >> 2).to_be_bytes());
            bytes[8] = 0x80 | (order as u8 & 3) << 4 | bytes[8] & 0x0f;
        }
        bytes
    }

    /// The id of a record that is no event and has no id of its own, from where it stands: the same
    /// for whoever reads it. No client was ever given it, and none can present it: it is not signed.
    pub fn of_record(topic_id: &str, position: &Position) -> Self {
        let hash = Sha256::new()
            .chain_update(topic_id)
            .chain_update(position.generation.to_be_bytes())
            .chain_update(position.partition.to_be_bytes())
            .chain_update(position.offset.get().to_be_bytes())
            .finalize();
        let mut bytes = [0; LENGTH];
        bytes[1..3].copy_from_slice(&position.generation.to_be_bytes());
        bytes[3..5].copy_from_slice(&position.partition.to_be_bytes());
        bytes[5..5 + UNIQUE].copy_from_slice(&hash[..UNIQUE]);
        Self(bytes)
    }

    /// Reads the text form without checking the signature: for records of our own log only.
    pub fn parse_trusted(text: &str) -> Result<Self, BadRequestId> {
        let encoded = text.strip_prefix(PREFIX).ok_or(BadRequestId::Malformed)?;
        let mut bytes = [0; LENGTH];
        match BASE64.decode_slice(encoded, &mut bytes) {
            Ok(LENGTH) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(BadRequestId::Malformed),
        }
    }

    /// Hands on the text form, which is made without an allocation.
    fn with_text<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        let mut text = [0; TEXT];
        text[..PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
        BASE64
            .encode_slice(self.0, &mut text[PREFIX.len()..])
            .expect("the text of an id has its place");
        take(str::from_utf8(&text).expect("base64 is ASCII"))
    }

    /// Reads the text form a client sent.
    pub fn parse(text: &str, keys: &Keyring) -> Result<Self, BadRequestId> {
        let id = Self::parse_trusted(text)?;
        let signed = id.0[0] == keys.id()
            && keys.verify(PURPOSE, &[&id.0[..5 + UNIQUE]], &id.0[5 + UNIQUE..]);
        signed.then_some(id).ok_or(BadRequestId::Forged)
    }

    pub fn generation(&self) -> u16 {
        u16::from_be_bytes([self.0[1], self.0[2]])
    }

    pub fn partition(&self) -> u16 {
        u16::from_be_bytes([self.0[3], self.0[4]])
    }

    /// What the ledger is keyed by.
    pub fn unique(&self) -> [u8; UNIQUE] {
        first16(&self.0[5..])
    }
}

fn first16(bytes: &[u8]) -> [u8; UNIQUE] {
    bytes[..UNIQUE].try_into().expect("sliced to 16 bytes")
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for RequestId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse_trusted(&text).map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for RequestId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RequestId".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^r1[A-Za-z0-9_-]{36}$"})
    }
}

/// What must stay in order: record key, hence partition (`user/42`, `index/collection/id`).
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct EntityKey(pub String);

impl EntityKey {
    /// The partition of this key among `count`: murmur2 as Kafka's own clients hash keys, so that a
    /// record produced by hand with the same key lands in the same partition.
    pub fn partition(&self, count: u16) -> u16 {
        ((murmur2(self.0.as_bytes()) & 0x7fff_ffff) % u32::from(count)) as u16
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// MurmurHash2, 32 bit, with the seed that Kafka's default partitioner uses.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut h: u32 = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes(chunk.try_into().expect("chunks of four")).wrapping_mul(M);
        k ^= k >> 24;
        h = h.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * i);
        }
        h = h.wrapping_mul(M);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(M);
    h ^ h >> 15
}

#[cfg(test)]
mod tests;
