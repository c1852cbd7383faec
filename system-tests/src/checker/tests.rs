//! The checker sees each fault that is planted in an otherwise sound history, and nothing in the
//! sound one.

use serde_json::{Value, json};

use super::{Fault, check};
use crate::{
    history::{Action, Body, Document, Final, History, Look, Read, Status, Write},
    model::Model,
};

fn body(value: Value) -> Body {
    value.as_object().cloned().expect("an object")
}

/// Two keys, two clients, every action; `b` ends deleted.
fn sound() -> History {
    let script = [
        ("a", Action::Create(body(json!({"n": 1})))),
        ("a", Action::Create(body(json!({"n": 2})))),
        ("b", Action::Update(body(json!({"n": 3})))),
        (
            "b",
            Action::Upsert {
                changes: body(json!({"n": 4})),
                default: body(json!({"d": 1})),
            },
        ),
        ("a", Action::Update(body(json!({"m": 5})))),
        ("b", Action::DeleteFields(vec!["d".into()])),
        ("b", Action::Delete),
        ("a", Action::Replace(body(json!({"n": 6, "m": 7})))),
        ("a", Action::Put(body(json!({"n": 8})))),
        ("b", Action::Delete),
    ];
    let mut history = History::default();
    let mut models = [Model::default(), Model::default()];
    for (n, (key, action)) in script.into_iter().enumerate() {
        let (time, request) = (10 * n as u64, format!("r{n}"));
        let (partition, client) = if key == "a" { (0, 0) } else { (1, 1) };
        let model = &mut models[client];
        let status = model.apply(&action);
        let position = Some((partition, n as u64));
        history.looks.push(Look {
            at: time + 6,
            request: request.clone(),
            status: Status::Queued,
            position: None,
            revision: None,
        });
        let revision = (status == Status::Applied).then_some(model.revision);
        for at in [time + 7, time + 500] {
            history.looks.push(Look {
                at,
                request: request.clone(),
                status: status.clone(),
                position,
                revision,
            });
        }
        let found = model.body.clone().map(|body| Document {
            body,
            revision: Some(model.revision),
        });
        history.reads.push(Read {
            at: time + 8,
            key: key.into(),
            after: request.clone(),
            found,
        });
        history.writes.push(Write {
            client,
            key: key.into(),
            action,
            request,
            sent: time,
            acknowledged: time + 5,
        });
    }
    for (key, model) in ["a", "b"].into_iter().zip(models) {
        let record = model.body.clone().map(|body| Document {
            body,
            revision: Some(model.revision),
        });
        history.finals.push(Final {
            key: key.into(),
            record,
            view: model.body,
        });
    }
    history
}

/// Plants a fault and returns what the checker says.
fn planted(plant: impl FnOnce(&mut History)) -> Vec<Fault> {
    let mut history = sound();
    plant(&mut history);
    check(&history)
}

fn final_of<'a>(history: &'a mut History, key: &str) -> &'a mut Final {
    history
        .finals
        .iter_mut()
        .find(|f| f.key == key)
        .expect("key")
}

#[test]
fn a_sound_history_has_no_fault() {
    assert_eq!(check(&sound()), []);
}

#[test]
fn an_acknowledged_write_without_a_verdict() {
    let faults = planted(|h| {
        h.looks
            .retain(|l| l.request != "r4" || l.status == Status::Queued)
    });
    assert_eq!(
        faults,
        [Fault::Unresolved {
            request: "r4".into(),
            last: Some(Status::Queued)
        }]
    );
    let faults = planted(|h| h.looks.retain(|l| l.request != "r4"));
    assert_eq!(
        faults,
        [Fault::Unresolved {
            request: "r4".into(),
            last: None
        }]
    );
}

#[test]
fn a_verdict_that_changes_or_goes_back() {
    for other in [
        Status::Refused("exists".into()),
        Status::DeadLettered,
        Status::Queued,
        Status::Unknown,
    ] {
        let faults = planted(|h| {
            let look = h
                .looks
                .iter_mut()
                .rfind(|l| l.request == "r8")
                .expect("look");
            look.status = other.clone();
        });
        assert!(
            matches!(&faults[..], [Fault::VerdictChanged { request, .. }] if request == "r8"),
            "{other:?}: {faults:?}"
        );
    }
}

#[test]
fn a_position_that_moves_or_is_shared_or_never_known() {
    let faults = planted(|h| {
        h.looks
            .iter_mut()
            .rfind(|l| l.request == "r8")
            .expect("look")
            .position = Some((0, 77))
    });
    assert!(
        matches!(&faults[..], [Fault::VerdictChanged { .. }]),
        "{faults:?}"
    );
    let faults = planted(|h| {
        h.looks
            .iter_mut()
            .filter(|l| l.request == "r9")
            .for_each(|l| l.position = Some((1, 6)))
    });
    assert!(
        faults.iter().any(|f| matches!(
            f,
            Fault::SharedPosition {
                position: (1, 6),
                ..
            }
        )),
        "{faults:?}"
    );
    let faults = planted(|h| {
        h.looks
            .iter_mut()
            .filter(|l| l.request == "r8")
            .for_each(|l| l.position = None)
    });
    assert_eq!(
        faults,
        [Fault::NoPosition {
            request: "r8".into()
        }]
    );
}

