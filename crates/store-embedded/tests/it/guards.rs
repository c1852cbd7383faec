//! The guard of versions: any order and any repetition of writes ends where each write once, in
//! order, ends.

use crate::opened::{Opened, open};
use event_schema::{mutation::RowAction, outcome::Verdict};
use proptest::{
    prelude::{Just, Strategy, any, prop, prop_oneof},
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::{Value, json};
use store::{
    ItemVerdict, Record as _,
    contract::{Fixture, answers},
    document::Write,
};

#[derive(Clone, Debug)]
enum Made {
    Document {
        id: usize,
        body: Option<u8>,
    },
    Row {
        item: i64,
        action: RowAction,
        cells: Value,
    },
    Ledger {
        request: u64,
    },
    Mark,
}

fn made() -> impl Strategy<Value = Made> {
    let action = prop_oneof![
        Just(RowAction::Put),
        Just(RowAction::Merge),
        Just(RowAction::Remove)
    ];
    let cell = prop_oneof![Just(Value::Null), (0..3).prop_map(|n| json!(n))];
    let cells = prop::collection::hash_map(prop_oneof![Just("count"), Just("total")], cell, 0..3);
    prop_oneof![
        (0..2_usize, prop::option::of(any::<u8>()))
            .prop_map(|(id, body)| Made::Document { id, body }),
        (0..2_i64, action, cells).prop_map(|(item, action, cells)| Made::Row {
            item,
            action,
            cells: json!(cells)
        }),
        (0..2_u64).prop_map(|request| Made::Ledger { request }),
        Just(Made::Mark),
    ]
}

/// Version n is the n-th write's own.
async fn write(opened: &Opened, f: &Fixture, n: u64, made: &Made) {
    let verdicts = match made {
        Made::Document { id, body } => {
            let text = body.map(|body| format!(r#"{{"n":{body}}}"#));
            opened
                .store
                .apply(&[Write::Document(f.document(
                    &format!("d{id}"),
                    n,
                    text.as_deref(),
                ))])
                .await
        }
        Made::Row {
            item,
            action,
            cells,
        } => {
            opened
                .store
                .apply(&[Write::Row(f.row(*item, *action, cells.clone(), n, 0))])
                .await
        }
        Made::Ledger { request } => {
            opened
                .store
                .remember(&[f.entry(*request, n, Verdict::Applied)])
                .await
        }
        Made::Mark => opened
            .store
            .set_mark(&f.mark(n, n))
            .await
            .map(|()| vec![ItemVerdict::Done])
            .expect("a mark"),
    };
    answers::all_done(&verdicts, 1);
}

async fn state(opened: &Opened, f: &Fixture) -> String {
    let store = &opened.store;
    let documents = store::Record::documents(store, &[f.key("d0"), f.key("d1")])
        .await
        .expect("a read");
    let documents: Vec<_> = documents
        .into_iter()
        .map(|d| {
            d.map(|d| {
                (
                    d.meta.version.offset(),
                    d.body.map(|body| body.get().to_owned()),
                )
            })
        })
        .collect();
    let rows = store
        .rows(&[f.row_key(0), f.row_key(1)])
        .await
        .expect("a read");
    let rows: Vec<_> = rows
        .into_iter()
        .map(|row| {
            row.map(|row| {
                (
                    row.cells.get("count").cloned(),
                    row.cells.get("total").cloned(),
                )
            })
        })
        .collect();
    let ledger = store
        .ledger(&[f.request(0), f.request(1)])
        .await
        .expect("a read");
    let ledger: Vec<_> = ledger
        .into_iter()
        .map(|entry| entry.map(|entry| entry.version))
        .collect();
    let mark = store
        .mark(f.generation(), f.partition())
        .await
        .expect("a read")
        .map(|mark| mark.through);
    format!("{documents:?} {rows:?} {ledger:?} {mark:?}")
}

#[test]
fn any_order_and_repetition_ends_in_the_same_state() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let opened = runtime.block_on(open());
    let strategy = (
        prop::collection::vec(made(), 1..12),
        prop::collection::vec(any::<prop::sample::Index>(), 0..16),
    );
    let case = |(writes, picks): (Vec<Made>, Vec<prop::sample::Index>)| {
        runtime.block_on(async {
            let numbered: Vec<(u64, &Made)> = (1..).zip(&writes).collect();
            let (in_order, shuffled) = (Fixture::new(), Fixture::new());
            for (n, made) in &numbered {
                write(&opened, &in_order, *n, made).await;
            }
            let repeated = picks
                .iter()
                .map(|pick| pick.get(&numbered))
                .chain(numbered.iter().rev());
            for (n, made) in repeated {
                write(&opened, &shuffled, *n, made).await;
            }
            match (
                state(&opened, &in_order).await,
                state(&opened, &shuffled).await,
            ) {
                (a, b) if a == b => Ok(()),
                (a, b) => Err(TestCaseError::fail(format!("in order {a}\nshuffled {b}"))),
            }
        })
    };
    TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    })
    .run(&strategy, case)
    .expect("order does not count");
}
