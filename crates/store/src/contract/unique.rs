//! Values that only one key may have.

use super::Fixture;
use crate::{
    Record,
    spools::{self, HoldingSpool},
    unique::{Holder, ValueOutcome, find_owners, release_value, take_value},
};
use event_schema::{
    decision::UniqueValue, id::EntityKey, offset::TransactionsOffset, position::Position,
};

/// The `n`th event of a key.
fn holder(f: &Fixture, key: &str, n: u64) -> Holder {
    let position = Position {
        generation: 1,
        partition: 0,
        offset: TransactionsOffset::new(n),
    };
    Holder::new(&EntityKey(key.into()), &f.request(n), &position)
}

fn value(f: &Fixture) -> UniqueValue {
    UniqueValue {
        space: "mail".into(),
        value: f.name("value"),
    }
}

pub async fn a_value_has_one_holder(record: &dyn Record) {
    let f = Fixture::new();
    let (value, a, b) = (value(&f), holder(&f, "user/a", 5), holder(&f, "user/b", 3));
    let taken = || ValueOutcome::Theirs(a.clone());
    assert_eq!(find_owners(record, &[]).await, Ok(vec![]));
    assert_eq!(
        find_owners(record, std::slice::from_ref(&value)).await,
        Ok(vec![None])
    );
    assert_eq!(
        take_value(record, &value, &a, None).await,
        Ok(ValueOutcome::Ours)
    );
    assert_eq!(
        take_value(record, &value, &a, None).await,
        Ok(ValueOutcome::Ours),
        "again"
    );
    assert_eq!(take_value(record, &value, &b, None).await, Ok(taken()));
    let owner = Some(EntityKey("user/a".into()));
    assert_eq!(
        find_owners(record, std::slice::from_ref(&value)).await,
        Ok(vec![owner])
    );
    assert_eq!(
        take_value(record, &value, &b, Some(&a)).await,
        Ok(ValueOutcome::Ours),
        "over a holder that does not count"
    );
    assert_eq!(
        take_value(record, &value, &a, Some(&a)).await,
        Ok(ValueOutcome::Theirs(b)),
        "somebody else was faster"
    );
}

pub async fn what_is_let_go_is_anybodys_but_a_late_takers(record: &dyn Record) {
    let f = Fixture::new();
    let value = value(&f);
    let (first, third, fifth) = (
        holder(&f, "user/a", 1),
        holder(&f, "user/a", 3),
        holder(&f, "user/a", 5),
    );
    let other = holder(&f, "user/b", 2);
    assert_eq!(
        take_value(record, &value, &first, None).await,
        Ok(ValueOutcome::Ours)
    );
    release_value(record, &value, &other)
        .await
        .expect("not theirs to let go");
    assert!(matches!(
        take_value(record, &value, &other, None).await,
        Ok(ValueOutcome::Theirs(_))
    ));
    release_value(record, &value, &third).await.expect("let go");
    assert_eq!(
        find_owners(record, std::slice::from_ref(&value)).await,
        Ok(vec![None])
    );
    assert!(
        matches!(
            take_value(record, &value, &first, None).await,
            Ok(ValueOutcome::Theirs(_))
        ),
        "an event of before the release comes late"
    );
    assert_eq!(
        take_value(record, &value, &fifth, None).await,
        Ok(ValueOutcome::Ours)
    );
    release_value(record, &value, &third)
        .await
        .expect("a late release");
    assert!(
        matches!(
            take_value(record, &value, &other, None).await,
            Ok(ValueOutcome::Theirs(_))
        ),
        "the late release took nothing away"
    );
    release_value(record, &value, &fifth).await.expect("let go");
    assert_eq!(
        take_value(record, &value, &other, None).await,
        Ok(ValueOutcome::Ours)
    );
}

pub async fn what_a_key_takes_again_outlives_a_release_in_between(record: &dyn Record) {
    let f = Fixture::new();
    let value = value(&f);
    let of = |n| holder(&f, "user/a", n);
    for taker in [of(1), of(5)] {
        assert_eq!(
            take_value(record, &value, &taker, None).await,
            Ok(ValueOutcome::Ours)
        );
    }
    release_value(record, &value, &of(3))
        .await
        .expect("it is late");
    assert_eq!(
        take_value(record, &value, &holder(&f, "user/b", 9), None).await,
        Ok(ValueOutcome::Theirs(of(5)))
    );
}

pub async fn racing_takers_have_one_winner(record: &dyn Record) {
    let f = Fixture::new();
    let value = value(&f);
    let takers: Vec<_> = (0..8)
        .map(|n| holder(&f, &format!("user/{n}"), n))
        .collect();
    let takes = takers.iter().map(|us| take_value(record, &value, us, None));
    let outcomes = futures::future::join_all(takes).await;
    let ours = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Ok(ValueOutcome::Ours)));
    assert_eq!(ours.count(), 1, "{outcomes:?}");
}

/// Every name is listed, a few at a time.
pub async fn names_are_listed(record: &dyn Record) {
    let f = Fixture::new();
    let mut wanted: Vec<String> = (0..5)
        .map(|n| format!("{}:{n}", f.name("listed")))
        .collect();
    for name in &wanted {
        let put = record.swap_value(name, None, "x").await;
        assert_eq!(put, Ok(crate::Swapped::Done));
    }
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let names = record
            .value_names(after.as_deref(), 2)
            .await
            .expect("names");
        assert!(names.len() <= 2);
        let Some(last) = names.last() else { break };
        after = Some(last.clone());
        found.extend(names.into_iter().filter(|name| wanted.contains(name)));
    }
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
}

/// Each spool has a row of its own, while it holds something and that is not too old.
pub async fn spools_that_hold_something_are_told(record: &dyn Record) {
    let f = Fixture::new();
    let (first, second) = (f.name("first"), f.name("second"));
    let row = |until| HoldingSpool { since: 1, until };
    let holding = async |now| {
        let rows = spools::holding_spools(record, now)
            .await
            .expect("rows are read");
        [&first, &second].map(|spool| rows.contains_key(spool))
    };
    let set = async |spool: &str, until| {
        let row = row(until);
        let set = spools::set_holding(record, spool, &row).await;
        set.expect("a row is taken");
    };
    assert_eq!(holding(10).await, [false, false]);
    let both = futures::join!(set(&first, 100), set(&second, 200));
    assert_eq!(both, ((), ()));
    assert_eq!(holding(10).await, [true, true]);
    assert_eq!(holding(150).await, [false, true], "the first is too old");
    set(&first, 300).await;
    for _ in 0..2 {
        let gone = spools::set_empty(record, &second).await;
        gone.expect("a row is taken away");
    }
    assert_eq!(holding(150).await, [true, false]);
    let gone = spools::set_empty(record, &first).await;
    gone.expect("a row is taken away");
}
