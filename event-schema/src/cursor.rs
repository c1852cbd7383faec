//! Cursors: signed handles of how far a subscriber was told, to go on from there. Bound to tenant,
//! principal, room and expiry; short, since every notification carries one.

use crate::{notification::Point, signing::Keyring};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

/// How far every partition is told, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub generation: u16,
    /// Unix seconds after which it is refused.
    pub expires: u64,
    pub points: Vec<Point>,
}

/// Whose it is and of which room: signed, not carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer<'a> {
    pub tenant: &'a str,
    pub principal: &'a str,
    /// The room's name, which stands for index, collection and filter.
    pub room: &'a str,
}

/// Why a text is not a cursor that may be used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCursor {
    #[error("not a cursor: expected `c1.` and what a notification carried behind it")]
    Malformed,
    #[error(
        "the cursor was not signed by this deployment for this filter on this collection, or was given to somebody else"
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
    pub fn sign(&self, keys: &Keyring, bearer: Bearer<'_>) -> String {
        let mut bytes = Vec::with_capacity(32 + self.points.len() * 16);
        put(&mut bytes, self.generation.into());
        put(&mut bytes, self.expires);
        for point in &self.points {
            put(&mut bytes, point.next);
            put(&mut bytes, point.next.saturating_sub(point.resume));
            put(&mut bytes, point.epoch);
            put(&mut bytes, point.told.into());
            put(&mut bytes, point.informative);
        }
        let tag = tag(keys, bearer, &bytes);
        bytes.push(keys.id());
        bytes.extend_from_slice(&tag[..TAG]);
        let mut text = String::with_capacity(PREFIX.len() + bytes.len().div_ceil(3) * 4);
        text.push_str(PREFIX);
        BASE64.encode_string(bytes, &mut text);
        text
    }

    /// Reads it, checks the signature and that it is the bearer's and not older than `now` (Unix
    /// seconds) allows.
    pub fn open(
        text: &str,
        keys: &Keyring,
        bearer: Bearer<'_>,
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
        let signed = signature[0] == keys.id()
            && keys.verify(PURPOSE, &parts(bearer, payload), &signature[1..]);
        match () {
            () if !signed => Err(BadCursor::Foreign),
            () if cursor.expires < now => Err(BadCursor::Expired),
            () => Ok(cursor),
        }
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let (generation, expires) = (take(bytes)?.try_into().ok()?, take(bytes)?);
        let mut points = Vec::new();
        while !bytes.is_empty() {
            let next = take(bytes)?;
            let resume = next.checked_sub(take(bytes)?)?;
            points.push(Point {
                resume,
                next,
                epoch: take(bytes)?,
                told: take(bytes)?.try_into().ok()?,
                informative: take(bytes)?,
            });
        }
        Some(Self {
            generation,
            expires,
            points,
        })
    }
}

fn tag(keys: &Keyring, bearer: Bearer<'_>, payload: &[u8]) -> [u8; 32] {
    keys.tag(PURPOSE, &parts(bearer, payload))
}

fn parts<'a>(bearer: Bearer<'a>, payload: &'a [u8]) -> [&'a [u8]; 4] {
    [
        bearer.tenant.as_bytes(),
        bearer.principal.as_bytes(),
        bearer.room.as_bytes(),
        payload,
    ]
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
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
