//! What holds for every request: nothing panics, the same in is the same out, and what was accepted
//! can be planned.

use crate::world::{SEED, World, accept, builtin, event, run};
use catalog::{AcceptedRequest, Beside, Catalog, Example, Kind};
use event_schema::outcome::{RefusalCode, Verdict};
use json_text::ScannedJson;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

static CATALOG: LazyLock<Catalog> = LazyLock::new(builtin);

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        "[a-z0-9@.+-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((known_name(), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Names that operations know, now and then.
fn known_name() -> impl Strategy<Value = String> {
    let known = [
        "index",
        "collection",
        "_id",
        "body",
        "documents",
        "ids",
        "fields",
        "changes",
        "if_version",
        "volatile",
        "name",
        "address",
        "education",
        "externalIds",
    ];
    prop_oneof![
        prop::sample::select(known.map(str::to_owned).to_vec()),
        "[a-z._]{0,4}"
    ]
}

/// An example with some of its values replaced by anything.
fn bent_example() -> impl Strategy<Value = (&'static str, Value, &'static Example)> {
    let all: Vec<(&'static str, &'static Example)> = CATALOG
        .operations()
        .flat_map(|operation| {
            operation
                .examples()
                .iter()
                .map(|example| (operation.name(), example))
        })
        .collect();
    (
        prop::sample::select(all),
        prop::collection::vec(
            (any::<prop::sample::Index>(), any_json(), any::<bool>()),
            0..3,
        ),
    )
        .prop_map(|((name, example), bends)| {
            let mut request = example.request.clone();
            for (at, value, remove) in bends {
                let pointers = pointers(&request, String::new());
                let pointer = &pointers[at.index(pointers.len())];
                let (parent, step) = pointer.rsplit_once('/').unwrap_or_default();
                match (remove, request.pointer_mut(parent)) {
                    (true, Some(Value::Object(members))) => drop(members.remove(step)),
                    _ => {
                        *request
                            .pointer_mut(pointer)
                            .expect("the pointer was just found") = value
                    }
                }
            }
            (name, request, example)
        })
}

fn pointers(value: &Value, at: String) -> Vec<String> {
    let children: Vec<String> = match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| {
                pointers(
                    member,
                    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
                )
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(n, item)| pointers(item, format!("{at}/{n}")))
            .collect(),
        _ => Vec::new(),
    };
    std::iter::once(at).chain(children).collect()
}

proptest! {
    #[test]
    fn no_request_is_too_strange(value in any_json()) {
        for operation in CATALOG.operations() {
            let _ = operation.accept(&ScannedJson::from(&value), &SEED);
        }
    }

    #[test]
    fn what_is_refused_is_told_where_and_what_is_accepted_can_be_planned((name, request, example) in bent_example()) {
        let operation = CATALOG.operation(name).unwrap();
        let scanned = ScannedJson::from(&request);
        let beside = Beside { principal: "anonymous", looked: example.looked.clone() };
        match operation.accept_with(&scanned, &SEED, &beside) {
            Err(invalid) => {
                prop_assert!((1..=20).contains(&invalid.0.len()));
                for violation in &invalid.0 {
                    prop_assert!(violation.rule != "expression", "{violation:?}");
                    prop_assert!(!violation.message.is_empty() && violation.message.len() < 2000, "{violation:?}");
                    prop_assert!(request.pointer(&violation.pointer).is_some(), "{violation:?}");
                }
            }
            Ok(accepted) => {
                let again = operation.accept_with(&scanned, &SEED, &beside).unwrap();
                prop_assert_eq!(format!("{accepted:?}"), format!("{again:?}"), "the same seed accepts the same");
                let items = match accepted {
                    AcceptedRequest::One(one) => vec![Ok(*one)],
                    AcceptedRequest::Many(items) => items,
                };
                for accepted in items.into_iter().flatten() {
                    let operation = CATALOG.operation(&accepted.operation).unwrap();
                    if operation.kind() == Kind::Informative {
                        continue;
                    }
                    let event = event(&CATALOG, &accepted);
                    let plan = World::of(&CATALOG, example).plan(operation, &event).map_err(|e| TestCaseError::fail(e.to_string()))?;
                    let again = World::of(&CATALOG, example).plan(operation, &event).unwrap();
                    prop_assert_eq!(format!("{plan:?}"), format!("{again:?}"), "planning is pure");
                    let mut touched = plan.documents.iter().map(|change| (change.key.index.clone(), change.key.collection.clone()));
                    let within = touched.all(|pair| accepted.collections.contains(&pair));
                    prop_assert!(within, "it touches what it did not name");
                }
            }
        }
    }

    #[test]
    fn no_event_is_too_strange_to_plan(value in any_json(), generated in any_json()) {
        for operation in CATALOG.operations() {
            let accepted = catalog::Accepted {
                operation: operation.name().to_owned(),
                unique: [1; 16],
                request: event_schema::to_raw(&value),
                generated: generated.as_object().cloned().unwrap_or_default(),
                key: event_schema::id::EntityKey("k".into()),
                collections: vec![("sunbird".into(), "user".into()), ("sunbird".into(), "location".into())],
                volatile: None,
                if_version: None,
            };
            let event = event(&CATALOG, &accepted);
            let _ = World::default().plan(operation, &event);
        }
    }
}

