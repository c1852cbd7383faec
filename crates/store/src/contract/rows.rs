//! Rows: put, merge, remove, versions per cell, types, expiry, before-images. The canonical form in
//! which cells are read back is [`crate::cell::canonical_value`]'s.

use super::{
    answers::{all_done, permanent, row, row_is},
    fixture::{Fixture, object, row_key},
};
use crate::{Record, document::Write};
use event_schema::mutation::RowAction::{Merge, Put, Remove};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub async fn put_merge_remove(record: &dyn Record) {
    let f = Fixture::new();
    let key = f.row_key(1);
    assert_eq!(row(record, &key).await, None);
    all_done(
        &record
            .apply(&[f.put_row(1, json!({"name": "a", "count": 1}), 1)])
            .await,
        1,
    );
    row_is(record, &key, json!({"name": "a", "count": 1})).await;
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"count": 2, "open": true}), 2)])
            .await,
        1,
    );
    row_is(record, &key, json!({"name": "a", "count": 2, "open": true})).await;
    all_done(&record.apply(&[f.remove_row(1, 3)]).await, 1);
    assert_eq!(row(record, &key).await, None);
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"count": 4}), 4)])
            .await,
        1,
    );
    row_is(record, &key, json!({"count": 4})).await;
}

pub async fn a_put_clears_what_it_does_not_name(record: &dyn Record) {
    let f = Fixture::new();
    all_done(
        &record
            .apply(&[f.put_row(
                1,
                json!({"name": "a", "count": 1, "tags": ["x"], "links": {"k": "v"}}),
                1,
            )])
            .await,
        1,
    );
    all_done(
        &record.apply(&[f.put_row(1, json!({"total": 2}), 2)]).await,
        1,
    );
    row_is(record, &f.row_key(1), json!({"total": 2})).await;
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"name": "late", "tags": ["late"]}), 1)])
            .await,
        1,
    );
    row_is(record, &f.row_key(1), json!({"total": 2})).await;
    all_done(&record.apply(&[f.put_row(1, json!({}), 3)]).await, 1);
    row_is(record, &f.row_key(1), json!({})).await;
}

pub async fn older_merges_do_not_overwrite_newer_cells(record: &dyn Record) {
    let f = Fixture::new();
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"name": "new", "count": 5}), 5)])
            .await,
        1,
    );
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"name": "old", "open": true}), 3)])
            .await,
        1,
    );
    row_is(
        record,
        &f.row_key(1),
        json!({"name": "new", "count": 5, "open": true}),
    )
    .await;
    all_done(
        &record
            .apply(&[f.put_row(1, json!({"name": "older", "ratio": 0.5}), 4)])
            .await,
        1,
    );
    row_is(
        record,
        &f.row_key(1),
        json!({"name": "new", "count": 5, "ratio": 0.5}),
    )
    .await;
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"name": null}), 4)])
            .await,
        1,
    );
    row_is(
        record,
        &f.row_key(1),
        json!({"name": "new", "count": 5, "ratio": 0.5}),
    )
    .await;
}

pub async fn a_removed_row_stays_against_late_older_writes(record: &dyn Record) {
    let f = Fixture::new();
    all_done(
        &record
            .apply(&[f.remove_row(1, 10), f.put_row(2, json!({"name": "b"}), 5)])
            .await,
        2,
    );
    all_done(&record.apply(&[f.remove_row(2, 10)]).await, 1);
    for item in [1, 2] {
        all_done(
            &record
                .apply(&[f.put_row(item, json!({"name": "late"}), 8)])
                .await,
            1,
        );
        all_done(
            &record
                .apply(&[f.merge_row(item, json!({"count": 9}), 9)])
                .await,
            1,
        );
        assert_eq!(row(record, &f.row_key(item)).await, None);
        all_done(
            &record
                .apply(&[f.merge_row(item, json!({"count": 11}), 11)])
                .await,
            1,
        );
        row_is(record, &f.row_key(item), json!({"count": 11})).await;
        all_done(&record.apply(&[f.remove_row(item, 10)]).await, 1);
        row_is(record, &f.row_key(item), json!({"count": 11})).await;
    }
}

