//! A record as bytes in a segment log: of a partition of the embedded log, or of a spool. Stored
//! for as long as a topic lives: what was written once must decode for ever.
//!
//! First byte: bits 0 to 3 the format (1), bit 4 a key is there, bit 5 a value is there. Then key
//! and value (length u32, bytes; each only if there), number of headers u16, and each header:
//! length of the name u16, name (UTF-8), length of the value u32, value. Little endian.

use crate::{Headers, NewRecord, Record};
use bytes::{Buf, Bytes};

/// Key, value and headers.
pub type RecordParts = (Option<Bytes>, Option<Bytes>, Headers);

const FORMAT: u8 = 1;
const KEY: u8 = 1 << 4;
const VALUE: u8 = 1 << 5;

/// The exact length of a record's bytes, `None` if the format cannot hold it.
pub fn encoded_size(record: &NewRecord) -> Option<usize> {
    let fits = |length: usize| u32::try_from(length).is_ok();
    let field = |field: &Option<Bytes>| field.as_ref().map_or(0, |bytes| 4 + bytes.len());
    let names = record
        .headers
        .iter()
        .all(|(name, value)| u16::try_from(name.len()).is_ok() && fits(value.len()));
    let headers: usize = record
        .headers
        .iter()
        .map(|(name, value)| 6 + name.len() + value.len())
        .sum();
    let size = 3 + field(&record.key) + field(&record.value) + headers;
    (names && fits(size) && u16::try_from(record.headers.len()).is_ok()).then_some(size)
}

/// Appends the bytes of a record that has an [`encoded_size`].
#[allow(
    clippy::cast_possible_truncation,
    reason = "`size` checked every length"
)]
pub fn encode_record(record: &NewRecord, buffer: &mut Vec<u8>) {
    let flag = |field: &Option<Bytes>, flag| field.as_ref().map_or(0, |_| flag);
    buffer.push(FORMAT | flag(&record.key, KEY) | flag(&record.value, VALUE));
    for field in [&record.key, &record.value].into_iter().flatten() {
        buffer.extend_from_slice(&(field.len() as u32).to_le_bytes());
        buffer.extend_from_slice(field);
    }
    buffer.extend_from_slice(&(record.headers.len() as u16).to_le_bytes());
    for (name, value) in &record.headers {
        buffer.extend_from_slice(&(name.len() as u16).to_le_bytes());
        buffer.extend_from_slice(name.as_bytes());
        buffer.extend_from_slice(&(value.len() as u32).to_le_bytes());
        buffer.extend_from_slice(value);
    }
}

/// The record in an entry of a segment log; its parts share the entry's memory.
pub(crate) fn decode_record(
    partition: u16,
    entry: segment_log::Entry,
) -> Result<Record, &'static str> {
    let (key, value, headers) = decode_parts(entry.record)?;
    Ok(Record {
        partition,
        offset: entry.offset,
        timestamp: entry.timestamp,
        key,
        value,
        headers,
    })
}

/// Key, value and headers of what [`encode_record`] wrote; they share its memory.
pub fn decode_parts(mut bytes: Bytes) -> Result<RecordParts, &'static str> {
    let flags = bytes.try_get_u8().map_err(|_| "it is empty")?;
    if flags & 0x0f != FORMAT || flags & !(0x0f | KEY | VALUE) != 0 {
        return Err("its format is not known");
    }
    let mut field = |flag| {
        if flags & flag == 0 {
            Ok(None)
        } else {
            long_field(&mut bytes).map(Some)
        }
    };
    let (key, value) = (field(KEY)?, field(VALUE)?);
    let count = bytes.try_get_u16_le().map_err(|_| CUT)?;
    let mut headers = Headers::with_capacity(usize::from(count));
    for _ in 0..count {
        let length = bytes.try_get_u16_le().map_err(|_| CUT)?;
        let name = take_bytes(&mut bytes, usize::from(length))?;
        let name = std::str::from_utf8(&name)
            .map_err(|_| "a header's name is not UTF-8")?
            .to_owned();
        headers.push((name.into(), long_field(&mut bytes)?));
    }
    if bytes.has_remaining() {
        return Err("something follows it");
    }
    Ok((key, value, headers))
}

const CUT: &str = "it ends early";

fn long_field(bytes: &mut Bytes) -> Result<Bytes, &'static str> {
    let length = bytes.try_get_u32_le().map_err(|_| CUT)?;
    take_bytes(bytes, usize::try_from(length).map_err(|_| CUT)?)
}

fn take_bytes(bytes: &mut Bytes, length: usize) -> Result<Bytes, &'static str> {
    if length > bytes.len() {
        return Err(CUT);
    }
    Ok(bytes.split_to(length))
}

#[cfg(test)]
mod tests;
