//! What is advised of what is seen, and how bad that is.

use super::{
    PartitionStatus, SpoolSummary, SystemAnswer, SystemState, SystemStatus, UnreadPart,
    advice::{self, Severity},
};
use event_schema::flood::DeadLetterFlood;
use replay::{HeldCounts, LetterCause};
use runtime::{Health, State};

fn seen() -> SystemStatus {
    let answering = |role, name| SystemAnswer {
        role,
        name,
        answers: true,
        why: None,
        away_seconds: None,
    };
    SystemStatus {
        time: "2026-01-01T00:00:00Z".to_owned(),
        catalog: "c".to_owned(),
        state: SystemState::Well,
        systems: vec![answering("log", "log"), answering("record", "cassandra")],
        partitions: vec![PartitionStatus {
            partition: 3,
            end: Some(100),
            resolved: Some(100),
            lag: Some(0),
            ..PartitionStatus::default()
        }],
        held: Some(HeldCounts::default()),
        causes: Vec::new(),
        spool: None,
        spools: Some(0),
        readiness: Health::default().report(),
        unread: Vec::new(),
        advice: Vec::new(),
    }
}

/// How it stands, and every sentence of the advice.
fn advised(mut status: SystemStatus) -> (SystemState, String) {
    status.advice = advice::status_advice(&status);
    let sentences = status.advice.iter();
    let text = sentences.map(|one| format!("{} -> {}\n", one.problem, one.remedy));
    (status.standing(), text.collect())
}

#[test]
fn where_nothing_is_wrong_nothing_is_advised() {
    assert_eq!(advised(seen()), (SystemState::Well, String::new()));
}

#[test]
fn what_could_not_be_read_is_not_well() {
    let mut status = seen();
    status.unread.push(UnreadPart {
        part: "marks",
        why: "no answer in time".into(),
    });
    assert_eq!(advised(status).0, SystemState::Unknown);
}

/// What stands still because a store is away is no fault of a worker.
#[test]
fn a_store_that_is_away_is_named_and_the_partitions_behind_it_are_not() {
    let mut status = seen();
    status.partitions[0].lag = Some(40);
    status.partitions[0].waiting_seconds = Some(90);
    let (standing, text) = advised(status);
    assert_eq!(standing, SystemState::Attention);
    assert!(text.contains("partition 3 is 40 events behind"), "{text}");

    let mut status = seen();
    status.partitions[0].lag = Some(40);
    status.partitions[0].waiting_seconds = Some(90);
    status.systems[1] = SystemAnswer {
        role: "record",
        name: "cassandra",
        answers: false,
        why: Some("connection refused".into()),
        away_seconds: Some(92),
    };
    let (standing, text) = advised(status);
    assert_eq!(standing, SystemState::Failing);
    let named = "(cassandra) does not answer for 92 s: connection refused";
    assert!(text.contains(named), "{text}");
    assert!(!text.contains("partition 3"), "{text}");
}

#[test]
fn ordinary_lag_is_not_advised_about() {
    let mut status = seen();
    status.partitions[0].lag = Some(4_000);
    status.partitions[0].waiting_seconds = Some(2);
    status.partitions[0].notifier_lag = Some(100);
    status.partitions[0].notifier_waiting_seconds = Some(1);
    assert_eq!(advised(status).0, SystemState::Well);
    let mut status = seen();
    status.partitions[0].notifier_lag = Some(100);
    status.partitions[0].notifier_waiting_seconds = Some(60);
    let (standing, text) = advised(status);
    assert_eq!(standing, SystemState::Attention);
    assert!(text.contains("subscribers are 100 records"), "{text}");
}

#[test]
fn dead_letters_are_advised_about_by_cause_and_the_rest_is_counted() {
    let mut status = seen();
    let cause = |fingerprint: &str, count| LetterCause {
        fingerprint: fingerprint.into(),
        operation: "tally.add".into(),
        code: "unplannable".into(),
        store: None,
        message: "expected a number".into(),
        count,
        keys: count,
        waiting: 7,
        first: String::new(),
        last: String::new(),
    };
    status.causes = (0..7).map(|n| cause(&format!("f{n}"), 10)).collect();
    status.held = Some(HeldCounts {
        dead: 170,
        ..HeldCounts::default()
    });
    let (standing, text) = advised(status);
    assert_eq!(standing, SystemState::Attention);
    assert!(
        text.contains("dlq replay --fingerprint f0 --dry-run"),
        "{text}"
    );
    assert!(text.contains("120 more dead letters"), "{text}");
}

/// The worst is said first, and decides how it stands.
#[test]
fn floods_components_and_spools_are_named_the_worst_first() {
    let mut status = seen();
    let health = Health::default();
    health.set(
        "spool",
        State::Degraded {
            why: "5 records wait".into(),
        },
    );
    health.set(
        "record",
        State::Missing {
            why: "asked by itself".into(),
        },
    );
    let why = "a flood of dead letters".to_owned();
    health.set("write-worker partition 3", State::Missing { why });
    status.readiness = health.report();
    status.spool = Some(SpoolSummary {
        records: 5,
        bytes: 1,
        oldest_seconds: 1,
        is_spooling: true,
        stuck: None,
    });
    status.spools = Some(3);
    status.partitions[0].flood = Some(DeadLetterFlood {
        partition: 3,
        offset: 17,
        operation: "tally.add".into(),
        fingerprint: "f0".into(),
        code: "unplannable".into(),
        message: "expected a number".into(),
        store: None,
        letters: 500,
        since: 0,
        over: None,
    });
    status.partitions[0].waiting_seconds = Some(400);
    // The same cause makes others wait, too.
    let mut other = status.partitions[0].clone();
    other.partition = 4;
    other.flood.as_mut().unwrap().partition = 4;
    status.partitions.push(other);
    let advice = advice::status_advice(&status);
    assert_eq!(advice[0].severity, Severity::Failing);
    assert!(
        advice[0]
            .remedy
            .contains("consign dlq pass --operation tally.add")
    );
    let (standing, text) = advised(status);
    assert_eq!(standing, SystemState::Failing);
    assert!(text.contains("spool, for 0 s: 5 records wait"), "{text}");
    assert!(text.contains("2 spools of other gateways"), "{text}");
    assert!(!text.contains("asked by itself"), "{text}");
    assert_eq!(text.matches("flood").count(), 1, "{text}");
    assert!(text.contains("2 partitions (3, 4) wait"), "{text}");
    assert!(!text.contains("events behind, the oldest"), "{text}");
}
