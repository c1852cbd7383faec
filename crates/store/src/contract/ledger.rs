//! What the record remembers beside documents and rows: verdicts, claims, marks, collections,
//! tables.

use super::{
    answers::{all_done, row_is},
    fixture::{Fixture, row_key, tables},
};
use crate::{
    ClaimOutcome, Collection, MappingChange, Record,
    document::Write,
    schema::{Column, ColumnType},
};
use event_schema::{
    envelope::Claim,
    mutation::RowAction,
    outcome::{DeadReason, Refusal, RefusalCode, Verdict},
};
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

fn refused() -> Verdict {
    Verdict::Refused(Refusal {
        code: RefusalCode::Exists,
        message: "it is there \"already\"".to_owned(),
        rule: None,
        pointer: Some("/_id".to_owned()),
    })
}

fn dead() -> Verdict {
    Verdict::DeadLettered(DeadReason {
        code: "mapping".to_owned(),
        message: "é".to_owned(),
        store: None,
    })
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

pub async fn a_newer_entry_replaces_never_the_reverse(record: &dyn Record) {
    let f = Fixture::new();
    for (version, verdict, stands) in [
        (5, dead(), 5),
        (9, Verdict::Applied, 9),
        (7, refused(), 9),
        (9, Verdict::Applied, 9),
    ] {
        all_done(&record.remember(&[f.entry(1, version, verdict)]).await, 1);
        let found = record
            .ledger(&[f.request(1)])
            .await
            .expect("a read")
            .remove(0)
            .expect("it is remembered");
        assert_eq!(found.version, f.version(stands));
    }
    let found = record
        .ledger(&[f.request(1)])
        .await
        .expect("a read")
        .remove(0)
        .expect("it is remembered");
    assert_eq!(found.verdict, Verdict::Applied);
}

pub async fn entries_come_back_whole_and_in_order(record: &dyn Record) {
    let f = Fixture::new();
    assert_eq!(record.remember(&[]).await, []);
    assert!(
        record
            .ledger(&[])
            .await
            .expect("a read of nothing")
            .is_empty()
    );
    let mut bare = f.entry(4, 4, Verdict::Applied);
    bare.result = None;
    let entries = [
        f.entry(1, 1, Verdict::Applied),
        f.entry(2, 2, refused()),
        f.entry(3, 3, dead()),
        bare,
    ];
    all_done(&record.remember(&entries).await, 4);
    all_done(&record.remember(&entries).await, 4);
    let asked = [
        f.request(3),
        f.request(99),
        f.request(1),
        f.request(4),
        f.request(2),
        f.request(1),
    ];
    let found = record.ledger(&asked).await.expect("a read");
    assert_eq!(found.len(), asked.len());
    let text = |entry: &event_schema::outcome::LedgerEntry| {
        serde_json::to_string(entry).expect("an entry is JSON")
    };
    let expected = [
        Some(&entries[2]),
        None,
        Some(&entries[0]),
        Some(&entries[3]),
        Some(&entries[1]),
        Some(&entries[0]),
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.as_ref().map(text), expected.map(text));
    }
}

pub async fn a_claim_is_the_first_ones(record: &dyn Record) {
    let f = Fixture::new();
    let claim = Claim {
        key: f.name("claim"),
        until: now() + 3_600_000,
    };
    let other = Claim {
        key: f.name("other"),
        until: now() + 3_600_000,
    };
    assert_eq!(
        record.claim(&claim, &f.request(1)).await,
        Ok(ClaimOutcome::Ours)
    );
    assert_eq!(
        record.claim(&claim, &f.request(1)).await,
        Ok(ClaimOutcome::Ours),
        "the same request again"
    );
    assert_eq!(
        record.claim(&claim, &f.request(2)).await,
        Ok(ClaimOutcome::Theirs(f.request(1)))
    );
    assert_eq!(
        record.claim(&other, &f.request(2)).await,
        Ok(ClaimOutcome::Ours)
    );
    assert_eq!(
        record.claim(&claim, &f.request(1)).await,
        Ok(ClaimOutcome::Ours),
        "and after somebody else asked"
    );
}

