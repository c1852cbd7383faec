//! Records that the log will never take.

use crate::wire::{POISON, Running, TOO_LARGE, Wire, config, until};
use event_log::{DeliveryError, Refused};
use spool::{Config, SpoolRefusal, UNSHIPPABLE};

#[tokio::test]
async fn what_nobody_was_promised_is_told() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let running = Running::opened(folder.path(), &wire, &config());
    let refused = running
        .spool
        .send(crate::wire::record(0, TOO_LARGE))
        .unwrap_err();
    assert_eq!(refused.why, SpoolRefusal::Log(Refused::TooLarge));
    let outcome = running.send(0, POISON).await;
    assert_eq!(outcome, Err(DeliveryError::Rejected("poison".into())));
}

#[tokio::test]
async fn a_small_event_takes_the_place_of_what_was_spooled_and_the_body_is_kept() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let running = Running::start(folder.path(), &wire, &config());
    for value in ["a", TOO_LARGE, "b", POISON, "c"] {
        running.put(0, value).await;
    }
    running.spool.open();
    until("everything is shipped", || running.spool.is_empty()).await;
    let records = wire.records(0);
    let stand_ins: Vec<_> = records
        .iter()
        .filter(|record| record.value.is_none())
        .collect();
    assert_eq!(stand_ins.len(), 2);
    let ids: Vec<_> = stand_ins
        .iter()
        .map(|record| record.headers[0].1.as_ref())
        .collect();
    assert_eq!(ids, [TOO_LARGE.as_bytes(), POISON.as_bytes()]);
    let (name, reason) = &stand_ins[0].headers[1];
    let reason: serde_json::Value = serde_json::from_slice(reason).unwrap();
    assert_eq!((&**name, &reason["number"]), (UNSHIPPABLE, &1.into()));
    assert_eq!(
        wire.values(0)[..3],
        ["a", "", "b"],
        "it is not in its place"
    );
    let kept = std::fs::read_dir(folder.path().join("unshippable"))
        .unwrap()
        .count();
    assert_eq!(kept, 2);
}

/// The ledger would not know a repeat of it any more.
#[tokio::test]
async fn what_waited_for_too_long_is_not_applied() {
    let (folder, wire) = (tempfile::tempdir().unwrap(), Wire::default());
    let config = Config {
        max_age_days: 0,
        ..config()
    };
    let running = Running::start(folder.path(), &wire, &config);
    running.put(0, "old").await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    running.spool.open();
    until("everything is shipped", || running.spool.is_empty()).await;
    assert_eq!(wire.values(0), [""]);
}
