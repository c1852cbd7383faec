//! `apply_all`: documents, rows, ledger and mark in one transaction, or what is held back when a
//! write is not done.

use crate::opened::{open, open_with};
use event_schema::outcome::Verdict;
use serde_json::json;
use store::{
    ItemVerdict, Record as _,
    contract::{Fixture, answers},
};

#[tokio::test]
async fn one_call_writes_everything() {
    let opened = open().await;
    let f = Fixture::new();
    let writes = [
        f.put("a", 1, r#"{"n":1}"#),
        f.put_row(1, json!({"count": 1}), 1),
        f.delete("b", 2),
    ];
    let entries = [
        f.entry(1, 1, Verdict::Applied),
        f.entry(2, 2, Verdict::Applied),
    ];
    let mark = f.mark(2, 3);
    for _ in 0..2 {
        let applied = opened
            .store
            .apply_all(writes.to_vec(), &entries.each_ref(), Some(&mark))
            .await;
        answers::all_done(&applied.writes, 3);
        answers::all_done(&applied.entries, 2);
        assert!(applied.marked);
    }
    assert_eq!(
        answers::body(&opened.store, &f.key("a")).await,
        Some(Some(r#"{"n":1}"#.to_owned()))
    );
    answers::row_is(&opened.store, &f.row_key(1), json!({"count": 1})).await;
    assert!(
        opened
            .store
            .ledger(&[f.request(1), f.request(2)])
            .await
            .expect("a read")
            .iter()
            .all(Option::is_some)
    );
    assert_eq!(
        opened.store.mark(mark.generation, mark.partition).await,
        Ok(Some(mark))
    );
    let nothing = opened.store.apply_all(Vec::new(), &[], None).await;
    assert_eq!(
        (nothing.writes.len(), nothing.entries.len(), nothing.marked),
        (0, 0, false)
    );
}

#[tokio::test]
async fn the_ledger_never_tells_what_is_not_there() {
    let opened = open().await;
    let f = Fixture::new();
    let writes = [f.put("a", 1, "{}"), f.put_row(1, json!({"count": "x"}), 2)];
    let entries = [
        f.entry(1, 1, Verdict::Applied),
        f.entry(2, 2, Verdict::Applied),
    ];
    let mark = f.mark(2, 3);
    let applied = opened
        .store
        .apply_all(writes.to_vec(), &entries.each_ref(), Some(&mark))
        .await;
    assert_eq!(applied.writes[0], ItemVerdict::Done);
    answers::permanent(&applied.writes[1], "text in a number");
    assert!(
        applied
            .entries
            .iter()
            .all(|verdict| matches!(verdict, ItemVerdict::Transient(_)))
            && !applied.marked
    );
    assert_eq!(
        answers::body(&opened.store, &f.key("a")).await,
        Some(Some("{}".to_owned())),
        "the good one stands"
    );
    assert!(
        opened
            .store
            .ledger(&[f.request(1), f.request(2)])
            .await
            .expect("a read")
            .iter()
            .all(Option::is_none)
    );
    assert_eq!(
        opened.store.mark(mark.generation, mark.partition).await,
        Ok(None)
    );
}

#[tokio::test]
async fn whole_means_all_of_it() {
    let opened = open().await;
    let f = Fixture::new();
    let (good, bad) = (
        f.entry(1, 1, Verdict::Applied),
        f.entry(2, 3, Verdict::Applied),
    );
    assert!(
        opened
            .store
            .apply_whole(
                vec![f.put("a", 1, "{}"), f.put_row(1, json!({"count": 1}), 1)],
                &[&good]
            )
            .await
    );
    opened.store.settle().await.expect("the disk has it");
    assert!(
        !opened
            .store
            .apply_whole(
                vec![f.put("b", 3, "{}"), f.put_row(1, json!({"count": "x"}), 3)],
                &[&bad]
            )
            .await
    );
    let remembered = opened
        .store
        .ledger(&[f.request(1), f.request(2)])
        .await
        .expect("a read");
    assert_eq!(
        remembered.iter().map(Option::is_some).collect::<Vec<_>>(),
        [true, false]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_transient_and_takes_nothing_back() {
    let opened = open_with(|config| config.page_limit = Some(200)).await;
    let f = Fixture::new();
    answers::all_done(
        &opened.store.apply(&[f.put("first", 1, r#"{"n":1}"#)]).await,
        1,
    );
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(1 << 20));
    let verdicts = opened
        .store
        .apply(&[f.put("small", 2, "{}"), f.put("large", 3, &large)])
        .await;
    assert_eq!(verdicts.len(), 2);
    for verdict in verdicts {
        assert!(
            matches!(&verdict, ItemVerdict::Transient(why) if why.contains("the disk is full")),
            "{verdict:?}"
        );
    }
    assert_eq!(
        answers::body(&opened.store, &f.key("first")).await,
        Some(Some(r#"{"n":1}"#.to_owned()))
    );
    assert_eq!(
        answers::body(&opened.store, &f.key("small")).await,
        None,
        "nothing of a failed transaction is left"
    );
    let mut elsewhere = f.document("new-place", 4, Some("{}"));
    elsewhere.key.collection = "others".to_owned();
    let verdicts = opened
        .store
        .apply(&[
            store::document::Write::Document(elsewhere.clone()),
            f.put("large", 5, &large),
        ])
        .await;
    assert!(
        verdicts
            .iter()
            .all(|verdict| matches!(verdict, ItemVerdict::Transient(_)))
    );
    answers::all_done(
        &opened
            .store
            .apply(&[
                f.put("small", 6, "{}"),
                store::document::Write::Document(elsewhere.clone()),
            ])
            .await,
        2,
    );
    assert_eq!(
        answers::body(&opened.store, &elsewhere.key).await,
        Some(Some("{}".to_owned())),
        "a collection's number was not kept from the failed one"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_share_transactions_and_read_what_they_wrote() {
    let opened = open().await;
    let f = Fixture::new();
    let one = |n: u64| {
        let (store, f) = (&opened.store, &f);
        async move {
            let (id, text) = (format!("d{n}"), format!(r#"{{"n":{n}}}"#));
            answers::all_done(&store.apply(&[f.put(&id, n + 1, &text)]).await, 1);
            assert_eq!(
                answers::body(store, &f.key(&id)).await,
                Some(Some(text)),
                "a write that was answered is seen"
            );
        }
    };
    futures::future::join_all((0..200).map(one)).await;
}
