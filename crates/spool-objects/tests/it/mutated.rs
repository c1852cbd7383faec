//! A group of records, damaged in seeded ways, is refused, whatever happened to it; one that stands
//! under another's name is told apart by what it says of itself. Never is it a panic, nor memory for a length that only damage
//! names. `CONSIGN_MUTATIONS` for more.

use bytes::Bytes;
use seeded_dice::{SeededDice, damaged_copy, mutation_count, refuse_huge_memory};
use spool_objects::group::{GroupHead, HEAD, decode_group, encode_group};

fn group(n: u64) -> (GroupHead, Vec<Vec<u8>>) {
    let records: Vec<Vec<u8>> = (0..n * 3 % 11)
        .map(|record| vec![b'a' + record as u8; (n * 37 + record * 11) as usize % 300])
        .collect();
    let head = GroupHead {
        spool: 7 + n % 2,
        group: n,
        first: n * 100,
        records: records.len() as u32,
        at: 1_700_000_000_000,
    };
    (head, records)
}

#[test]
fn a_group_that_is_damaged_in_any_way_is_refused() {
    refuse_huge_memory();
    let mut refused = 0_u64;
    for n in 0..12 {
        let (head, records) = group(n);
        let (whole, mut dice) = (encode_group(&head, &records), SeededDice::new(n));
        for _ in 0..mutation_count(2_000) {
            let bytes = damaged_copy(&mut dice, &whole);
            let read = decode_group(&Bytes::from(bytes.clone()));
            if bytes == whole {
                let read = read.unwrap();
                assert_eq!((read.head, read.records.len()), (head, records.len()));
                continue;
            }
            assert!(read.is_err(), "group {n} was read from {bytes:?}");
            _ = GroupHead::decode(&bytes);
            refused += 1;
        }
    }
    assert!(refused > 1_000, "{refused} refused");
}

/// With checksums that are right again: nothing but what is read behind them is left to find it.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() > HEAD + 4 {
        let check = crc32c::crc32c(&bytes[..HEAD - 4]).to_le_bytes();
        bytes[HEAD - 4..HEAD].copy_from_slice(&check);
        let end = bytes.len() - 4;
        let check = crc32c::crc32c(&bytes[..end]).to_le_bytes();
        bytes[end..].copy_from_slice(&check);
    }
    bytes
}

#[test]
fn a_group_whose_checksums_are_right_is_the_group_of_its_bytes_or_none() {
    refuse_huge_memory();
    let (mut read, mut refused) = (0, 0);
    for n in 0..12 {
        let (head, records) = group(n);
        let (whole, mut dice) = (encode_group(&head, &records), SeededDice::new(n));
        for _ in 0..mutation_count(2_000) {
            let bytes = resealed(damaged_copy(&mut dice, &whole));
            match decode_group(&Bytes::from(bytes.clone())) {
                Ok(group) => {
                    let records: Vec<_> =
                        group.records.iter().map(|record| record.to_vec()).collect();
                    assert_eq!(encode_group(&group.head, &records), bytes);
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        read > 100 && refused > 100,
        "{read} read, {refused} refused"
    );
}
