//! Bytes that are not what was written: golden records and held rows, damaged in thousands of seeded
//! ways. Whoever decodes them says that they are damaged, or reads something that can be written and
//! read again; never is it a panic. `CONSIGN_MUTATIONS` for more of each.

use crate::golden;
use bytes::Bytes;
use event_schema::{
    codec::{self, Parts},
    held::{self, HeldEvent, HeldKind},
    mutation::RowKey,
};
use seeded_dice::{SeededDice, damaged_copy, mutation_count};
use serde_json::{Map, Value};

/// Of each record.
fn mutations() -> u64 {
    mutation_count(400)
}

fn damaged(dice: &mut SeededDice, bytes: &Bytes) -> Bytes {
    damaged_copy(dice, bytes).into()
}

/// One or more parts of a record are others.
fn damaged_record(dice: &mut SeededDice, parts: &Parts, other: &Parts) -> Parts {
    let mut parts = parts.clone();
    match dice.below(8) {
        0 => parts.key = parts.key.map(|key| damaged(dice, &key)),
        1 => parts.key = None,
        2 => parts.value = None,
        3 => parts.value.clone_from(&other.value),
        4 if !parts.headers.is_empty() => {
            let at = dice.below(parts.headers.len());
            parts.headers.remove(at);
        }
        5 if !parts.headers.is_empty() => {
            let at = dice.below(parts.headers.len());
            let value = damaged(dice, &parts.headers[at].1);
            parts.headers[at].1 = value;
        }
        6 => parts.headers.extend(other.headers.iter().cloned()),
        _ => parts.value = parts.value.map(|value| damaged(dice, &value)),
    }
    parts
}

/// By every decoder there is, since a header may say anything; what was read, written again.
fn read_by_all(parts: &Parts) -> Vec<Parts> {
    _ = codec::decode_stand_in(parts);
    let read = [
        codec::decode_transaction(parts).map(|read| codec::encode_transaction(&read)),
        codec::decode_informative(parts).map(|read| codec::encode_informative(&read)),
        codec::decode_change(parts).map(|read| codec::encode_change(&read)),
        codec::decode_mail(parts).map(|read| codec::encode_mail(&read)),
        codec::decode_membership(parts).map(|read| codec::encode_membership(&read)),
        codec::decode_security(parts).map(|read| codec::encode_security(&read)),
        codec::decode_dead_letter(parts).map(|read| codec::encode_dead_letter(&read)),
        codec::decode_catalog(parts).map(|read| codec::encode_catalog("v", &read)),
    ];
    read.into_iter().flatten().collect()
}

#[test]
fn a_damaged_record_is_said_to_be_one_or_read_as_what_can_be_written_again() {
    let all: Vec<Parts> = golden::all().iter().map(|(_, one)| one.parts()).collect();
    let (mut read, mut refused) = (0, 0);
    for (n, parts) in all.iter().enumerate() {
        let mut dice = SeededDice::new(n as u64);
        for _ in 0..mutations() {
            let other = &all[dice.below(all.len())];
            let damaged = damaged_record(&mut dice, parts, other);
            let once = read_by_all(&damaged);
            if once.is_empty() {
                refused += 1;
            }
            for again in once {
                read += 1;
                assert!(
                    !read_by_all(&again).is_empty(),
                    "record {n}: {damaged:?} was read, and written as what nobody reads: {again:?}"
                );
            }
        }
    }
    assert!(
        read > 100 && refused > 100,
        "{read} read, {refused} refused"
    );
}

/// The row of a held event as it stands in the record store: texts in cells.
fn held_cells() -> Map<String, Value> {
    let golden = golden::all().into_iter().map(|(_, golden)| golden.parts());
    let letter = golden
        .into_iter()
        .find_map(|parts| codec::decode_dead_letter(&parts).ok())
        .unwrap();
    let held = HeldEvent {
        request: letter.request,
        operation: "document.update".into(),
        tenant: "default".into(),
        catalog: "1".into(),
        position: letter.position,
        kind: HeldKind::Dead,
        attempts: 2,
        history: Vec::new(),
        accepted: letter.time,
        since: letter.time,
        prev: None,
    };
    held::held_cells(&held, &letter.original)
}

#[test]
fn a_damaged_row_of_a_queue_is_said_to_be_one() {
    let whole = held_cells();
    assert!(held::read_original(&whole).is_ok() && held::read_held(&whole).is_ok());
    let mut dice = SeededDice::new(7);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..mutations() * 20 {
        let mut cells = whole.clone();
        for (_, cell) in &mut cells {
            let bytes = damaged_copy(&mut dice, cell.as_str().unwrap().as_bytes());
            *cell = match dice.below(10) {
                0 => Value::Null,
                1 => 7.into(),
                _ => String::from_utf8_lossy(&bytes).into_owned().into(),
            };
        }
        let key = RowKey {
            table: held::HELD.to_owned(),
            key: cells.clone(),
        };
        _ = (held::read_place(&key), held::read_lock(&key, &cells));
        _ = held::read_held(&cells);
        match held::read_original(&cells).map(|original| original.parts()) {
            Ok(_) => read += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(read > 10 && refused > 100, "{read} read, {refused} refused");
}
