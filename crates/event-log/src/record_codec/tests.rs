use super::*;
use bytes::Bytes;
use proptest::prelude::*;

fn record(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[(&str, &[u8])]) -> NewRecord {
    NewRecord {
        topic: "t".into(),
        partition: 3,
        key: key.map(Bytes::copy_from_slice),
        value: value.map(Bytes::copy_from_slice),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned().into(), Bytes::copy_from_slice(value)))
            .collect(),
    }
}

fn entry(bytes: Vec<u8>) -> segment_log::Entry {
    segment_log::Entry {
        offset: 7,
        timestamp: 9,
        record: bytes.into(),
    }
}

fn round_trip(record: &NewRecord) {
    let mut bytes = Vec::new();
    encode_record(record, &mut bytes);
    assert_eq!(Some(bytes.len()), encoded_size(record));
    let decoded = decode_record(3, entry(bytes)).unwrap();
    assert_eq!(
        (decoded.partition, decoded.offset, decoded.timestamp),
        (3, 7, 9)
    );
    assert_eq!(
        (decoded.key, decoded.value, decoded.headers),
        (
            record.key.clone(),
            record.value.clone(),
            record.headers.clone()
        )
    );
}

#[test]
fn golden_bytes_decode_for_ever() {
    let golden = include_bytes!("../../fixtures/record-v1.bin");
    let written = record(
        Some(b"key"),
        Some(b"{\"value\":1}"),
        &[("ce_id", b"1"), ("empty", b""), ("ce_id", b"2")],
    );
    let mut bytes = Vec::new();
    encode_record(&written, &mut bytes);
    assert_eq!(
        bytes, golden,
        "the format changed: stored logs could not be read any more"
    );
    let decoded = decode_record(0, entry(golden.to_vec())).unwrap();
    assert_eq!(decoded.headers, written.headers);
}

#[test]
fn every_cut_is_an_error() {
    let mut bytes = Vec::new();
    encode_record(
        &record(Some(b"key"), Some(b"value"), &[("name", b"content")]),
        &mut bytes,
    );
    for length in 0..bytes.len() {
        assert!(
            decode_record(0, entry(bytes[..length].to_vec())).is_err(),
            "{length}"
        );
    }
    bytes.push(0);
    assert!(decode_record(0, entry(bytes)).is_err());
}

#[test]
fn null_and_empty_differ() {
    round_trip(&record(None, None, &[]));
    round_trip(&record(Some(b""), Some(b""), &[("", b"")]));
}

proptest! {
    #[test]
    fn any_record_comes_back(
        key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        value in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200)),
        headers in proptest::collection::vec((".{0,12}", proptest::collection::vec(any::<u8>(), 0..30)), 0..8),
    ) {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        round_trip(&record(key.as_deref(), value.as_deref(), &headers));
    }

    #[test]
    fn any_bytes_are_refused_or_decoded(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = decode_record(0, entry(bytes));
    }
}
