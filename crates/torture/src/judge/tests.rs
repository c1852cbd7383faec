//! A history in which all is well, and each fault planted in it by hand: each is found, as what it is.

use super::{FindingKind, judge_history, smallest_history};
use crate::history::{
    AcknowledgedWrite, Body, FinalState, HeardChange, PairStep, RunHistory, SeenDocument,
    SeenStatus, StatusLook, Subscription, TokenRead, WriteAction,
};
use serde_json::{Value, json};

fn body(value: Value) -> Body {
    serde_json::from_value(value).unwrap()
}

fn document(value: Value, revision: u64) -> Option<SeenDocument> {
    let revision = Some(revision);
    let body = body(value);
    Some(SeenDocument { body, revision })
}

fn pair(n: i64, by: i64) -> PairStep {
    let addr = None;
    PairStep { n, by, addr }
}

/// Adds a write that is applied as this revision of its key, and heard of.
fn applied(history: &mut RunHistory, key: &str, action: WriteAction, revision: u64) -> usize {
    let number = written(history, key, action);
    look(history, number, SeenStatus::Applied, Some(revision));
    let request = format!("r{number}");
    for subscription in &mut history.subscriptions {
        let id = key.split_once('/').unwrap().1.to_owned();
        let of_pair = key.starts_with("pairs/") && subscription.collection != "documents";
        if of_pair || key.starts_with(&subscription.collection) {
            let (at, request) = (number as u64 * 10 + 9, request.clone());
            subscription.heard.push(HeardChange { at, request, id });
        }
    }
    number
}

fn written(history: &mut RunHistory, key: &str, action: WriteAction) -> usize {
    let number = history.writes.len();
    let sent = number as u64 * 10 + 10;
    history.writes.push(AcknowledgedWrite {
        client: 0,
        key: key.to_owned(),
        action,
        request: format!("r{number}"),
        sent,
        acknowledged: sent + 2,
        gateway: 0,
        spooled: false,
    });
    look(history, number, SeenStatus::Queued, None);
    number
}

fn look(history: &mut RunHistory, write: usize, status: SeenStatus, revision: Option<u64>) {
    let asked = history.looks.len() as u64 * 10 + 1_000;
    let place = (status != SeenStatus::Queued && status != SeenStatus::Unknown)
        .then_some((0, write as u64 * 2));
    history.looks.push(StatusLook {
        write,
        asked,
        at: asked + 5,
        status,
        place,
        revision,
    });
}

const CREATE: usize = 0;
const UPDATE: usize = 1;
const REFUSED: usize = 2;
const BROKEN: usize = 4;
const PARKED: usize = 5;

/// A document that is made and changed, and a pair with a dead letter in the middle.
fn honest() -> RunHistory {
    let mut history = RunHistory::default();
    for collection in ["documents", "left", "right"] {
        history.subscriptions.push(Subscription {
            collection: collection.to_owned(),
            active: 0,
            heard: Vec::new(),
            turned_away: Vec::new(),
        });
    }
    let h = &mut history;
    applied(
        h,
        "documents/a",
        WriteAction::Create(body(json!({"n": 1}))),
        1,
    );
    applied(
        h,
        "documents/a",
        WriteAction::Update(body(json!({"m": 2}))),
        2,
    );
    let refused = written(h, "documents/a", WriteAction::Create(body(json!({"n": 3}))));
    look(h, refused, SeenStatus::Refused("exists".to_owned()), None);
    applied(h, "pairs/p", WriteAction::Pair(pair(1, 1)), 1);
    for (n, by, waits) in [
        (2, 10, SeenStatus::DeadLettered),
        (3, 100, SeenStatus::Parked),
    ] {
        let action = match waits {
            SeenStatus::Parked => WriteAction::Pair(pair(n, by)),
            _ => WriteAction::BrokenPair(pair(n, by)),
        };
        let number = applied(h, "pairs/p", action, n as u64);
        let end = h.looks.pop().unwrap();
        look(h, number, waits, None);
        h.looks.push(StatusLook {
            asked: end.asked + 20,
            at: end.at + 20,
            ..end
        });
    }
    let whole = json!({"n": 1, "m": 2});
    let both = json!({"n": 3, "sum": 111});
    history.reads = vec![
        TokenRead {
            at: 1,
            write: UPDATE,
            documents: vec![document(whole.clone(), 2)],
        },
        TokenRead {
            at: 1,
            write: PARKED,
            documents: vec![document(both.clone(), 3), document(both.clone(), 3)],
        },
    ];
    history.finals = vec![
        FinalState {
            key: "documents/a".to_owned(),
            record: vec![document(whole.clone(), 2)],
            view: vec![Some(body(whole))],
            row: None,
        },
        FinalState {
            key: "pairs/p".to_owned(),
            record: vec![document(both.clone(), 3), document(both.clone(), 3)],
            view: vec![Some(body(both.clone())), Some(body(both))],
            row: Some(body(json!({"id": "p", "n": 3}))),
        },
    ];
    history
}