pub async fn a_text_is_kept_until_its_time(record: &dyn Record) {
    let f = Fixture::new();
    let (name, other, short) = (f.name("text"), f.name("other"), f.name("short"));
    assert_eq!(record.kept_text(&name).await, Ok(None));
    let large = "é\"\n".repeat(200_000);
    for (name, text, until) in [
        (&name, "old", now() + 600_000),
        (&name, large.as_str(), now() + 600_000),
        (&other, "", now() + 600_000),
        (&short, "soon over", now() + 1_500),
    ] {
        record.keep_text(name, text, until).await.expect("kept");
    }
    assert_eq!(record.kept_text(&name).await, Ok(Some(large)));
    assert_eq!(record.kept_text(&other).await, Ok(Some(String::new())));
    assert_eq!(
        record.kept_text(&short).await,
        Ok(Some("soon over".to_owned()))
    );
    let limit = now() + 10_000;
    while record.kept_text(&short).await.expect("a read").is_some() {
        assert!(now() < limit, "it does not expire");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    record
        .keep_text(&short, "anew", now() + 600_000)
        .await
        .expect("kept");
    assert_eq!(record.kept_text(&short).await, Ok(Some("anew".to_owned())));
}

pub async fn racing_claims_have_one_winner(record: &dyn Record) {
    let f = Fixture::new();
    let claim = Claim {
        key: f.name("claim"),
        until: now() + 3_600_000,
    };
    let requests: Vec<_> = (0..8).map(|n| f.request(n)).collect();
    let outcomes =
        futures::future::join_all(requests.iter().map(|request| record.claim(&claim, request)))
            .await;
    let outcomes: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| outcome.expect("a claim"))
        .collect();
    let winners: Vec<_> = requests
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| **outcome == ClaimOutcome::Ours)
        .collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    let winner = *winners[0].0;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == ClaimOutcome::Theirs(winner))
            .count(),
        7
    );
}

/// The event waited for longer than the key was to hold: the first to take it has it all the same.
pub async fn a_claim_taken_late_is_kept(record: &dyn Record) {
    let f = Fixture::new();
    let late = Claim {
        key: f.name("claim"),
        until: now() - 5_000,
    };
    assert_eq!(
        record.claim(&late, &f.request(1)).await,
        Ok(ClaimOutcome::Ours)
    );
    for (request, expected) in [
        (1, ClaimOutcome::Ours),
        (2, ClaimOutcome::Theirs(f.request(1))),
    ] {
        assert_eq!(record.claim(&late, &f.request(request)).await, Ok(expected));
    }
}

pub async fn a_mark_never_goes_back(record: &dyn Record) {
    let f = Fixture::new();
    let (generation, partition) = (f.generation(), f.partition());
    assert_eq!(record.mark(generation, partition).await, Ok(None));
    for (mark, stands) in [
        (f.mark(10, 5), 10),
        (f.mark(30, 9), 30),
        (f.mark(20, 7), 30),
        (f.mark(30, 9), 30),
        (f.mark(31, 9), 31),
    ] {
        record.set_mark(&mark).await.expect("a mark");
        let found = record
            .mark(generation, partition)
            .await
            .expect("a read")
            .expect("a mark");
        assert_eq!(found.through.get(), stands);
        if mark.through.get() == stands {
            assert_eq!(found, mark, "a mark comes back whole");
        }
    }
    assert_eq!(
        record.mark(generation, partition.wrapping_add(1)).await,
        Ok(None),
        "other partitions have marks of their own"
    );
}

pub async fn a_collection_is_made_once(record: &dyn Record) {
    let mut f = Fixture::with_mappings(
        json!({"properties": {"z": {"type": "keyword"}, "a": {"type": "long"}}, "dynamic": "strict"}),
    );
    f.collection.settings = Some(json!({"number_of_shards": 1}));
    let c = &f.collection;
    assert_eq!(record.collection(&c.index, &c.collection).await, Ok(None));
    assert_eq!(record.create_collection(c).await.as_ref(), Ok(c));
    assert_eq!(record.create_collection(c).await.as_ref(), Ok(c));
    let mut second = c.clone();
    second.incarnation = "second00".to_owned();
    second.mappings = None;
    assert_eq!(
        record.create_collection(&second).await.as_ref(),
        Ok(c),
        "the one that stands is answered"
    );
    assert_eq!(
        record.collection(&c.index, &c.collection).await,
        Ok(Some(c.clone()))
    );
}

