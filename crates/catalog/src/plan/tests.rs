//! Planning with what the built-in operations do not use yet: guards, conditions on the current
//! state, rows that go or expire.

use super::*;
use crate::{AcceptedRequest, Catalog, Seed};
use event_schema::{
    envelope::{Attributes, TransactionData},
    id::RequestId,
    mutation::RowAction,
    signing::Keyring,
    to_raw,
};
use serde_json::json;

const DEFINITIONS: &str = "
tables:
  - {name: seats, owner: hall, partition_key: [hall], clustering: [seat], columns: {hall: text, seat: int, who: text, until: timestamp}}
collections:
  - {index: a, collection: halls, owner: hall}
operations:
  - name: seat.take
    summary: Takes seats of a hall that is open.
    request:
      type: object
      properties: {hall: {type: string}, seats: {type: array}, free: {type: array}, until: {type: integer}, note: {type: string}}
    key: {of: hall, id: $request/hall}
    write:
      - document: {index: a, collection: halls, id: $request/hall}
        expect: present
        when: {present: $request/note}
        merge: {note: $request/note, taken: {add: [{default: [$current/document/taken, 0]}, {count: $request/seats}]}}
      - row: {table: seats, key: {hall: $request/hall, seat: $item}}
        for_each: $request/seats
        expect: absent
        put: {who: $principal}
        expires: $request/until
      - row: {table: seats, key: {hall: $request/hall, seat: $item}}
        for_each: $request/free
        remove: true
      - document: {index: a, collection: halls, id: {concat: [$request/hall, -log]}}
        as: log
        when: {equals: [$current/document/kind, cinema]}
        put: {last: $request/seats}
    guards:
      - that: {not: {equals: [$current/document/closed, true]}}
        rule: closed
        at: /hall
        say: the hall is closed
    result: {taken: {count: $request/seats}, version: $written/document/version, log: $written/log/version}
    examples: [{title: Two, request: {hall: h, seats: [1, 2]}}]
";

struct Hall {
    body: Option<Value>,
    taken: Vec<i64>,
}

impl Current for Hall {
    fn document(&self, key: &DocumentKey) -> CurrentDocument {
        let body = self.body.as_ref().filter(|_| key.id == "h").map(to_raw);
        CurrentDocument {
            revision: if body.is_some() { 3 } else { 0 },
            body,
        }
    }

    fn row(&self, key: &RowKey) -> Option<Map<String, Value>> {
        self.taken
            .contains(&key.key["seat"].as_i64()?)
            .then(|| Map::from_iter([("who".to_owned(), json!("them"))]))
    }
}

fn event(request: Value, if_version: Option<u64>) -> (Catalog, Transaction) {
    let definitions: Value = serde_yaml_ng::from_str(DEFINITIONS).unwrap();
    let catalog = Catalog::from_definitions(&definitions).unwrap();
    let seed = Seed {
        unique: [1; 16],
        now: 0,
    };
    let AcceptedRequest::One(accepted) = catalog
        .operation("seat.take")
        .unwrap()
        .accept(&json_text::ScannedJson::from(&request), &seed)
        .unwrap()
    else {
        panic!("one event")
    };
    let attributes = Attributes {
        id: RequestId::mint(
            &Keyring::new(1, *b"a secret of thirty-two bytes....."),
            1,
            0,
            accepted.unique,
        ),
        tenant: "t".into(),
        operation: accepted.operation,
        catalog: catalog.version().into(),
        key: accepted.key,
        time: 0,
        traceparent: None,
    };
    let data = TransactionData {
        request: accepted.request,
        generated: accepted.generated,
        incarnations: Map::from_iter([("a/halls".to_owned(), json!("x1"))]),
        volatile: None,
        if_version,
        claim: None,
        reply: None,
        origin: None,
        principal: "me".into(),
        unconfirmed: None,
    };
    let seen = event_schema::offset::TransactionsOffset::FIRST;
    (
        catalog,
        Transaction {
            attributes,
            seen,
            data,
        },
    )
}

fn plan(hall: &Hall, request: Value, if_version: Option<u64>) -> Result<Plan, PlanError> {
    let (catalog, event) = event(request, if_version);
    match catalog.of(&event)?.plan(&event, hall)? {
        Planned::Plan(plan) => Ok(*plan),
        Planned::Unread(needs) => panic!("{needs:?} were not read"),
    }
}