#[test]
fn revisions_grow_through_deletion_and_creation() {
    let (catalog, mut world) = (builtin(), World::default());
    let name = |body: Value| json!({"index": "i", "collection": "c", "_id": "1", "body": body});
    let bare = json!({"index": "i", "collection": "c", "_id": "1"});
    let revision = |plan: catalog::Plan| plan.documents[0].revision;
    assert_eq!(
        revision(run(
            &mut world,
            &catalog,
            "document.create",
            &name(json!({"a": 1}))
        )),
        1
    );
    assert_eq!(
        revision(run(
            &mut world,
            &catalog,
            "document.update",
            &name(json!({"b": 2}))
        )),
        2
    );
    assert_eq!(
        revision(run(&mut world, &catalog, "document.delete", &bare)),
        3
    );
    let created = run(&mut world, &catalog, "document.create", &name(json!({})));
    assert_eq!(
        created.result.as_ref().unwrap().get(),
        r#"{"_id":"1","_version":4}"#
    );
    let replaced = run(
        &mut world,
        &catalog,
        "document.createOrReplace",
        &name(json!({})),
    );
    assert_eq!(
        replaced.result.unwrap().get(),
        r#"{"_id":"1","_version":5,"created":false}"#
    );
}

#[test]
fn refusals_are_told_plainly() {
    let (catalog, mut world) = (builtin(), World::default());
    let mut told = |operation: &str, extra: Value| {
        let mut request = Map::from_iter([
            ("index".into(), json!("i")),
            ("collection".into(), json!("c")),
            ("_id".into(), json!("1")),
        ]);
        request.extend(extra.as_object().unwrap().clone());
        match run(&mut world, &catalog, operation, &Value::Object(request)).verdict {
            Verdict::Refused(refusal) => Some((refusal.code, refusal.message)),
            _ => None,
        }
    };
    let body = json!({"body": {}});
    let missing = || {
        Some((
            RefusalCode::Missing,
            "there is no document i/c/1".to_owned(),
        ))
    };
    assert_eq!(told("document.update", body.clone()), missing());
    assert_eq!(told("document.replace", body.clone()), missing());
    assert_eq!(told("document.delete", json!({})), missing());
    assert_eq!(
        told("document.deleteFields", json!({"fields": ["a"]})),
        missing()
    );
    let asked = told(
        "document.createOrReplace",
        json!({"body": {}, "if_version": 2}),
    );
    assert_eq!(
        asked,
        Some((
            RefusalCode::Version,
            "there is no document i/c/1 that could be at version 2, as was asked".into()
        ))
    );
    assert_eq!(
        told(
            "document.upsert",
            json!({"changes": {"a": {"b": 1}}, "default": {"a": {"c": 2}}})
        ),
        None
    );
    assert_eq!(
        told("document.create", body.clone()),
        Some((
            RefusalCode::Exists,
            "there is a document i/c/1 already, at version 1".into()
        ))
    );
    let asked = told("document.update", json!({"body": {}, "if_version": 2}));
    assert_eq!(
        asked,
        Some((
            RefusalCode::Version,
            "document i/c/1 is at version 1, not at 2, as was asked".into()
        ))
    );
    assert_eq!(
        told("document.update", json!({"body": {}, "if_version": 1})),
        None
    );
    assert_eq!(
        world
            .documents
            .values()
            .next()
            .unwrap()
            .body
            .as_ref()
            .unwrap()
            .get(),
        r#"{"a":{"c":2,"b":1}}"#
    );
}

#[test]
fn bodies_pass_through_to_the_byte() {
    let (catalog, mut world) = (builtin(), World::default());
    let operation = catalog.operation("document.create").unwrap();
    let body = "{ \"n\": 1.10, \"big\": 18446744073709551615, \"e\": 1E2, \"u\": \"\\u00e9\" }";
    let accepted = accept(
        operation,
        &format!(r#"{{"index":"i","collection":"c","_id":"1","body":{body}}}"#),
    )
    .unwrap();
    let plan = world.run(&catalog, &accepted[0]).unwrap();
    assert_eq!(plan.documents[0].after.as_ref().unwrap().get(), body);
}

#[test]
fn definitions_travel_and_mean_the_same() {
    let catalog = builtin();
    let other = Catalog::from_definitions(catalog.definitions()).unwrap();
    assert_eq!(other.version(), catalog.version());
    let text = catalog.definitions().to_string();
    assert_eq!(
        Catalog::from_definitions(&serde_json::from_str(&text).unwrap())
            .unwrap()
            .version(),
        catalog.version()
    );
    assert!(
        text.len() < 512 * 1024 && !text.contains("\"when\":null"),
        "{} bytes travel",
        text.len()
    );
    let mut newer = catalog.definitions().clone();
    newer["language"] = json!(2);
    assert!(
        Catalog::from_definitions(&newer)
            .unwrap_err()
            .to_string()
            .contains("language 2")
    );
    assert_eq!(
        (catalog.version().len(), other.operations().count()),
        (12, catalog.operations().count())
    );
}
