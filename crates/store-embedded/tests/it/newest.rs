//! Documents whose ids begin with the time are found and missed like all others, whatever is known
//! without reading.

use crate::opened::{Opened, config, open, open_with};
use event_schema::mutation::DocumentKey;
use store::{
    Record as _,
    contract::{Fixture, answers},
    document::Write,
};
use store_embedded::EmbeddedStore;

/// The clock of these tests, Unix milliseconds.
const NOW: i64 = 0x0199_8877_6655;

fn clock() -> i64 {
    NOW
}

/// An id made so many milliseconds after the clock's time, the `n`-th of them.
fn made(after: i64, n: u16) -> String {
    let time = format!("{:012x}", NOW + after);
    format!("{}-{}-7abc-8000-00000000{n:04x}", &time[..8], &time[8..])
}

async fn there(opened: &EmbeddedStore, f: &Fixture, ids: &[String]) -> Vec<bool> {
    let keys: Vec<DocumentKey> = ids.iter().map(|id| f.key(id)).collect();
    opened
        .documents(&keys)
        .await
        .expect("a read")
        .iter()
        .map(Option::is_some)
        .collect()
}

async fn put(store: &EmbeddedStore, f: &Fixture, id: &str, n: u64) {
    answers::all_done(&store.apply(&[f.put(id, n, "{}")]).await, 1);
}

#[tokio::test]
async fn ids_in_time_and_out_of_it_are_found() {
    let opened = open_with(|config| config.now = clock).await;
    let (f, store) = (Fixture::new(), &opened.store);
    // An hour later, earlier, of the same time, and not of this form at all; each asked for before
    // and after it is written.
    let ids = [
        made(0, 5),
        made(0, 4),
        made(0, 6),
        made(-1, 9),
        made(70_000, 1),
        made(-3_600_000, 1),
        made(50_000, 1),
        made(3_600_000, 1),
    ];
    let others = [
        "zzz",
        "0",
        "01998877-6655-4abc-8000-000000000001",
        "01998877-6655-7ABC-8000-000000000001",
    ]
    .map(str::to_owned);
    for (n, id) in (1..).zip(ids.iter().chain(&others)) {
        assert_eq!(
            there(store, &f, std::slice::from_ref(id)).await,
            [false],
            "{id}"
        );
        put(store, &f, id, n).await;
        assert_eq!(
            there(store, &f, std::slice::from_ref(id)).await,
            [true],
            "{id}"
        );
    }
    assert!(
        there(store, &f, &ids)
            .await
            .iter()
            .chain(&there(store, &f, &others).await)
            .all(|there| *there)
    );
    assert_eq!(
        there(
            store,
            &f,
            &[made(0, 5), made(0, 7), made(0, 4), made(50_000, 2)]
        )
        .await,
        [true, false, true, false]
    );
}

#[tokio::test]
async fn what_was_written_before_the_file_was_opened_is_found() {
    let opened = open_with(|config| config.now = clock).await;
    let f = Fixture::new();
    put(&opened.store, &f, &made(0, 5), 1).await;
    let Opened { store, folder } = opened;
    drop(store);
    let mut config = config(&folder);
    config.now = clock;
    let again = EmbeddedStore::open(config).expect("it opens again");
    assert_eq!(
        there(&again, &f, &[made(0, 6), made(0, 5), made(0, 4)]).await,
        [false, true, false]
    );
}

#[tokio::test]
async fn markers_and_other_incarnations_count_for_themselves() {
    let opened = open().await;
    let (f, other) = (Fixture::new(), Fixture::new());
    put(&opened.store, &f, &made(0, 5), 1).await;
    answers::all_done(&opened.store.apply(&[f.delete(&made(0, 7), 2)]).await, 1);
    assert_eq!(
        there(&opened.store, &f, &[made(0, 7), made(0, 8)]).await,
        [true, false]
    );
    assert_eq!(
        there(&opened.store, &other, &[made(0, 5), made(0, 7)]).await,
        [false, false]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_missed_while_others_write() {
    let opened = open_with(|config| config.now = clock).await;
    let f = Fixture::new();
    let one = |n: u16| {
        let (store, f) = (&opened.store, &f);
        async move {
            // Ids in no order, a new time every now and then.
            let id = made(i64::from(n % 4) * 20_000 - 60_000, n.wrapping_mul(40_503));
            answers::all_done(
                &store
                    .apply(&[Write::Document(f.document(
                        &id,
                        u64::from(n) + 1,
                        Some("{}"),
                    ))])
                    .await,
                1,
            );
            assert_eq!(there(store, f, &[id]).await, [true], "{n}");
        }
    };
    futures::future::join_all((0..400).map(one)).await;
}