pub async fn a_collection_is_replaced_and_dropped_by_its_incarnation(record: &dyn Record) {
    let f = Fixture::with_mappings(json!({"properties": {"a": {"type": "long"}}}));
    let c = &f.collection;
    let (index, name) = (c.index.as_str(), c.collection.as_str());
    let mut mapped = c.clone();
    mapped.mappings =
        Some(json!({"properties": {"a": {"type": "long"}, "b": {"type": "keyword"}}}));
    assert_eq!(
        record.replace_collection(&mapped, c).await,
        Ok(false),
        "there is none"
    );
    record.create_collection(c).await.expect("a collection");
    let another = Collection {
        incarnation: "another0".to_owned(),
        ..c.clone()
    };
    assert_eq!(
        record.replace_collection(&mapped, &another).await,
        Ok(false)
    );
    assert_eq!(record.collection(index, name).await, Ok(Some(c.clone())));
    assert_eq!(record.replace_collection(&mapped, c).await, Ok(true));
    assert_eq!(
        record.replace_collection(&mapped, c).await,
        Ok(true),
        "once more changes nothing"
    );
    let changing = Collection {
        changing: Some(MappingChange {
            mappings: json!({}),
            since: 7,
            writes_both: true,
        }),
        ..mapped.clone()
    };
    assert_eq!(
        record.replace_collection(&changing, c).await,
        Ok(false),
        "it is not as it was read"
    );
    assert_eq!(
        record.replace_collection(&changing, &mapped).await,
        Ok(true)
    );
    assert_eq!(
        record.collection(index, name).await,
        Ok(Some(changing.clone()))
    );
    let mut anew = mapped.clone();
    anew.incarnation = "anew0000".to_owned();
    assert_eq!(record.replace_collection(&anew, &changing).await, Ok(true));
    assert_eq!(record.collection(index, name).await, Ok(Some(anew.clone())));
    assert_eq!(
        record.replace_collection(&mapped, c).await,
        Ok(false),
        "its time is over"
    );
    assert_eq!(
        record.drop_collection(index, name, &c.incarnation).await,
        Ok(false)
    );
    assert_eq!(
        record.drop_collection(index, name, &anew.incarnation).await,
        Ok(true)
    );
    assert_eq!(
        record.drop_collection(index, name, &anew.incarnation).await,
        Ok(false)
    );
    assert_eq!(record.collection(index, name).await, Ok(None));
    assert_eq!(
        record.create_collection(c).await.as_ref(),
        Ok(c),
        "the name is free again"
    );
}

pub async fn racing_changes_of_a_collection_have_one_winner(record: &dyn Record) {
    let f = Fixture::new();
    let c = &f.collection;
    record.create_collection(c).await.expect("a collection");
    let candidates: Vec<_> = (0..4)
        .map(|n| Collection {
            incarnation: format!("racing{n:02}"),
            ..c.clone()
        })
        .collect();
    let done = futures::future::join_all(
        candidates
            .iter()
            .map(|candidate| record.replace_collection(candidate, c)),
    )
    .await;
    let stands = record
        .collection(&c.index, &c.collection)
        .await
        .expect("a read")
        .expect("one of them");
    let winners: Vec<_> = candidates
        .iter()
        .zip(&done)
        .filter(|(_, done)| **done == Ok(true))
        .map(|(candidate, _)| candidate)
        .collect();
    assert_eq!(winners, [&stands], "{done:?}");
}

pub async fn an_index_is_remembered_without_collections(record: &dyn Record) {
    let f = Fixture::new();
    let c = &f.collection;
    let named = async || record.indices().await.expect("a list").contains(&c.index);
    assert!(!named().await);
    record.create_collection(c).await.expect("a collection");
    assert!(named().await, "by its collection");
    let only = Collection::index_only(&c.index, 5);
    record.create_collection(&only).await.expect("an index");
    assert!(
        record
            .collections()
            .await
            .expect("a list")
            .iter()
            .all(|listed| !listed.is_index_only())
    );
    record
        .drop_collection(&c.index, &c.collection, &c.incarnation)
        .await
        .expect("dropped");
    assert!(named().await, "by its own name");
    assert_eq!(
        record
            .drop_collection(&c.index, "", &only.incarnation)
            .await,
        Ok(true)
    );
    assert!(!named().await);
    let listed = record.indices().await.expect("a list");
    assert!(listed.is_sorted(), "{listed:?}");
}

