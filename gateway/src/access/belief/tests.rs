//! What is believed, and when that ends.

use super::*;
use runtime::clock::ManualClock;
use tokio::time::timeout;

fn account(name: &str) -> SecuritySubject {
    SecuritySubject::Account(name.to_owned())
}

/// One that has a lease from now on.
fn believing() -> (Arc<ManualClock>, Belief) {
    let clock = Arc::new(ManualClock::default());
    let belief = Belief::new(clock.clone());
    belief.missed();
    belief.renew(clock.elapsed());
    (clock, belief)
}

#[test]
fn what_was_read_holds_until_the_fold_hears_of_it() {
    let (_, belief) = believing();
    let (meera, root) = ([account("meera")], [account("root")]);
    let read = belief.step();
    assert!(belief.holds(read, &meera));
    belief.changed([account("meera")]);
    assert!(!belief.holds(read, &meera), "it changed since");
    assert!(belief.holds(read, &root), "others are not asked about");
    let again = belief.step();
    assert!(belief.holds(again, &meera), "it was read behind the change");
    belief.changed([account("root")]);
    assert!(belief.holds(again, &meera));
}

#[test]
fn a_record_of_an_owner_that_was_replaced_costs_a_look_and_no_more() {
    let (_, belief) = believing();
    belief.changed([account("meera")]);
    let read = belief.step();
    // The same change again, late.
    belief.changed([account("meera")]);
    assert!(!belief.holds(read, &[account("meera")]));
    assert!(belief.holds(belief.step(), &[account("meera")]));
}

#[test]
fn nothing_is_believed_without_a_lease() {
    let clock = Arc::new(ManualClock::default());
    let belief = Belief::new(clock.clone());
    assert!(!belief.holds(belief.step(), &[]), "there was none yet");
    belief.renew(clock.elapsed());
    assert!(belief.holds(belief.step(), &[]));
    clock.advance(4_999);
    assert!(belief.holds(belief.step(), &[]));
    clock.advance(1);
    assert!(!belief.holds(belief.step(), &[]), "the lease is over");
    // As in a process that was frozen: a beacon from before is read when it thaws.
    belief.renew(Duration::ZERO);
    assert!(!belief.holds(belief.step(), &[]));
    belief.renew(clock.elapsed());
    assert!(belief.holds(belief.step(), &[]));
    belief.end_lease();
    assert!(!belief.holds(belief.step(), &[]));
}

#[test]
fn where_records_may_have_been_missed_all_is_looked_at_again() {
    let (_, belief) = believing();
    let read = belief.step();
    belief.missed();
    assert!(!belief.holds(read, &[]));
    assert!(belief.holds(belief.step(), &[account("meera")]));
}

#[test]
fn what_is_remembered_is_bounded_and_forgetting_is_no_belief() {
    let (_, mut belief) = believing();
    belief.remembered = 10;
    let read = belief.step();
    for n in 0..=10 {
        assert!(belief.holds(read, &[account("meera")]));
        belief.changed([account(&n.to_string())]);
    }
    assert_eq!(belief.fold.read().changed.len(), 0);
    assert!(!belief.holds(read, &[account("meera")]));
    assert!(belief.holds(belief.step(), &[account("meera")]));
}

#[tokio::test(start_paused = true)]
async fn what_is_told_waits_for_a_lease() {
    let (clock, belief) = believing();
    let waits = async || {
        timeout(Duration::from_secs(60), belief.lease())
            .await
            .is_err()
    };
    assert!(!waits().await);
    clock.advance(5_000);
    assert!(waits().await, "the lease is over");
    let renewing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        belief.renew(clock.elapsed());
    };
    let both = async { tokio::join!(belief.lease(), renewing) };
    assert!(timeout(Duration::from_secs(60), both).await.is_ok());
}

#[test]
fn a_change_that_was_heard_is_known_without_a_lease() {
    let (_, belief) = believing();
    let read = belief.step();
    belief.end_lease();
    assert!(!belief.heard_of_change(read, &[account("meera")]));
    belief.changed([account("meera")]);
    assert!(belief.heard_of_change(read, &[account("root"), account("meera")]));
    assert!(!belief.heard_of_change(read, &[account("root")]));
    assert!(!belief.heard_of_change(belief.step(), &[account("meera")]));
}
