//! Cursors: signed handles of how far a subscriber was told, to go on from there. Bound to tenant,
//! room and expiry; short, since every notification carries one. Not bound to a principal: the
//! subscribers of a channel share one notification, and rights are checked when a cursor is used.

use crate::{
    notification::FeedPosition,
    offset::{ChangesOffset, Epoch, InformativeOffset},
    signing::Keyring,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

/// How far every partition is told, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub generation: u16,
    /// Unix seconds after which it is refused.
    pub expires: u64,
    pub points: Vec<FeedPosition>,
}

/// What a cursor is good for: signed, not carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorScope<'a> {
    pub tenant: &'a str,
    /// The room's name, which stands for index, collection and filter.
    pub room: &'a str,
}

/// Why a text is not a cursor that may be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCursor {
    #[error("not a cursor: expected `c1.` and what a notification carried behind it")]
    Malformed,
    #[error(
        "the cursor was not signed by this deployment for this filter on this collection and this tenant"
    )]
    Foreign,
    #[error("the cursor has expired")]
    Expired,
}

const PURPOSE: &str = "cursor";
const PREFIX: &str = "c1.";
const TAG: usize = 16;

impl Cursor {
    /// Text form: `c1.` and, URL-safe, the numbers (LEB128), the key's id and the first 16 bytes of
    /// the tag.
    pub fn sign(&self, keys: &Keyring, scope: CursorScope<'_>) -> String {
        let mut bytes = Vec::with_capacity(32 + self.points.len() * 16);
        put_varint(&mut bytes, self.generation.into());
        put_varint(&mut bytes, self.expires);
        for point in &self.points {
            put_varint(&mut bytes, point.next.get());
            put_varint(&mut bytes, point.next.since(point.resume));
            let open = point.epoch.map_or(0, |epoch| epoch.opened_at().get() + 1);
            put_varint(&mut bytes, open);
            put_varint(&mut bytes, point.emitted.into());
            put_varint(&mut bytes, point.informative.get());
        }
        let key = keys.signer();
        let tag = key.tag(PURPOSE, &signed_parts(scope, &bytes));
        bytes.push(key.id());
        bytes.extend_from_slice(&tag[..TAG]);
        let mut text = String::with_capacity(PREFIX.len() + bytes.len().div_ceil(3) * 4);
        text.push_str(PREFIX);
        BASE64.encode_string(bytes, &mut text);
        text
    }

    /// Reads it, checks the signature and that it was made for this scope and is not older than `now` (Unix
    /// seconds) allows.
    pub fn open(
        text: &str,
        keys: &Keyring,
        scope: CursorScope<'_>,
        now: u64,
    ) -> Result<Self, BadCursor> {
        let bytes = text
            .strip_prefix(PREFIX)
            .and_then(|text| BASE64.decode(text).ok())
            .ok_or(BadCursor::Malformed)?;
        let (payload, signature) = bytes
            .len()
            .checked_sub(TAG + 1)
            .map(|at| bytes.split_at(at))
            .ok_or(BadCursor::Malformed)?;
        let cursor = Self::read(payload).ok_or(BadCursor::Malformed)?;
        let key = keys.signing_key(signature[0]);
        let parts = signed_parts(scope, payload);
        if !key.is_some_and(|key| key.verify(PURPOSE, &parts, &signature[1..])) {
            Err(BadCursor::Foreign)
        } else if cursor.expires < now {
            Err(BadCursor::Expired)
        } else {
            Ok(cursor)
        }
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let (generation, expires) = (take_varint(bytes)?.try_into().ok()?, take_varint(bytes)?);
        let mut points = Vec::new();
        while !bytes.is_empty() {
            let next = take_varint(bytes)?;
            let resume = next.checked_sub(take_varint(bytes)?)?;
            let epoch = take_varint(bytes)?
                .checked_sub(1)
                .map(|open| Epoch::begun_at(ChangesOffset::new(open)));
            points.push(FeedPosition {
                resume: ChangesOffset::new(resume),
                next: ChangesOffset::new(next),
                epoch,
                emitted: take_varint(bytes)?.try_into().ok()?,
                informative: InformativeOffset::new(take_varint(bytes)?),
            });
        }
        Some(Self {
            generation,
            expires,
            points,
        })
    }
}

fn signed_parts<'a>(scope: CursorScope<'a>, payload: &'a [u8]) -> [&'a [u8]; 3] {
    [scope.tenant.as_bytes(), scope.room.as_bytes(), payload]
}

fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        number |= part
            .checked_shl(shift)
            .filter(|shifted| shifted >> shift == part)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