pub async fn steps_order_mutations_of_one_decision(record: &dyn Record) {
    let f = Fixture::new();
    all_done(
        &record
            .apply(&[f.put_row(1, json!({"name": "before", "count": 1}), 1)])
            .await,
        1,
    );
    let steps = [
        Write::Row(f.row(1, Remove, json!({}), 2, 0)),
        Write::Row(f.row(1, Merge, json!({"name": "after"}), 2, 1)),
        Write::Row(f.row(1, Merge, json!({"open": false}), 2, 2)),
    ];
    for _ in 0..2 {
        all_done(&record.apply(&steps).await, 3);
        row_is(
            record,
            &f.row_key(1),
            json!({"name": "after", "open": false}),
        )
        .await;
    }
    let back = [
        Write::Row(f.row(1, Put, json!({"name": "x"}), 3, 0)),
        Write::Row(f.row(1, Remove, json!({}), 3, 1)),
    ];
    all_done(&record.apply(&back).await, 2);
    assert_eq!(row(record, &f.row_key(1)).await, None);
}

pub async fn a_batch_of_rows_repeated_changes_nothing(record: &dyn Record) {
    let f = Fixture::new();
    let mut batch = Vec::new();
    for item in 0..50 {
        batch.push(f.put_row(
            item,
            json!({"name": format!("n{item}"), "numbers": [1, 2], "tags": ["b", "a"]}),
            10,
        ));
        batch.push(f.merge_row(item, json!({"count": item, "steps": ["s"]}), 11));
        if item % 5 == 0 {
            batch.push(f.remove_row(item, 12));
        }
    }
    for _ in 0..3 {
        all_done(&record.apply(&batch).await, batch.len());
        for item in 0..50 {
            let expected = json!({"name": format!("n{item}"), "numbers": [1, 2], "tags": ["a", "b"], "count": item, "steps": ["s"]});
            match item % 5 {
                0 => assert_eq!(row(record, &f.row_key(item)).await, None),
                _ => row_is(record, &f.row_key(item), expected).await,
            }
        }
    }
}

pub async fn nulls_are_left_out(record: &dyn Record) {
    let f = Fixture::new();
    all_done(
        &record
            .apply(&[f.put_row(
                1,
                json!({"name": null, "count": 1, "tags": [], "links": {}}),
                1,
            )])
            .await,
        1,
    );
    row_is(record, &f.row_key(1), json!({"count": 1})).await;
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"count": null}), 2)])
            .await,
        1,
    );
    row_is(record, &f.row_key(1), json!({})).await;
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"count": 1}), 1)])
            .await,
        1,
    );
    row_is(record, &f.row_key(1), json!({})).await;
}

pub async fn every_type_comes_back(record: &dyn Record) {
    let f = Fixture::new();
    let cells = json!({
        "name": "é😀 \"'\u{1}", "count": -2_147_483_648_i64, "total": 9_223_372_036_854_775_807_i64, "ratio": 0.1, "open": false,
        "seen": 1_700_000_000_123_i64, "steps": ["b", "a", "b"], "numbers": [2, 1, 2], "tags": ["z", "a", "é"],
        "links": {"z": "1", "a": "2"}, "scores": {"x": 1.5},
    });
    all_done(&record.apply(&[f.put_row(1, cells.clone(), 1)]).await, 1);
    let mut expected = object(cells);
    expected["tags"] = json!(["a", "z", "é"]);
    row_is(record, &f.row_key(1), expected.into()).await;
    all_done(
        &record
            .apply(&[f.put_row(
                2,
                json!({"seen": "2023-11-14T22:13:20.123Z", "ratio": 2, "steps": []}),
                1,
            )])
            .await,
        1,
    );
    row_is(
        record,
        &f.row_key(2),
        json!({"seen": 1_700_000_000_123_i64, "ratio": 2.0, "steps": []}),
    )
    .await;
}

pub async fn collections_are_replaced_whole(record: &dyn Record) {
    let f = Fixture::new();
    all_done(
        &record
            .apply(&[f.put_row(
                1,
                json!({"steps": ["a", "b"], "tags": ["x", "y"], "links": {"a": "1", "b": "2"}}),
                1,
            )])
            .await,
        1,
    );
    all_done(
        &record
            .apply(&[f.merge_row(
                1,
                json!({"steps": ["c"], "tags": ["z"], "links": {"c": "3"}}),
                2,
            )])
            .await,
        1,
    );
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"tags": ["old"], "links": {"a": "old"}}), 1)])
            .await,
        1,
    );
    row_is(
        record,
        &f.row_key(1),
        json!({"steps": ["c"], "tags": ["z"], "links": {"c": "3"}}),
    )
    .await;
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"tags": null, "links": null}), 3)])
            .await,
        1,
    );
    row_is(record, &f.row_key(1), json!({"steps": ["c"]})).await;
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is past 1970");
    i64::try_from(since.as_millis()).expect("the clock is before the year 292 million")
}

fn expiring(mut write: crate::RowWrite, at: i64) -> Write {
    write.mutation.expires = Some(at);
    Write::Row(write)
}