pub async fn racing_creators_agree(record: &dyn Record) {
    let f = Fixture::new();
    let candidates: Vec<_> = (0..6)
        .map(|n| {
            let mut candidate = f.collection.clone();
            candidate.incarnation = format!("candid{n:02}");
            candidate
        })
        .collect();
    let made = futures::future::join_all(
        candidates
            .iter()
            .map(|candidate| record.create_collection(candidate)),
    )
    .await;
    let made: Vec<_> = made
        .into_iter()
        .map(|made| made.expect("a collection"))
        .collect();
    assert!(made.iter().all(|one| *one == made[0]), "{made:?}");
    assert!(candidates.contains(&made[0]));
    assert_eq!(
        record
            .collection(&f.collection.index, &f.collection.collection)
            .await,
        Ok(Some(made[0].clone()))
    );
}

pub async fn collections_are_listed(record: &dyn Record) {
    let f = Fixture::new();
    let mut second = f.collection.clone();
    second.collection = "more-things".to_owned();
    for collection in [&f.collection, &second] {
        record
            .create_collection(collection)
            .await
            .expect("a collection");
    }
    let mut listed = record.collections().await.expect("a list");
    listed.retain(|collection| collection.index == f.collection.index);
    listed.sort_by(|a, b| a.collection.cmp(&b.collection));
    assert_eq!(listed, [second, f.collection.clone()]);
    record
        .ready()
        .await
        .expect("a store that took a collection is ready");
}

pub async fn a_migration_repeats(record: &dyn Record) {
    let report = record.migrate(&tables()).await.expect("a migration");
    assert_eq!(
        report.created,
        Vec::<String>::new(),
        "the set-up migrated already"
    );
    assert_eq!(report.drift, Vec::<String>::new());
    assert!(report.unchanged >= tables().len());
}

pub async fn drift_is_named(record: &dyn Record) {
    let mut changed = tables();
    let plain = changed
        .iter_mut()
        .find(|table| table.name == "contract_plain")
        .expect("it is one of them");
    plain
        .columns
        .iter_mut()
        .find(|column| column.name == "name")
        .expect("it is one of them")
        .kind = ColumnType::Bigint;
    let report = record.migrate(&changed).await.expect("a migration");
    assert!(
        report
            .drift
            .iter()
            .any(|drift| drift.contains("contract_plain") && drift.contains("name")),
        "{:?}",
        report.drift
    );
    let report = record.migrate(&tables()).await.expect("a migration");
    assert_eq!(
        report.drift,
        Vec::<String>::new(),
        "nothing was overwritten"
    );
}

/// Columns that are asked for join a table that stands; definitions without them still fit.
pub async fn a_table_grows_and_definitions_go_back(record: &dyn Record) {
    let mut before = tables().remove(1);
    before.name = "contract_grown".to_owned();
    let mut after = before.clone();
    after.columns.push(Column {
        name: "added".to_owned(),
        kind: ColumnType::List(Box::new(ColumnType::Text)),
    });
    for (wanted, created, undeclared) in [(&before, 1, 0), (&after, 1, 0), (&before, 0, 1)] {
        let report = record.migrate(std::slice::from_ref(wanted)).await;
        let report = report.expect("a migration");
        let of_it = |names: &[String]| {
            let named = names.iter().filter(|name| name.contains("contract_grown"));
            named.count()
        };
        assert_eq!(report.drift, Vec::<String>::new());
        assert_eq!(
            (of_it(&report.created), of_it(&report.undeclared)),
            (created, undeclared),
            "{report:?}"
        );
    }
    let f = Fixture::new();
    let write = |action, cells, n| {
        let mut row = f.row(1, action, cells, n, 0);
        row.mutation.key = row_key("contract_grown", json!({"id": f.collection.index}));
        Write::Row(row)
    };
    let key = row_key("contract_grown", json!({"id": f.collection.index}));
    let written = [write(
        RowAction::Merge,
        json!({"name": "x", "added": ["y"]}),
        1,
    )];
    all_done(&record.apply(&written).await, 1);
    row_is(record, &key, json!({"name": "x", "added": ["y"]})).await;
    // Whoever does not know the column clears it with all others.
    let put = [write(RowAction::Put, json!({"name": "z"}), 2)];
    all_done(&record.apply(&put).await, 1);
    row_is(record, &key, json!({"name": "z"})).await;
}