#[test]
fn two_writes_of_a_client_in_the_wrong_order() {
    let faults = planted(|h| {
        for look in &mut h.looks {
            match look.request.as_str() {
                "r7" if look.position.is_some() => look.position = Some((0, 8)),
                "r8" if look.position.is_some() => look.position = Some((0, 7)),
                _ => {}
            }
        }
    });
    assert!(
        faults.contains(&Fault::OutOfOrder {
            key: "a".into(),
            earlier: "r7".into(),
            later: "r8".into()
        }),
        "{faults:?}"
    );
}

#[test]
fn writes_that_overlapped_may_stand_either_way() {
    let faults = planted(|h| {
        for write in h.writes.iter_mut().filter(|w| w.key == "a") {
            (write.sent, write.acknowledged) = (0, 1000);
        }
    });
    assert_eq!(faults, []);
}

#[test]
fn a_wrong_verdict() {
    let faults = planted(|h| {
        h.looks
            .iter_mut()
            .filter(|l| l.request == "r1" && l.status.is_final())
            .for_each(|l| l.status = Status::Applied)
    });
    assert!(
        matches!(&faults[..], [Fault::WrongVerdict { request, .. }] if request == "r1"),
        "{faults:?}"
    );
    let faults = planted(|h| {
        h.looks
            .iter_mut()
            .filter(|l| l.request == "r8" && l.status.is_final())
            .for_each(|l| l.status = Status::DeadLettered)
    });
    assert!(
        matches!(&faults[..], [Fault::WrongVerdict { request, .. }] if request == "r8"),
        "{faults:?}"
    );
}

#[test]
fn a_write_applied_twice_or_never() {
    let faults =
        planted(|h| final_of(h, "a").record.as_mut().expect("document").revision = Some(5));
    assert_eq!(
        faults,
        [Fault::AppliedTimes {
            key: "a".into(),
            expected: 4,
            seen: 5
        }]
    );
    let faults = planted(|h| {
        h.looks
            .iter_mut()
            .filter(|l| l.request == "r4")
            .for_each(|l| l.revision = Some(3))
    });
    assert!(
        matches!(
            &faults[..],
            [Fault::WrongRevision {
                expected: 2,
                seen: 3,
                ..
            }]
        ),
        "{faults:?}"
    );
    let faults = planted(|h| {
        let last = final_of(h, "a");
        last.record.as_mut().expect("document").body = body(json!({"n": 6, "m": 7}));
        last.view = Some(body(json!({"n": 6, "m": 7})));
    });
    assert!(
        matches!(
            &faults[..],
            [
                Fault::WrongDocument {
                    place: "record",
                    ..
                },
                Fault::WrongDocument { place: "view", .. }
            ]
        ),
        "{faults:?}"
    );
}

#[test]
fn a_document_that_vanished_and_one_back_from_the_dead() {
    let faults = planted(|h| final_of(h, "a").record = None);
    assert!(
        matches!(
            &faults[..],
            [Fault::WrongDocument {
                place: "record",
                seen: None,
                ..
            }]
        ),
        "{faults:?}"
    );
    let faults = planted(|h| final_of(h, "b").view = Some(body(json!({"n": 4}))));
    assert_eq!(
        faults,
        [Fault::BackFromTheDead {
            key: "b".into(),
            place: "view"
        }]
    );
    let faults = planted(|h| {
        final_of(h, "b").record = Some(Document {
            body: body(json!({"n": 4})),
            revision: Some(3),
        })
    });
    assert_eq!(
        faults,
        [Fault::BackFromTheDead {
            key: "b".into(),
            place: "record"
        },]
    );
}

#[test]
fn a_read_by_token_that_is_stale_or_made_up() {
    let faults = planted(|h| {
        h.reads
            .iter_mut()
            .find(|r| r.after == "r4")
            .expect("read")
            .found = Some(Document {
            body: body(json!({"n": 1})),
            revision: None,
        })
    });
    assert_eq!(
        faults,
        [Fault::StaleRead {
            key: "a".into(),
            after: "r4".into()
        }]
    );
    let faults = planted(|h| {
        h.reads
            .iter_mut()
            .find(|r| r.after == "r8")
            .expect("read")
            .found = None
    });
    assert_eq!(
        faults,
        [Fault::StaleRead {
            key: "a".into(),
            after: "r8".into()
        }]
    );
    let faults = planted(|h| {
        h.reads
            .iter_mut()
            .find(|r| r.after == "r4")
            .expect("read")
            .found = Some(Document {
            body: body(json!({"n": 8})),
            revision: None,
        })
    });
    assert_eq!(faults, [], "a later state is as good");
}

#[test]
fn a_key_that_nobody_read_at_the_end() {
    assert_eq!(
        planted(|h| h.finals.retain(|f| f.key != "b")),
        [Fault::NotRead { key: "b".into() }]
    );
}