/// Expiry counts in whole seconds in some stores, and may come up to a second late.
async fn gone(record: &dyn Record, fixture: &Fixture, item: i64) {
    let deadline = now() + 10_000;
    while row(record, &fixture.row_key(item)).await.is_some() {
        assert!(now() < deadline, "the row should have expired");
        // The port crate has no runtime: a short pause on this test's own thread.
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub async fn expired_rows_go(record: &dyn Record) {
    let f = Fixture::new();
    let soon = now() + 3_000;
    let writes = [
        expiring(f.row(1, Put, json!({"name": "soon"}), 1, 0), soon),
        expiring(f.row(2, Put, json!({"name": "past"}), 1, 0), now() - 1_000),
        expiring(
            f.row(3, Put, json!({"name": "far"}), 1, 0),
            now() + 3_600_000,
        ),
        f.put_row(4, json!({"name": "stays"}), 1),
    ];
    all_done(&record.apply(&writes).await, 4);
    all_done(
        &record
            .apply(&[expiring(f.row(4, Merge, json!({"count": 1}), 2, 0), soon)])
            .await,
        1,
    );
    row_is(record, &f.row_key(1), json!({"name": "soon"})).await;
    assert_eq!(row(record, &f.row_key(2)).await, None);
    row_is(record, &f.row_key(4), json!({"name": "stays", "count": 1})).await;
    gone(record, &f, 1).await;
    std::thread::sleep(Duration::from_millis(1_100));
    row_is(record, &f.row_key(3), json!({"name": "far"})).await;
    row_is(record, &f.row_key(4), json!({"name": "stays"})).await;
}

/// A cache of rows must know when they go: to a second or two, where all of the row goes.
pub async fn a_row_tells_when_it_goes(record: &dyn Record) {
    const HOUR: i64 = 3_600_000;
    let f = Fixture::new();
    let start = now();
    let writes = [
        expiring(
            f.row(1, Put, json!({"name": "a", "tags": ["x"]}), 1, 0),
            start + HOUR,
        ),
        f.put_row(2, json!({"name": "stays"}), 1),
        f.put_row(3, json!({"name": "stays"}), 1),
        expiring(f.row(4, Put, json!({"name": "longer"}), 1, 0), start + HOUR),
        expiring(
            f.row(5, Put, json!({"name": "for ever"}), 1, 0),
            start + HOUR,
        ),
    ];
    all_done(&record.apply(&writes).await, 5);
    let merges = [
        expiring(f.row(3, Merge, json!({"count": 1}), 2, 0), start + HOUR),
        expiring(f.row(4, Merge, json!({"count": 1}), 2, 0), start + 2 * HOUR),
        f.merge_row(5, json!({"count": 1}), 2),
    ];
    all_done(&record.apply(&merges).await, 3);
    let keys: Vec<_> = (1..=5).map(|item| f.row_key(item)).collect();
    let found = record.rows(&keys).await.expect("a read");
    let expected = [Some(HOUR), None, None, Some(2 * HOUR), None];
    for (item, (row, expected)) in found.into_iter().zip(expected).enumerate() {
        let left = row.expect("it stands").expires.map(|at| at - start);
        let off = left.unwrap_or(0).abs_diff(expected.unwrap_or(0));
        let is_right = left.is_some() == expected.is_some() && off <= 30_000;
        assert!(is_right, "row {}: {left:?}, not {expected:?}", item + 1);
    }
}

pub async fn what_expired_hides_older_writes(record: &dyn Record) {
    let f = Fixture::new();
    all_done(
        &record
            .apply(&[f.put_row(1, json!({"name": "first"}), 1)])
            .await,
        1,
    );
    let expiring_put = expiring(f.row(1, Put, json!({"name": "second"}), 5, 0), now() - 1);
    all_done(&record.apply(std::slice::from_ref(&expiring_put)).await, 1);
    assert_eq!(row(record, &f.row_key(1)).await, None);
    all_done(
        &record
            .apply(&[f.put_row(1, json!({"name": "late"}), 4)])
            .await,
        1,
    );
    assert_eq!(row(record, &f.row_key(1)).await, None);
    all_done(
        &record
            .apply(&[f.put_row(1, json!({"name": "newer"}), 6)])
            .await,
        1,
    );
    row_is(record, &f.row_key(1), json!({"name": "newer"})).await;
    all_done(&record.apply(&[expiring_put]).await, 1);
    row_is(record, &f.row_key(1), json!({"name": "newer"})).await;
}

pub async fn a_before_image_restores_the_row(record: &dyn Record) {
    let f = Fixture::new();
    let cells = json!({"name": "a", "seen": 1_700_000_000_000_i64, "tags": ["x", "y"], "ratio": 1.0, "links": {"a": "b"}});
    all_done(&record.apply(&[f.put_row(1, cells.clone(), 1)]).await, 1);
    let before = row(record, &f.row_key(1)).await.expect("it stands");
    all_done(
        &record
            .apply(&[f.merge_row(1, json!({"name": "b", "count": 2, "tags": null}), 2)])
            .await,
        1,
    );
    all_done(&record.apply(&[f.put_row(1, before.into(), 3)]).await, 1);
    row_is(record, &f.row_key(1), cells).await;
}

pub async fn rows_keep_the_order_of_the_keys(record: &dyn Record) {
    let f = Fixture::new();
    assert!(
        record
            .rows(&[])
            .await
            .expect("a read of nothing")
            .is_empty()
    );
    let plain = row_key("contract_plain", json!({"id": f.name("é 'x\"/")}));
    let mut write = f.row(0, Put, json!({"name": "plain"}), 1, 0);
    write.mutation.key = plain.clone();
    all_done(
        &record
            .apply(&[
                f.put_row(-1, json!({"count": 1}), 1),
                f.put_row(2, json!({"count": 2}), 1),
                Write::Row(write),
            ])
            .await,
        3,
    );
    let found = record
        .rows(&[
            f.row_key(2),
            f.row_key(9),
            plain,
            f.row_key(-1),
            f.row_key(2),
        ])
        .await
        .expect("a read");
    let found: Vec<_> = found
        .into_iter()
        .map(|row| row.map(|row| serde_json::Value::Object(row.cells)))
        .collect();
    let two = Some(json!({"count": 2}));
    assert_eq!(
        found,
        [
            two.clone(),
            None,
            Some(json!({"name": "plain"})),
            Some(json!({"count": 1})),
            two
        ]
    );
}

pub async fn misfits_are_permanent_and_alone(record: &dyn Record) {
    let f = Fixture::new();
    let mut wrong_key = f.row(1, Put, json!({"name": "x"}), 1, 0);
    wrong_key.mutation.key = row_key(
        "contract_rows",
        json!({"owner": f.name("owner"), "item": "not a number"}),
    );
    let mut short_key = f.row(1, Put, json!({"name": "x"}), 1, 0);
    short_key.mutation.key = row_key("contract_rows", json!({"owner": f.name("owner")}));
    let misfits = [
        (
            "an int beyond 32 bits",
            f.put_row(1, json!({"count": 2_147_483_648_i64}), 1),
        ),
        (
            "a bigint beyond 64 bits",
            f.put_row(1, json!({"total": 9_223_372_036_854_775_808_u64}), 1),
        ),
        (
            "a fraction in an int",
            f.put_row(1, json!({"count": 1.5}), 1),
        ),
        ("a number in text", f.put_row(1, json!({"name": 1}), 1)),
        (
            "text in a boolean",
            f.put_row(1, json!({"open": "true"}), 1),
        ),
        ("no time", f.put_row(1, json!({"seen": "yesterday"}), 1)),
        (
            "an object in a list",
            f.put_row(1, json!({"steps": {"a": 1}}), 1),
        ),
        (
            "a number in a list of text",
            f.put_row(1, json!({"steps": [1]}), 1),
        ),
        (
            "a null in a list",
            f.put_row(1, json!({"steps": ["a", null]}), 1),
        ),
        (
            "a null in a map",
            f.put_row(1, json!({"links": {"a": null}}), 1),
        ),
        (
            "an array in a map",
            f.put_row(1, json!({"links": ["a"]}), 1),
        ),
        ("an unknown column", f.put_row(1, json!({"no_such": 1}), 1)),
        (
            "a key column among the cells",
            f.put_row(1, json!({"item": 7}), 1),
        ),
        ("a key of the wrong type", Write::Row(wrong_key)),
        ("half a key", Write::Row(short_key)),
    ];
    let mut batch: Vec<Write> = misfits.iter().map(|(_, write)| write.clone()).collect();
    batch.push(f.put_row(2, json!({"name": "fits"}), 1));
    let verdicts = record.apply(&batch).await;
    assert_eq!(verdicts.len(), batch.len());
    for ((what, _), verdict) in misfits.iter().zip(&verdicts) {
        permanent(verdict, what);
    }
    all_done(&verdicts[misfits.len()..], 1);
    assert_eq!(row(record, &f.row_key(1)).await, None);
    row_is(record, &f.row_key(2), json!({"name": "fits"})).await;
}