fn refusal(hall: &Hall, request: Value, if_version: Option<u64>) -> Refusal {
    match plan(hall, request, if_version).unwrap().verdict {
        Verdict::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn open(body: Value) -> Hall {
    Hall {
        body: Some(body),
        taken: vec![],
    }
}

#[test]
fn needs_name_everything_that_may_be_read() {
    let (catalog, event) = event(json!({"hall": "h", "seats": [1, 2], "free": [3]}), None);
    let needs = catalog.of(&event).unwrap().needs(&event).unwrap();
    let named: Vec<String> = needs
        .documents
        .iter()
        .map(ToString::to_string)
        .chain(needs.rows.iter().map(ToString::to_string))
        .collect();
    assert_eq!(
        named,
        [
            "a/halls/h-log",
            "seats/\"h\"/1",
            "seats/\"h\"/2",
            "seats/\"h\"/3"
        ],
        "without a note, the hall's document is not looked at"
    );
}

#[test]
fn conditions_may_hang_on_the_current_state() {
    let plan_of = |kind: &str| {
        plan(
            &open(json!({"kind": kind, "taken": 1})),
            json!({"hall": "h", "seats": [4, 5], "note": "n", "until": 99}),
            None,
        )
        .unwrap()
    };
    let cinema = plan_of("cinema");
    assert_eq!(cinema.documents.len(), 2);
    assert_eq!(
        cinema.documents[0].after.as_ref().unwrap().get(),
        r#"{"kind":"cinema","taken":3,"note":"n"}"#
    );
    assert_eq!(
        cinema.result.unwrap().get(),
        r#"{"taken":2,"version":4,"log":1}"#
    );
    assert_eq!(
        (
            cinema.rows[0].action,
            cinema.rows[0].expires,
            &cinema.rows[0].cells["who"]
        ),
        (RowAction::Put, Some(99), &json!("me"))
    );
    assert_eq!(
        plan_of("circus").result.unwrap().get(),
        r#"{"taken":2,"version":4}"#
    );
}

#[test]
fn rows_have_preconditions_and_are_remembered_as_they_were() {
    let hall = Hall {
        body: None,
        taken: vec![2, 3],
    };
    let taken = refusal(&hall, json!({"hall": "h", "seats": [1, 2]}), None);
    assert_eq!(
        (taken.code, taken.message.as_str()),
        (RefusalCode::Exists, "there is a row seats/\"h\"/2 already")
    );
    let freed = plan(&hall, json!({"hall": "h", "free": [3, 4]}), None).unwrap();
    assert_eq!(
        freed.rows.iter().map(|row| row.action).collect::<Vec<_>>(),
        [RowAction::Remove; 2]
    );
    assert_eq!(
        (
            &freed.rows[0].before.as_ref().unwrap()["who"],
            &freed.rows[1].before
        ),
        (&json!("them"), &None)
    );
}

#[test]
fn guards_refuse_after_preconditions() {
    let note = json!({"hall": "h", "note": "n"});
    assert_eq!(
        refusal(
            &Hall {
                body: None,
                taken: vec![]
            },
            note.clone(),
            None
        )
        .code,
        RefusalCode::Missing
    );
    let closed = refusal(&open(json!({"closed": true})), note.clone(), None);
    assert_eq!(
        (
            closed.code,
            closed.message.as_str(),
            closed.pointer.as_deref()
        ),
        (RefusalCode::Rule, "the hall is closed", Some("/hall"))
    );
    assert_eq!(
        refusal(&open(json!({"closed": true})), note.clone(), Some(9)).code,
        RefusalCode::Version
    );
    assert_eq!(
        plan(&open(json!({})), note, Some(3)).unwrap().verdict,
        Verdict::Applied
    );
}

#[test]
fn a_version_that_nothing_can_have_is_refused() {
    let refused = refusal(&open(json!({})), json!({"hall": "h", "seats": []}), Some(3));
    assert_eq!(refused.code, RefusalCode::Version);
}

#[test]
fn what_a_table_does_not_take_is_refused() {
    let refused = refusal(
        &open(json!({})),
        json!({"hall": "h", "seats": ["front"]}),
        None,
    );
    assert_eq!(
        (
            refused.code,
            refused.message.as_str(),
            refused.pointer.as_deref()
        ),
        (
            RefusalCode::Unmappable,
            "column `seat` of table `seats` takes a whole number of 32 bits, not a text",
            Some("/seat")
        )
    );
}

#[test]
fn what_would_be_written_twice_is_refused() {
    // Few are told apart otherwise than many.
    for others in [0, 1, 40] {
        let seats: Vec<u32> = (0..others).chain([99, 99]).collect();
        let refused = refusal(&open(json!({})), json!({"hall": "h", "seats": seats}), None);
        assert_eq!(refused.code, RefusalCode::Rule, "{others}");
        let told = &refused.message;
        assert!(told.contains("99 would be written twice"), "{told}");
    }
}

#[test]
fn an_event_that_makes_no_sense_is_no_refusal() {
    let broken = |request: Value| {
        plan(&open(json!({})), request, None)
            .unwrap_err()
            .to_string()
    };
    assert!(broken(json!({"hall": "h", "seats": [null]})).contains("`seat` of `seats` is absent"));
    let (catalog, mut event) = event(json!({"hall": "h", "note": "n"}), None);
    event.data.incarnations.clear();
    assert!(
        catalog
            .of(&event)
            .unwrap()
            .plan(&event, &open(json!({})))
            .unwrap_err()
            .to_string()
            .contains("incarnation of a/halls")
    );
    event.attributes.operation = "seat.give".into();
    assert_eq!(
        catalog.of(&event).unwrap_err(),
        PlanError::UnknownOperation("seat.give".into())
    );
}
