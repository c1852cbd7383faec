//! What is held for a person, and what waits behind it: rows like any others, found by their key
//! and one after the other.

use super::{
    answers::all_done,
    fixture::{Fixture, object},
};
use crate::{
    Record,
    document::{RowScan, Write},
};
use event_schema::{
    decision::OriginalRecord,
    held::{self, HeldMode, HeldPlace, KeyLock, LockState},
    id::EntityKey,
    mutation::RowMutation,
    offset::TransactionsOffset,
    position::{Position, Version},
};
use serde_json::json;

/// What is held is rows like any others, found by key and one after the other.
pub async fn held_rows_are_scanned_in_the_order_of_their_queue(record: &dyn Record) {
    let f = Fixture::new();
    let key = EntityKey(format!("user/{}", f.collection.index));
    let other = EntityKey(format!("{}-", key.0));
    let version = f.version(1);
    let place = |mode, offset| {
        let position = Position {
            generation: 1,
            partition: 0,
            offset: TransactionsOffset::new(offset),
        };
        HeldPlace::of(mode, &position)
    };
    let places = [
        place(HeldMode::Strict, 9),
        place(HeldMode::Strict, 10),
        place(HeldMode::Strict, 11),
        place(HeldMode::Open, 1),
    ];
    let write = |mutation: RowMutation, version: Version| {
        Write::Row(crate::RowWrite {
            mutation,
            version,
            step: 0,
        })
    };
    let cells = |n: usize| {
        let event = OriginalRecord {
            key: None,
            value: Some(n.to_string()),
            headers: Vec::new(),
        };
        let event = serde_json::to_string(&event).expect("plain JSON");
        object(json!({"entry": "{}", "event": event}))
    };
    let put = |key: &EntityKey, n: usize| {
        let mutation = held::move_held(key, &places[n], None, Some(cells(n)));
        write(mutation, version)
    };
    let queue = [
        put(&key, 2),
        put(&key, 0),
        put(&other, 1),
        put(&key, 1),
        put(&key, 3),
    ];
    all_done(&record.apply(&queue).await, queue.len());
    let gone = held::move_held(&key, &places[1], Some(cells(1)), None);
    all_done(&record.apply(&[write(gone, f.version(2))]).await, 1);
    let scan = |after: Option<&HeldPlace>, limit| RowScan {
        table: held::HELD.to_owned(),
        partition: held::queue_key(&key),
        after: after.map(|place| place.as_str().to_owned()),
        limit,
    };
    let found = |rows: Vec<(event_schema::mutation::RowKey, crate::document::StoredRow)>| {
        rows.into_iter()
            .map(|(key, row)| {
                let event = held::read_original(&row.cells).expect("it was written");
                (held::read_place(&key).expect("it has one"), event.value)
            })
            .collect::<Vec<_>>()
    };
    let of = |n: usize| (places[n].clone(), Some(n.to_string()));
    let all = record.scan_rows(&scan(None, 10)).await.expect("rows");
    assert_eq!(found(all), [of(0), of(2), of(3)]);
    let some = record.scan_rows(&scan(Some(&places[0]), 1)).await;
    assert_eq!(found(some.expect("rows")), [of(2)]);
    let rest = record.scan_rows(&scan(Some(&places[2]), 10)).await;
    assert_eq!(found(rest.expect("rows")), [of(3)]);
    let none = record.scan_rows(&scan(Some(&places[3]), 10)).await;
    assert_eq!(found(none.expect("rows")), []);
}

pub async fn locks_are_scanned_by_bucket(record: &dyn Record) {
    let f = Fixture::new();
    let lock = KeyLock {
        state: LockState::Locked,
        waiting: 3,
        ..KeyLock::default()
    };
    let keys: Vec<EntityKey> = ["a\"b", "a", "ä/\u{1F600}", ",-]"]
        .iter()
        .map(|text| EntityKey(format!("{}/{text}", f.collection.index)))
        .collect();
    let writes: Vec<Write> = keys
        .iter()
        .map(|key| {
            Write::Row(crate::RowWrite {
                mutation: held::move_lock(key, &KeyLock::default(), &lock),
                version: f.version(1),
                step: 0,
            })
        })
        .collect();
    all_done(&record.apply(&writes).await, writes.len());
    let mut found = Vec::new();
    for bucket in 0..held::BUCKETS {
        let mut after = None;
        loop {
            let scan = RowScan {
                table: held::LOCKS.to_owned(),
                partition: held::bucket_key(bucket),
                after: after.take(),
                limit: 2,
            };
            let rows = record.scan_rows(&scan).await.expect("rows");
            let count = rows.len();
            for (key, row) in rows {
                let (key, lock) = held::read_lock(&key, &row.cells).expect("a lock");
                assert_eq!(held::key_bucket(&key), bucket);
                after = Some(key.0.clone());
                if key.0.starts_with(&f.collection.index) {
                    assert_eq!(lock.waiting, 3);
                    found.push(key);
                }
            }
            if count < 2 {
                break;
            }
        }
    }
    found.sort();
    let mut keys = keys;
    keys.sort();
    assert_eq!(found, keys);
}
