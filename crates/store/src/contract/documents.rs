//! Documents in the record: versions, deletions, bytes, batches.

use super::{
    answers::{alarm, all_done, body, permanent},
    fixture::Fixture,
};
use crate::{ItemVerdict, Record, StoredMarker, document::Write};
use serde_json::json;

fn stands(text: &str) -> Option<Option<String>> {
    Some(Some(text.to_owned()))
}

pub async fn a_stale_write_is_done_and_changes_nothing(record: &dyn Record) {
    let f = Fixture::new();
    all_done(&record.apply(&[f.put("d", 20, r#"{"n":20}"#)]).await, 1);
    all_done(&record.apply(&[f.put("d", 19, r#"{"n":19}"#)]).await, 1);
    all_done(&record.apply(&[f.delete("d", 18)]).await, 1);
    assert_eq!(body(record, &f.key("d")).await, stands(r#"{"n":20}"#));
}

pub async fn the_same_write_again_is_done(record: &dyn Record) {
    let f = Fixture::new();
    for write in [f.put("d", 20, r#"{"n":20}"#), f.delete("e", 20)] {
        all_done(&record.apply(std::slice::from_ref(&write)).await, 1);
        all_done(&record.apply(&[write]).await, 1);
    }
    assert_eq!(body(record, &f.key("d")).await, stands(r#"{"n":20}"#));
    assert_eq!(body(record, &f.key("e")).await, Some(None));
}

pub async fn the_same_version_of_another_request_is_an_alarm(record: &dyn Record) {
    let f = Fixture::new();
    all_done(&record.apply(&[f.put("d", 20, r#"{"n":20}"#)]).await, 1);
    let mut other = f.document("d", 20, Some(r#"{"n":"other"}"#));
    other.meta.request = f.request(21);
    let verdicts = record
        .apply(&[
            f.put("before", 20, "{}"),
            Write::Document(other),
            f.put("behind", 20, "{}"),
        ])
        .await;
    assert_eq!(verdicts.len(), 3);
    assert_eq!(
        (&verdicts[0], &verdicts[2]),
        (&ItemVerdict::Done, &ItemVerdict::Done),
        "the neighbours are well"
    );
    alarm(&verdicts[1]);
}

pub async fn a_newer_write_replaces(record: &dyn Record) {
    let f = Fixture::new();
    for n in [3, 4, 900, 1 << 40] {
        let text = format!(r#"{{"n":{n}}}"#);
        all_done(&record.apply(&[f.put("d", n, &text)]).await, 1);
        let found = record
            .documents(&[f.key("d")])
            .await
            .expect("a read")
            .remove(0)
            .expect("it stands");
        assert_eq!(found.body.map(|body| body.get().to_owned()), Some(text));
        assert_eq!(
            found.meta,
            f.document("d", n, None).meta,
            "everything beside the body comes back too"
        );
    }
}

pub async fn a_deletion_stays_against_late_older_writes(record: &dyn Record) {
    let f = Fixture::new();
    all_done(
        &record
            .apply(&[f.put("d", 10, "{}"), f.delete("never", 20)])
            .await,
        2,
    );
    all_done(&record.apply(&[f.delete("d", 20)]).await, 1);
    all_done(
        &record
            .apply(&[f.put("d", 15, r#"{"late":true}"#), f.put("never", 15, "{}")])
            .await,
        2,
    );
    assert_eq!(
        body(record, &f.key("d")).await,
        Some(None),
        "a marker is read as a marker"
    );
    assert_eq!(body(record, &f.key("never")).await, Some(None));
    all_done(
        &record.apply(&[f.put("d", 21, r#"{"again":true}"#)]).await,
        1,
    );
    assert_eq!(body(record, &f.key("d")).await, stands(r#"{"again":true}"#));
}

pub async fn a_void_restores_an_older_state_at_a_newer_version(record: &dyn Record) {
    let f = Fixture::new();
    all_done(
        &record
            .apply(&[f.put("d", 10, r#"{"n":1}"#), f.put("new", 11, "{}")])
            .await,
        2,
    );
    all_done(&record.apply(&[f.put("d", 12, r#"{"n":2}"#)]).await, 1);
    all_done(
        &record
            .apply(&[f.put("d", 13, r#"{"n":1}"#), f.delete("new", 14)])
            .await,
        2,
    );
    all_done(&record.apply(&[f.put("d", 12, r#"{"n":2}"#)]).await, 1);
    assert_eq!(body(record, &f.key("d")).await, stands(r#"{"n":1}"#));
    assert_eq!(body(record, &f.key("new")).await, Some(None));
}

pub async fn a_batch_repeated_changes_nothing(record: &dyn Record) {
    let f = Fixture::new();
    let batch: Vec<Write> = (0..300)
        .map(|n| match n % 5 {
            0 => f.delete(&format!("d{n}"), n + 1),
            _ => f.put(&format!("d{n}"), n + 1, &format!(r#"{{"n":{n}}}"#)),
        })
        .collect();
    for _ in 0..3 {
        all_done(&record.apply(&batch).await, batch.len());
    }
    let keys: Vec<_> = (0..300).map(|n| f.key(&format!("d{n}"))).collect();
    let found = record.documents(&keys).await.expect("a read");
    assert_eq!(found.len(), 300);
    for (n, document) in found.into_iter().enumerate() {
        let text = document
            .expect("all stand")
            .body
            .map(|body| body.get().to_owned());
        assert_eq!(text, (n % 5 != 0).then(|| format!(r#"{{"n":{n}}}"#)));
    }
}

pub async fn one_verdict_per_item_in_a_mixed_batch(record: &dyn Record) {
    let f = Fixture::new();
    assert_eq!(record.apply(&[]).await, []);
    all_done(&record.apply(&[f.put("stale", 50, "{}")]).await, 1);
    let batch = [
        f.put("a", 1, "{}"),
        f.put_row(1, json!({"count": "not a number"}), 2),
        f.put("stale", 3, r#"{"late":true}"#),
        f.put_row(2, json!({"no_such_column": 1}), 4),
        f.put_row(3, json!({"count": 3}), 5),
        f.delete("b", 6),
    ];
    let verdicts = record.apply(&batch).await;
    assert_eq!(verdicts.len(), batch.len());
    for n in [0, 2, 4, 5] {
        assert_eq!(verdicts[n], ItemVerdict::Done, "item {n}");
    }
    permanent(&verdicts[1], "text in a number");
    permanent(&verdicts[3], "an unknown column");
    assert_eq!(body(record, &f.key("a")).await, stands("{}"));
    assert_eq!(body(record, &f.key("stale")).await, stands("{}"));
    assert_eq!(body(record, &f.key("b")).await, Some(None));
    super::answers::row_is(record, &f.row_key(3), json!({"count": 3})).await;
    assert_eq!(
        super::answers::row(record, &f.row_key(1)).await,
        None,
        "nothing of a refused row is written"
    );
}

pub async fn a_document_of_a_mebibyte(record: &dyn Record) {
    let f = Fixture::new();
    let text = format!(r#"{{"text":"{}","end":1}}"#, "é".repeat(524_288 - 16));
    let batch: Vec<Write> = (0..4)
        .map(|n| f.put(&format!("d{n}"), n + 1, &text))
        .collect();
    all_done(&record.apply(&batch).await, 4);
    for n in 0..4 {
        assert!(
            body(record, &f.key(&format!("d{n}"))).await == stands(&text),
            "document {n} is not what was written"
        );
    }
}

pub async fn bodies_come_back_byte_for_byte(record: &dyn Record) {
    let f = Fixture::new();
    let texts = [
        r#"{"price":1.10,"big":12345678901234567890,"huge":123456789012345678901234567890,"small":1e-400,"exp":1E+2}"#,
        r#"{"z":1,"a":2,"m":{"y":[ 1 ,2 ],"b":null}}"#,
        "{ \"spaces\" :\t1\n}",
        r#"{"escaped":"\u00e9\ud83d\ude00\/\"","plain":"é😀/","zero":"\u0000"}"#,
        r#"{"":"an empty name","a.b":1,"-0":-0.0}"#,
        "{}",
    ];
    for (n, text) in texts.iter().enumerate() {
        all_done(&record.apply(&[f.put(&format!("d{n}"), 1, text)]).await, 1);
        assert_eq!(body(record, &f.key(&format!("d{n}"))).await, stands(text));
    }
}

pub async fn ids_of_every_kind(record: &dyn Record) {
    let f = Fixture::new();
    let long = "x".repeat(512);
    let ids = [
        "a b",
        "a/b",
        "a'b\"c",
        "é😀",
        "A",
        "a",
        "%2F",
        "..",
        "-1",
        "null",
        "\u{1}",
        long.as_str(),
    ];
    let batch: Vec<Write> = ids
        .iter()
        .enumerate()
        .map(|(n, id)| f.put(id, n as u64 + 1, &format!(r#"{{"n":{n}}}"#)))
        .collect();
    all_done(&record.apply(&batch).await, ids.len());
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(
            body(record, &f.key(id)).await,
            stands(&format!(r#"{{"n":{n}}}"#)),
            "{id:?}"
        );
    }
}

pub async fn answers_keep_the_order_of_the_keys(record: &dyn Record) {
    let f = Fixture::new();
    assert!(
        record
            .documents(&[])
            .await
            .expect("a read of nothing")
            .is_empty()
    );
    all_done(
        &record
            .apply(&[
                f.put("a", 1, r#"{"n":"a"}"#),
                f.put("b", 2, r#"{"n":"b"}"#),
                f.delete("gone", 3),
            ])
            .await,
        3,
    );
    let keys = ["b", "missing", "a", "gone", "b"].map(|id| f.key(id));
    let found = record.documents(&keys).await.expect("a read");
    let bodies: Vec<_> = found
        .iter()
        .map(|d| d.as_ref().map(|d| d.body.as_ref().map(|b| b.get())))
        .collect();
    assert_eq!(
        bodies,
        [
            Some(Some(r#"{"n":"b"}"#)),
            None,
            Some(Some(r#"{"n":"a"}"#)),
            Some(None),
            Some(Some(r#"{"n":"b"}"#))
        ]
    );
}

pub async fn incarnations_do_not_mix(record: &dyn Record) {
    let f = Fixture::new();
    let mut elsewhere = f.document("d", 30, Some(r#"{"n":"elsewhere"}"#));
    elsewhere.key.incarnation = "zzzzzzzz".to_owned();
    let key = elsewhere.key.clone();
    all_done(&record.apply(&[Write::Document(elsewhere)]).await, 1);
    assert_eq!(body(record, &f.key("d")).await, None);
    all_done(&record.apply(&[f.put("d", 1, r#"{"n":"here"}"#)]).await, 1);
    assert_eq!(body(record, &f.key("d")).await, stands(r#"{"n":"here"}"#));
    assert_eq!(body(record, &key).await, stands(r#"{"n":"elsewhere"}"#));
}

pub async fn racing_writers_end_in_the_newest(record: &dyn Record) {
    let f = Fixture::new();
    let versions = [7, 3, 12, 5, 12, 1, 9, 11, 2, 12];
    let batches: Vec<Vec<Write>> = versions
        .iter()
        .map(|n| {
            vec![
                f.put("d", *n, &format!(r#"{{"n":{n}}}"#)),
                f.merge_row(1, json!({"total": n}), *n),
            ]
        })
        .collect();
    let verdicts = futures::future::join_all(batches.iter().map(|batch| record.apply(batch))).await;
    verdicts.iter().for_each(|verdicts| all_done(verdicts, 2));
    assert_eq!(body(record, &f.key("d")).await, stands(r#"{"n":12}"#));
    super::answers::row_is(record, &f.row_key(1), json!({"total": 12})).await;
}

pub async fn a_scan_pages_over_all_and_leaves_markers_out(record: &dyn Record) {
    let f = Fixture::new();
    let mut batch: Vec<Write> = (0..25)
        .map(|n| f.put(&format!("d{n:02}"), n + 1, "{}"))
        .collect();
    batch.extend((0..5).map(|n| f.delete(&format!("gone{n}"), n + 100)));
    let mut other = f.document("other", 1, Some("{}"));
    other.key.collection = "others".to_owned();
    batch.push(Write::Document(other));
    all_done(&record.apply(&batch).await, batch.len());
    let c = &f.collection;
    for limit in [1, 7, 25, 1_000] {
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = record
                .scan(
                    &c.index,
                    &c.collection,
                    &c.incarnation,
                    after.as_deref(),
                    limit,
                )
                .await
                .expect("a page");
            assert!(page.len() <= limit, "{} of at most {limit}", page.len());
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            seen.extend(page);
        }
        seen.sort();
        assert_eq!(
            seen,
            (0..25).map(|n| format!("d{n:02}")).collect::<Vec<_>>(),
            "pages of {limit}"
        );
    }
    let nothing = record
        .scan(&c.index, "nobody", &c.incarnation, None, 10)
        .await
        .expect("a page of nothing");
    assert!(nothing.is_empty());
}

pub async fn a_purge_removes_the_marker_and_nothing_newer(record: &dyn Record) {
    let f = Fixture::new();
    let before = [
        f.delete("gone", 10),
        f.delete("again", 11),
        f.put("other", 12, "{}"),
    ];
    all_done(&record.apply(&before).await, 3);
    // The write that comes between the look and the purge.
    all_done(&record.apply(&[f.put("again", 30, r#"{"n":30}"#)]).await, 1);
    let purges = [
        f.purge("gone", 20),
        f.purge("again", 20),
        f.purge("never", 20),
    ];
    for _ in 0..2 {
        all_done(&record.apply(&purges).await, 3);
        assert_eq!(
            body(record, &f.key("gone")).await,
            None,
            "not even a marker"
        );
        assert_eq!(body(record, &f.key("again")).await, stands(r#"{"n":30}"#));
        assert_eq!(body(record, &f.key("never")).await, None);
    }
    assert_eq!(body(record, &f.key("other")).await, stands("{}"));
    // A late purge beside newer writes in one batch, and a marker that is newer.
    all_done(
        &record
            .apply(&[f.put("gone", 40, r#"{"n":40}"#), f.delete("never", 41)])
            .await,
        2,
    );
    all_done(&record.apply(&purges).await, 3);
    assert_eq!(body(record, &f.key("gone")).await, stands(r#"{"n":40}"#));
    assert_eq!(body(record, &f.key("never")).await, Some(None));
}

pub async fn a_purge_at_the_version_of_another_request_is_an_alarm(record: &dyn Record) {
    let f = Fixture::new();
    all_done(&record.apply(&[f.put("d", 20, "{}")]).await, 1);
    let mut other = f.document("d", 20, None);
    other.meta.request = f.request(21);
    other.purged = true;
    let verdicts = record.apply(&[Write::Document(other)]).await;
    assert_eq!(verdicts.len(), 1);
    alarm(&verdicts[0]);
    assert_eq!(body(record, &f.key("d")).await, stands("{}"));
}

pub async fn markers_are_listed_page_by_page(record: &dyn Record) {
    let f = Fixture::new();
    let mut batch: Vec<Write> = (0..25).map(|n| f.delete(&format!("m{n}"), n + 1)).collect();
    batch.extend((0..25).map(|n| f.put(&format!("d{n}"), n + 1, "{}")));
    batch.push(f.delete("purged", 50));
    all_done(&record.apply(&batch).await, 51);
    all_done(&record.apply(&[f.purge("purged", 60)]).await, 1);
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = record.scan_markers(after.as_ref(), 7).await;
        let page = page.expect("a page of markers");
        assert!(page.markers.len() <= 7, "a page is bounded");
        let ours = |marker: &StoredMarker| marker.key.index == f.collection.index;
        found.extend(page.markers.into_iter().filter(ours));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    found.sort_by_key(|one| one.meta.version);
    let expected = (0..25).map(|n| StoredMarker {
        key: f.key(&format!("m{n}")),
        meta: f.document("", n + 1, None).meta,
    });
    assert_eq!(found, expected.collect::<Vec<_>>());
}
