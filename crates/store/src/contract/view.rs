//! A view with a store of its own: versions, deletions, batches, and that it refuses what `check`
//! refuses.

use super::{
    answers::{alarm, all_done, permanent},
    fixture::{Fixture, raw_text},
    mappable,
};
use crate::{DocumentWrite, ItemVerdict, View};
use serde_json::json;

async fn ready(view: &dyn View, fixture: &Fixture) {
    view.create_collection(&fixture.collection)
        .await
        .expect("the collection is made");
}

async fn body(view: &dyn View, fixture: &Fixture, id: &str) -> Option<serde_json::Value> {
    let found = view
        .documents(&[fixture.key(id)])
        .await
        .expect("a read")
        .remove(0)?;
    Some(serde_json::from_str(found.get()).expect("a body is JSON"))
}

pub async fn a_stale_write_is_done_and_changes_nothing(view: &dyn View) {
    let f = Fixture::new();
    ready(view, &f).await;
    let write = f.document("d", 20, Some(r#"{"n":20}"#));
    let stale = [
        f.document("d", 19, Some(r#"{"n":19}"#)),
        f.document("d", 18, None),
    ];
    all_done(&view.apply(std::slice::from_ref(&write)).await, 1);
    for late in stale.into_iter().chain([write]) {
        all_done(&view.apply(&[late]).await, 1);
        assert_eq!(body(view, &f, "d").await, Some(json!({"n": 20})));
    }
}

pub async fn the_same_version_of_another_request_is_an_alarm(view: &dyn View) {
    let f = Fixture::new();
    ready(view, &f).await;
    all_done(&view.apply(&[f.document("d", 20, Some("{}"))]).await, 1);
    let mut other = f.document("d", 20, Some(r#"{"n":1}"#));
    other.meta.request = f.request(21);
    let verdicts = view
        .apply(&[
            f.document("e", 1, Some("{}")),
            other,
            f.document("g", 1, Some("{}")),
        ])
        .await;
    assert_eq!(verdicts.len(), 3);
    assert_eq!(
        (&verdicts[0], &verdicts[2]),
        (&ItemVerdict::Done, &ItemVerdict::Done)
    );
    alarm(&verdicts[1]);
    assert_eq!(body(view, &f, "d").await, Some(json!({})));
}

pub async fn a_newer_write_replaces(view: &dyn View) {
    let f = Fixture::new();
    ready(view, &f).await;
    for n in [3, 4, 900, 1 << 40] {
        all_done(
            &view
                .apply(&[f.document("d", n, Some(&format!(r#"{{"n":{n}}}"#)))])
                .await,
            1,
        );
        assert_eq!(body(view, &f, "d").await, Some(json!({"n": n})));
    }
}

pub async fn a_deletion_stays_against_late_older_writes(view: &dyn View) {
    let f = Fixture::new();
    ready(view, &f).await;
    all_done(
        &view
            .apply(&[
                f.document("d", 10, Some("{}")),
                f.document("never", 20, None),
            ])
            .await,
        2,
    );
    all_done(&view.apply(&[f.document("d", 20, None)]).await, 1);
    all_done(
        &view
            .apply(&[
                f.document("d", 15, Some("{}")),
                f.document("never", 15, Some("{}")),
            ])
            .await,
        2,
    );
    assert_eq!(
        (body(view, &f, "d").await, body(view, &f, "never").await),
        (None, None)
    );
    all_done(
        &view.apply(&[f.document("d", 21, Some(r#"{"n":1}"#))]).await,
        1,
    );
    assert_eq!(body(view, &f, "d").await, Some(json!({"n": 1})));
    view.refresh(std::slice::from_ref(&f.collection))
        .await
        .expect("a refresh");
    assert_eq!(
        view.count(&f.collection, None).await,
        Ok(1),
        "markers are not counted"
    );
}

pub async fn a_batch_repeated_changes_nothing(view: &dyn View) {
    let f = Fixture::new();
    ready(view, &f).await;
    let text = |n: u64| format!(r#"{{"n":{n}}}"#);
    let batch: Vec<DocumentWrite> = (0..300)
        .map(|n| {
            f.document(
                &format!("d{n}"),
                n + 1,
                (n % 5 != 0).then(|| text(n)).as_deref(),
            )
        })
        .collect();
    for _ in 0..3 {
        all_done(&view.apply(&batch).await, 300);
    }
    let keys: Vec<_> = (0..300).map(|n| f.key(&format!("d{n}"))).collect();
    let found = view.documents(&keys).await.expect("a read");
    for (n, found) in (0..).zip(found) {
        let found = found.map(|body| {
            serde_json::from_str::<serde_json::Value>(body.get()).expect("a body is JSON")
        });
        assert_eq!(found, (n % 5 != 0).then(|| json!({"n": n})));
    }
}

pub async fn one_verdict_per_item_in_a_mixed_batch(view: &dyn View) {
    let f = Fixture::with_mappings(json!({"properties": {"n": {"type": "integer"}}}));
    ready(view, &f).await;
    all_done(
        &view
            .apply(&[f.document("stale", 50, Some(r#"{"n":50}"#))])
            .await,
        1,
    );
    let long = "x".repeat(513);
    let batch = [
        f.document("a", 1, Some(r#"{"n":1}"#)),
        f.document("bad", 2, Some(r#"{"n":"many"}"#)),
        f.document("stale", 3, Some(r#"{"n":3}"#)),
        f.document(&long, 4, Some(r#"{"n":4}"#)),
        f.document("gone", 5, None),
        f.document("also-bad", 6, Some(r#"{"n":{"a":1}}"#)),
        f.document("b", 7, Some(r#"{"n":7}"#)),
    ];
    let verdicts = view.apply(&batch).await;
    assert_eq!(verdicts.len(), batch.len());
    for n in [0, 2, 4, 6] {
        assert_eq!(verdicts[n], ItemVerdict::Done, "item {n}");
    }
    for n in [1, 3, 5] {
        permanent(&verdicts[n], &format!("item {n}"));
    }
    assert_eq!(body(view, &f, "b").await, Some(json!({"n": 7})));
    assert_eq!(body(view, &f, "stale").await, Some(json!({"n": 50})));
}

pub async fn a_document_of_a_mebibyte(view: &dyn View) {
    let f = Fixture::with_mappings(json!({"properties": {"text": {"type": "text"}}}));
    ready(view, &f).await;
    let text = format!(r#"{{"text":"{}","end":1}}"#, "é word ".repeat(130_000));
    let batch: Vec<_> = (0..3)
        .map(|n| f.document(&format!("d{n}"), n + 1, Some(&text)))
        .collect();
    all_done(&view.apply(&batch).await, 3);
    let expected: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(
        body(view, &f, "d2").await == Some(expected),
        "a large document is whole"
    );
}

pub async fn a_collection_may_be_made_twice(view: &dyn View) {
    let f = Fixture::with_mappings(json!({"properties": {"n": {"type": "integer"}}}));
    let twice = futures::future::join(
        view.create_collection(&f.collection),
        view.create_collection(&f.collection),
    )
    .await;
    assert_eq!(twice, (Ok(()), Ok(())));
    ready(view, &f).await;
    let report = view
        .migrate(std::slice::from_ref(&f.collection))
        .await
        .expect("a migration");
    assert_eq!((report.created, report.drift), (Vec::new(), Vec::new()));
    view.ready().await.expect("it is there");
}

pub async fn what_check_refuses_the_view_refuses(view: &dyn View) {
    for (n, (mappings, id, body, _)) in mappable::refused().into_iter().enumerate() {
        let f = Fixture::with_mappings(mappings);
        ready(view, &f).await;
        let write = f.document(&id, n as u64 + 1, Some(&body));
        let verdicts = view.apply(&[write]).await;
        let shown: String = body.chars().take(200).collect();
        if !mappable::is_reserved(&body) {
            permanent(&verdicts[0], &shown);
        }
    }
}

pub async fn what_check_takes_the_view_takes(view: &dyn View) {
    for (n, (mappings, id, body)) in mappable::taken().into_iter().enumerate() {
        let f = Fixture::with_mappings(mappings);
        ready(view, &f).await;
        let verdicts = view
            .apply(&[f.document(&id, n as u64 + 1, Some(&body))])
            .await;
        let shown: String = body.chars().take(200).collect();
        assert_eq!(verdicts, [ItemVerdict::Done], "{shown}");
        assert_eq!(raw_text(&body).get(), body);
    }
}

pub async fn a_purge_removes_the_marker_and_nothing_newer(view: &dyn View) {
    let f = Fixture::new();
    ready(view, &f).await;
    let before = [f.document("gone", 10, None), f.document("again", 11, None)];
    all_done(&view.apply(&before).await, 2);
    // The write that comes between the look and the purge.
    all_done(
        &view
            .apply(&[f.document("again", 30, Some(r#"{"n":30}"#))])
            .await,
        1,
    );
    let purges = [
        f.purged("gone", 20),
        f.purged("again", 20),
        f.purged("never", 20),
    ];
    for _ in 0..2 {
        all_done(&view.apply(&purges).await, 3);
        let keys = [f.key("gone"), f.key("again"), f.key("never")];
        let held = view.held(&keys).await.expect("what it holds");
        assert!(held[0].is_none(), "not even a marker: {:?}", held[0]);
        assert_eq!(body(view, &f, "again").await, Some(json!({"n": 30})));
        assert!(held[2].is_none());
    }
    // What is written behind a purge stands, a late purge changes nothing of it.
    all_done(
        &view
            .apply(&[f.document("gone", 40, Some(r#"{"n":40}"#))])
            .await,
        1,
    );
    all_done(&view.apply(&purges).await, 3);
    assert_eq!(body(view, &f, "gone").await, Some(json!({"n": 40})));
}

/// Where the collection has none, a purge waits as any write does.
pub async fn a_purge_makes_no_place(view: &dyn View) {
    let f = Fixture::new();
    let verdicts = view.apply(&[f.purged("d", 20)]).await;
    assert!(
        matches!(verdicts[..], [ItemVerdict::Transient(_)]),
        "{verdicts:?}"
    );
    let name = (&*f.collection.index, &*f.collection.collection);
    let held = view.held_incarnations(Some(name)).await;
    assert_eq!(held, Ok(Vec::new()));
}