fn kinds(history: &RunHistory) -> Vec<FindingKind> {
    let mut kinds: Vec<FindingKind> = judge_history(history).iter().map(|f| f.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// What the judge says after that was done to the honest history.
fn with(plant: impl FnOnce(&mut RunHistory)) -> Vec<FindingKind> {
    let mut history = honest();
    plant(&mut history);
    kinds(&history)
}

/// The look that tells of a write's end.
fn end_of(history: &mut RunHistory, write: usize) -> &mut StatusLook {
    let mut looks = history.looks.iter_mut();
    looks.rfind(|look| look.write == write).unwrap()
}

#[test]
fn nothing_is_found_where_all_is_well() {
    assert_eq!(judge_history(&honest()), []);
    assert_eq!(judge_history(&RunHistory::default()), []);
}

#[test]
fn lost() {
    let forgotten = with(|h| h.looks.retain(|look| look.write != UPDATE));
    assert_eq!(forgotten, [FindingKind::Lost]);
    let unknown = with(|h| {
        h.looks.retain(|look| look.write != UPDATE);
        look(h, UPDATE, SeenStatus::Unknown, None);
    });
    assert_eq!(unknown, [FindingKind::Lost]);
    let without_effect = with(|h| end_of(h, UPDATE).revision = Some(1));
    assert!(
        without_effect.contains(&FindingKind::Lost),
        "{without_effect:?}"
    );
    let overwritten = with(|h| h.finals[0].record[0].as_mut().unwrap().revision = Some(1));
    assert_eq!(overwritten, [FindingKind::Lost]);
    let gone = with(|h| h.finals[0].record[0] = None);
    assert_eq!(gone, [FindingKind::Lost]);
    let gone_from_the_view = with(|h| h.finals[0].view[0] = None);
    assert_eq!(gone_from_the_view, [FindingKind::Lost]);
    let shared = with(|h| {
        for look in h.looks.iter_mut().filter(|look| look.place.is_some()) {
            look.place = Some((
                0,
                if look.write == PARKED {
                    0
                } else {
                    look.write as u64 * 2
                },
            ));
        }
    });
    assert!(shared.contains(&FindingKind::Lost), "{shared:?}");
}

#[test]
fn doubled_in_effect() {
    let twice = with(|h| end_of(h, UPDATE).revision = Some(3));
    assert!(twice.contains(&FindingKind::Doubled), "{twice:?}");
    let behind = with(|h| h.finals[0].record[0].as_mut().unwrap().revision = Some(3));
    assert_eq!(behind, [FindingKind::Doubled]);
}

#[test]
fn reordered() {
    let by_place = with(|h| {
        let places = [(CREATE, 2), (UPDATE, 0)];
        for (write, place) in places {
            end_of(h, write).place = Some((0, place));
        }
    });
    assert!(by_place.contains(&FindingKind::Reordered), "{by_place:?}");
    let by_effect = with(|h| {
        end_of(h, CREATE).revision = Some(2);
        end_of(h, UPDATE).revision = Some(1);
    });
    assert!(by_effect.contains(&FindingKind::Reordered), "{by_effect:?}");
}

#[test]
fn a_spooled_write_has_its_place_when_it_arrives() {
    let swap = |gateway: usize| {
        move |h: &mut RunHistory| {
            h.writes[CREATE].spooled = true;
            h.writes[UPDATE].gateway = gateway;
            end_of(h, CREATE).place = Some((0, 2));
            end_of(h, UPDATE).place = Some((0, 0));
            end_of(h, CREATE).revision = Some(2);
            end_of(h, UPDATE).revision = Some(1);
        }
    };
    assert!(with(swap(0)).contains(&FindingKind::Reordered));
    assert!(!with(swap(1)).contains(&FindingKind::Reordered));
}

#[test]
fn half_a_group() {
    let left = json!({"n": 2, "sum": 11});
    let at_the_end = with(|h| h.finals[1].record[1] = document(left.clone(), 3));
    assert_eq!(at_the_end, [FindingKind::HalfGroup]);
    let row = with(|h| h.finals[1].row = Some(body(json!({"id": "p", "n": 2}))));
    assert_eq!(row, [FindingKind::HalfGroup]);
    let read = with(|h| h.reads[1].documents[0] = document(left.clone(), 2));
    assert_eq!(read, [FindingKind::HalfGroup]);
}

#[test]
fn a_status_went_back() {
    let changed = with(|h| look(h, UPDATE, SeenStatus::Refused("missing".to_owned()), None));
    assert_eq!(changed, [FindingKind::StatusWentBack]);
    let back = with(|h| look(h, UPDATE, SeenStatus::Queued, None));
    assert_eq!(back, [FindingKind::StatusWentBack]);
    let forgotten = with(|h| look(h, UPDATE, SeenStatus::Unknown, None));
    assert_eq!(forgotten, [FindingKind::StatusWentBack]);
    let moved = with(|h| {
        look(h, UPDATE, SeenStatus::Applied, Some(2));
        h.looks.last_mut().unwrap().place = Some((0, 99));
    });
    assert_eq!(moved, [FindingKind::StatusWentBack]);
    let released = with(|h| {
        let parked = h
            .looks
            .iter()
            .position(|look| look.status == SeenStatus::Parked);
        let asked = h.looks[parked.unwrap()].at + 1;
        let queued = SeenStatus::Queued;
        let at = asked + 1;
        h.looks.push(StatusLook {
            write: PARKED,
            asked,
            at,
            status: queued,
            place: None,
            revision: None,
        });
    });
    assert_eq!(released, [FindingKind::StatusWentBack]);
}

#[test]
fn looks_that_overlap_say_nothing_of_each_other() {
    let overlapping = with(|h| {
        let end = end_of(h, UPDATE).clone();
        let (asked, at, status) = (end.asked - 1, end.at + 9_000, SeenStatus::Queued);
        h.looks.push(StatusLook {
            asked,
            at,
            status,
            place: None,
            revision: None,
            ..end
        });
    });
    assert_eq!(overlapping, []);
}

#[test]
fn a_notification_missed() {
    let missed = with(|h| drop(h.subscriptions[0].heard.remove(0)));
    assert_eq!(missed, [FindingKind::NotificationMissed]);
    let order = with(|h| h.subscriptions[0].heard.swap(0, 1));
    assert_eq!(order, [FindingKind::NotificationMissed]);
    let stale_end = with(|h| {
        let again = h.subscriptions[0].heard[0].clone();
        h.subscriptions[0].heard.push(again);
    });
    assert_eq!(stale_end, [FindingKind::NotificationMissed]);
    let turned_away = with(|h| h.subscriptions[0].turned_away.push("too old".to_owned()));
    assert_eq!(turned_away, [FindingKind::NotificationMissed]);
    let all_again = with(|h| {
        let again = h.subscriptions[0].heard.clone();
        h.subscriptions[0].heard.extend(again);
    });
    assert_eq!(all_again, []);
    let before_it_was_active = with(|h| {
        h.subscriptions[0].heard.remove(0);
        h.subscriptions[0].active = h.writes[CREATE].sent;
    });
    assert_eq!(before_it_was_active, []);
}

#[test]
fn told_of_what_never_happened() {
    let told = with(|h| {
        let (at, request, id) = (9_999, format!("r{REFUSED}"), "a".to_owned());
        h.subscriptions[0]
            .heard
            .push(HeardChange { at, request, id });
    });
    assert_eq!(told, [FindingKind::NeverHappened]);
}

#[test]
fn a_parked_write_overtaken() {
    let overtaken = with(|h| {
        end_of(h, BROKEN).revision = Some(3);
        end_of(h, PARKED).revision = Some(2);
    });
    assert!(
        overtaken.contains(&FindingKind::ParkedOvertaken),
        "{overtaken:?}"
    );
    assert!(
        !overtaken.contains(&FindingKind::Reordered),
        "{overtaken:?}"
    );
}

#[test]
fn what_is_given_up_has_no_effect() {
    let given_up = |sum: i64| {
        move |h: &mut RunHistory| {
            let discarded = SeenStatus::Refused("discarded".to_owned());
            let end = end_of(h, BROKEN);
            (end.status, end.revision) = (discarded, None);
            end_of(h, PARKED).revision = Some(2);
            let both = json!({"n": 3, "sum": sum});
            let documents = vec![document(both.clone(), 2), document(both.clone(), 2)];
            h.reads[1].documents.clone_from(&documents);
            h.finals[1].record = documents;
            h.finals[1].view = vec![Some(body(both.clone())), Some(body(both))];
            for subscription in &mut h.subscriptions {
                subscription
                    .heard
                    .retain(|change| change.request != format!("r{BROKEN}"));
            }
        }
    };
    assert_eq!(with(given_up(101)), []);
    assert!(with(given_up(111)).contains(&FindingKind::WrongDocument));
}

#[test]
fn verdicts_documents_and_reads() {
    let unresolved = with(|h| {
        h.looks
            .retain(|look| look.write != PARKED || look.status == SeenStatus::Parked);
    });
    assert_eq!(unresolved, [FindingKind::Unresolved]);
    let verdict = with(|h| end_of(h, REFUSED).status = SeenStatus::Refused("missing".to_owned()));
    assert!(verdict.contains(&FindingKind::WrongVerdict), "{verdict:?}");
    let view = with(|h| h.finals[0].view[0] = Some(body(json!({"n": 1}))));
    assert_eq!(view, [FindingKind::WrongDocument]);
    let read = with(|h| h.reads[0].documents[0] = document(json!({"n": 1}), 1));
    assert_eq!(read, [FindingKind::StaleRead]);
    let not_read = with(|h| drop(h.finals.remove(0)));
    assert_eq!(not_read, [FindingKind::NotRead]);
    let deleted = with(|h| {
        let last = applied(h, "documents/a", WriteAction::Delete, 3);
        assert!(last > PARKED);
    });
    assert!(deleted.contains(&FindingKind::WrongDocument), "{deleted:?}");
}

#[test]
fn of_a_key_with_a_write_without_an_answer_only_order_and_statuses_are_judged() {
    let uncertain = |plant: fn(&mut RunHistory)| {
        with(|h| {
            h.uncertain.insert("documents/a".to_owned());
            plant(h);
        })
    };
    assert_eq!(uncertain(|h| end_of(h, UPDATE).revision = Some(3)), []);
    let back = uncertain(|h| look(h, UPDATE, SeenStatus::Queued, None));
    assert_eq!(back, [FindingKind::StatusWentBack]);
    let order = uncertain(|h| {
        end_of(h, CREATE).place = Some((0, 2));
        end_of(h, UPDATE).place = Some((0, 0));
    });
    assert!(order.contains(&FindingKind::Reordered), "{order:?}");
}

#[test]
fn the_smallest_history_holds_what_shows_it_and_no_more() {
    let mut history = RunHistory::default();
    for n in 1..=40_u64 {
        let action = WriteAction::Put(body(json!({"n": n})));
        // The 30th had no effect.
        let revision = if n < 30 { n } else { n - 1 };
        applied(&mut history, "documents/a", action, revision);
        applied(
            &mut history,
            "documents/b",
            WriteAction::Put(body(json!({"n": n}))),
            n,
        );
    }
    for (id, revision) in [("a", 39), ("b", 40)] {
        let last = json!({"n": 40});
        history.finals.push(FinalState {
            key: format!("documents/{id}"),
            record: vec![document(last.clone(), revision)],
            view: vec![Some(body(last))],
            row: None,
        });
    }
    let findings = judge_history(&history);
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].kind, FindingKind::Lost);
    let lines = smallest_history(&history, &findings[0]);
    let sent = lines.iter().filter(|line| line.contains(" sends ")).count();
    assert_eq!(sent, 2, "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains(r#"{"n":30}"#)),
        "{lines:#?}"
    );
    assert!(
        lines.iter().all(|line| !line.contains("documents/b")),
        "{lines:#?}"
    );
}
