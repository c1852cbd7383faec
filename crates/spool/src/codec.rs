//! A spooled record as bytes: where it goes, and what it is. What was written once must decode as
//! long as a spool may be old.
//!
//! First byte: the format (1). Then the topic (length u16, UTF-8), the partition u16, and the
//! record as [`event_log::record_codec`] writes it. Little endian.

use bytes::{Buf, Bytes};
use event_log::{NewRecord, record_codec};

const FORMAT: u8 = 1;

/// Why bytes are no spooled record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a spooled record cannot be read: {0}")]
pub struct BadRecord(pub &'static str);

/// The exact length of a record's bytes; none if the format cannot hold it.
pub fn encoded_size(record: &NewRecord) -> Option<usize> {
    u16::try_from(record.topic.len()).ok()?;
    Some(5 + record.topic.len() + record_codec::encoded_size(record)?)
}

/// Appends the bytes of a record that has an [`encoded_size`].
pub fn encode_record(record: &NewRecord, buffer: &mut Vec<u8>) {
    buffer.push(FORMAT);
    let topic =
        u16::try_from(record.topic.len()).expect("`encoded_size` checked the topic's length");
    buffer.extend_from_slice(&topic.to_le_bytes());
    buffer.extend_from_slice(record.topic.as_bytes());
    buffer.extend_from_slice(&record.partition.to_le_bytes());
    record_codec::encode_record(record, buffer);
}

/// The record; its parts share the memory.
pub fn decode_record(mut bytes: Bytes) -> Result<NewRecord, BadRecord> {
    const CUT: BadRecord = BadRecord("it ends early");
    if bytes.try_get_u8().map_err(|_| CUT)? != FORMAT {
        return Err(BadRecord("its format is not known"));
    }
    let length = usize::from(bytes.try_get_u16_le().map_err(|_| CUT)?);
    if length > bytes.len() {
        return Err(CUT);
    }
    let topic = bytes.split_to(length);
    let topic = std::str::from_utf8(&topic).map_err(|_| BadRecord("its topic is not UTF-8"))?;
    let topic = topic.into();
    let partition = bytes.try_get_u16_le().map_err(|_| CUT)?;
    let (key, value, headers) = record_codec::decode_parts(bytes).map_err(BadRecord)?;
    Ok(NewRecord {
        topic,
        partition,
        key,
        value,
        headers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> NewRecord {
        NewRecord {
            topic: "consign.transactions".into(),
            partition: 3,
            key: Some(Bytes::from_static(b"user/42")),
            value: Some(Bytes::from_static(br#"{"n":1}"#)),
            headers: vec![("ce_id".into(), Bytes::from_static(b"x"))],
        }
    }

    #[test]
    fn a_record_comes_back_and_no_prefix_of_it_does() {
        let (record, mut bytes) = (record(), Vec::new());
        encode_record(&record, &mut bytes);
        assert_eq!(Some(bytes.len()), encoded_size(&record));
        let back = decode_record(bytes.clone().into()).unwrap();
        assert_eq!(format!("{back:?}"), format!("{record:?}"));
        for cut in 0..bytes.len() {
            assert!(
                decode_record(bytes[..cut].to_vec().into()).is_err(),
                "cut at {cut}"
            );
        }
    }

    /// Bytes that a spool of an earlier process may hold.
    #[test]
    fn old_bytes_decode() {
        let mut bytes = Vec::new();
        encode_record(&record(), &mut bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let golden = "011400636f6e7369676e2e7472616e73616374696f6e73030031070000007573\
                      65722f3432070000007b226e223a317d0100050063655f69640100000078";
        assert_eq!(hex, golden);
    }
}
