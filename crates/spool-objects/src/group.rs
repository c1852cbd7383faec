//! An object with a group of records, as bytes. Pure. What was written once must decode as long as a
//! spool may be old, and bytes that are not what was written never do.
//!
//! Head, little endian: `CSO1`, the spool's id u64, the group's number u64, its first record's
//! number u64, how many records u32, when they were written i64 (Unix milliseconds), the length of
//! the body u64, and the CRC-32C of all these. Body: for each record its length u32 and the bytes
//! that `spool::codec` makes. Then the CRC-32C of head and body.

use bytes::{Buf, Bytes};

const MARK: [u8; 4] = *b"CSO1";
/// The length of the head.
pub const HEAD: usize = 52;

/// What a group says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupHead {
    pub spool: u64,
    pub group: u64,
    pub first: u64,
    pub records: u32,
    /// Unix milliseconds.
    pub at: i64,
}

/// A group that was read.
#[derive(Clone, Debug)]
pub struct RecordGroup {
    pub head: GroupHead,
    pub records: Vec<Bytes>,
}

/// Why bytes are no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadGroup(pub &'static str);

impl GroupHead {
    /// Behind its last record.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.records)
    }

    /// The head at the beginning of these bytes, and the length of the body.
    pub fn decode(mut bytes: &[u8]) -> Result<(Self, u64), BadGroup> {
        let head = bytes.get(..HEAD).ok_or(BadGroup("it ends early"))?;
        if head[..4] != MARK {
            return Err(BadGroup("it is no group of records"));
        }
        let (checked, check) = head.split_at(HEAD - 4);
        if check != crc32c::crc32c(checked).to_le_bytes() {
            return Err(BadGroup("its head is damaged"));
        }
        bytes.advance(4);
        let head = Self {
            spool: bytes.get_u64_le(),
            group: bytes.get_u64_le(),
            first: bytes.get_u64_le(),
            records: bytes.get_u32_le(),
            at: bytes.get_i64_le(),
        };
        Ok((head, bytes.get_u64_le()))
    }
}

/// The bytes of a group.
pub fn encode_group(head: &GroupHead, records: &[Vec<u8>]) -> Vec<u8> {
    let body: usize = records.iter().map(|record| record.len() + 4).sum();
    let mut bytes = Vec::with_capacity(HEAD + body + 4);
    bytes.extend_from_slice(&MARK);
    bytes.extend_from_slice(&head.spool.to_le_bytes());
    bytes.extend_from_slice(&head.group.to_le_bytes());
    bytes.extend_from_slice(&head.first.to_le_bytes());
    bytes.extend_from_slice(&head.records.to_le_bytes());
    bytes.extend_from_slice(&head.at.to_le_bytes());
    bytes.extend_from_slice(&(body as u64).to_le_bytes());
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    for record in records {
        let length = u32::try_from(record.len()).expect("a record is shorter than the log allows");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(record);
    }
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// The group; its records share the memory.
pub fn decode_group(bytes: &Bytes) -> Result<RecordGroup, BadGroup> {
    let (head, body) = GroupHead::decode(bytes)?;
    let end = usize::try_from(body)
        .ok()
        .and_then(|body| body.checked_add(HEAD));
    let end = end.ok_or(BadGroup("it is too long"))?;
    match bytes.len().checked_sub(end) {
        Some(4) => {}
        Some(_) => return Err(BadGroup("it goes on behind its end")),
        None => return Err(BadGroup("it ends early")),
    }
    if bytes[end..] != crc32c::crc32c(&bytes[..end]).to_le_bytes() {
        return Err(BadGroup("it is damaged"));
    }
    let (mut rest, mut records) = (bytes.slice(HEAD..end), Vec::new());
    while !rest.is_empty() {
        let length = rest
            .try_get_u32_le()
            .map_err(|_| BadGroup("it is damaged"))? as usize;
        if length > rest.len() {
            return Err(BadGroup("it is damaged"));
        }
        records.push(rest.split_to(length));
    }
    if records.len() != head.records as usize {
        return Err(BadGroup("its records are not as many as it says"));
    }
    Ok(RecordGroup { head, records })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> (GroupHead, Vec<u8>) {
        let head = GroupHead {
            spool: 7,
            group: 3,
            first: 40,
            records: 2,
            at: 1_700_000_000_000,
        };
        let bytes = encode_group(&head, &[b"one".to_vec(), b"another".to_vec()]);
        (head, bytes)
    }

    #[test]
    fn a_group_comes_back_and_nothing_that_is_cut_or_has_another_bit_does() {
        let (head, whole) = group();
        let back = decode_group(&whole.clone().into()).unwrap();
        assert_eq!(back.head, head);
        assert_eq!(back.records, [&b"one"[..], b"another"]);
        assert_eq!(head.end(), 42);
        for cut in 0..whole.len() {
            assert!(
                decode_group(&whole[..cut].to_vec().into()).is_err(),
                "cut at {cut}"
            );
        }
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode_group(&bytes.into()).is_err(), "bit {bit}");
        }
        let longer = [whole, vec![0]].concat();
        assert!(decode_group(&longer.into()).is_err());
    }

    /// Bytes that a spool of an earlier process may hold.
    #[test]
    fn old_bytes_decode() {
        let hex: String = group().1.iter().map(|byte| format!("{byte:02x}")).collect();
        let golden = "43534f3107000000000000000300000000000000280000000000000002000000\
                      0068e5cf8b010000120000000000000050b2f1e1030000006f6e650700000061\
                      6e6f74686572";
        assert_eq!(hex[..96], golden[..96]);
    }
}
