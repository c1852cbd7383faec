//! Every operation shows what it writes: its examples, accepted and planned over documents that are
//! there where it needs them, as snapshots.

use crate::world::{World, accept_example, builtin, event, event_of};
use catalog::{Accepted, Catalog, CurrentDocument, Example, Kind, Plan};
use event_schema::outcome::Verdict;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

#[test]
fn every_operation_is_documented_and_shows_what_it_writes() {
    let catalog = builtin();
    for operation in catalog.operations() {
        let name = operation.name();
        assert!(
            operation.summary().ends_with('.') && operation.summary().len() > 20,
            "{name}: a summary is a sentence"
        );
        assert_eq!(operation.schema()["type"], "object", "{name}");
        assert_eq!(
            operation.schema()["additionalProperties"],
            false,
            "{name}: fields nobody knows are refused"
        );
        assert!(!operation.examples().is_empty(), "{name}");
        for (n, example) in operation.examples().iter().enumerate() {
            let accepted = accept_example(operation, example)
                .unwrap_or_else(|e| panic!("{name}: {}: {e:?}", example.title));
            let show = |accepted| {
                if example.rows.is_empty() && example.documents.is_empty() {
                    show(&catalog, accepted)
                } else {
                    show_over(&catalog, accepted, example)
                }
            };
            let shown: Vec<Value> = accepted.iter().map(show).collect();
            insta::with_settings!({ description => format!("{}: {}", name, example.title), snapshot_suffix => "", prepend_module_to_snapshot => false }, {
                insta::assert_json_snapshot!(format!("{name}.{}", n + 1), shown);
            });
        }
    }
}

/// Over what the example says is there: there it is applied.
fn show_over(catalog: &Catalog, accepted: &Accepted, example: &Example) -> Value {
    let operation = catalog.operation(&accepted.operation).expect("its own");
    let principal = example.principal.as_deref().unwrap_or("anonymous");
    let event = event_of(catalog, accepted, principal);
    let plan = World::of(catalog, example)
        .plan(operation, &event)
        .unwrap_or_else(|e| panic!("{}: {}: {e}", operation.name(), example.title));
    let title = &example.title;
    assert_eq!(
        plan.verdict,
        Verdict::Applied,
        "{}: {title}",
        operation.name()
    );
    json!({
        "accepted": {"operation": accepted.operation, "key": accepted.key, "generated": accepted.generated, "collections": accepted.collections},
        "planned": tell(&plan),
    })
}

fn show(catalog: &Catalog, accepted: &Accepted) -> Value {
    let mut shown = json!({
        "accepted": {
            "operation": accepted.operation,
            "key": accepted.key,
            "generated": accepted.generated,
            "collections": accepted.collections,
            "if_version": accepted.if_version,
        }
    });
    let operation = catalog
        .operation(&accepted.operation)
        .expect("children are operations too");
    if operation.kind() == Kind::Informative {
        return shown;
    }
    let event = event(catalog, accepted);
    let needs = operation.needs(&event).expect("the event is sound");
    shown["needs"] = needs
        .documents
        .iter()
        .map(|key| key.to_string())
        .chain(needs.rows.iter().map(|key| format!("row {key}")))
        .collect();
    let empty = World::default()
        .plan(operation, &event)
        .expect("the event is sound");
    shown["where nothing is"] = tell(&empty);
    let mut full = World::default();
    for key in needs.documents {
        let body = event_schema::to_raw(
            &json!({"name": "Paris", "location": {"lat": 48.85, "elevation": 35}, "tags": ["city"]}),
        );
        full.documents.insert(
            key,
            CurrentDocument {
                revision: 1,
                body: Some(body),
            },
        );
    }
    for key in needs.rows {
        full.rows.insert(
            key.to_string(),
            Map::from_iter([("name".to_owned(), json!("Before"))]),
        );
    }
    shown["where something is"] = tell(&full.plan(operation, &event).expect("the event is sound"));
    shown
}

fn tell(plan: &Plan) -> Value {
    match &plan.verdict {
        Verdict::Applied => {
            let mut told =
                json!({ "documents": plan.documents, "rows": plan.rows, "result": plan.result });
            if !plan.parts.is_empty() {
                let part = |part: &Accepted| json!({"operation": part.operation, "key": part.key, "request": part.request});
                told["parts"] = plan.parts.iter().map(part).collect();
            }
            if !plan.takes.is_empty() {
                told["takes"] = plan.takes.iter().map(|taken| json!(taken.value)).collect();
            }
            if !plan.releases.is_empty() {
                told["releases"] = json!(plan.releases);
            }
            told
        }
        other => json!(other),
    }
}

#[test]
fn the_operations_are_those_that_are_promised() {
    let catalog = builtin();
    let names: BTreeSet<&str> = catalog
        .operations()
        .map(|operation| operation.name())
        .collect();
    for name in [
        "create",
        "createOrReplace",
        "replace",
        "update",
        "upsert",
        "delete",
        "deleteFields",
    ] {
        assert!(
            names.contains(format!("document.{name}").as_str()),
            "document.{name}"
        );
    }
    for (many, single) in [
        ("mCreate", "create"),
        ("mCreateOrReplace", "createOrReplace"),
        ("mReplace", "replace"),
        ("mUpdate", "update"),
        ("mUpsert", "upsert"),
        ("mDelete", "delete"),
    ] {
        let operation = catalog.operation(&format!("document.{many}")).expect(many);
        assert!(operation.many());
        assert_eq!(operation.single(), format!("document.{single}"));
    }
    assert!(names.contains("realtime.publish"));
    assert_eq!(catalog.nearest("document.creat"), Some("document.create"));
    assert_eq!(catalog.nearest("User.Create"), Some("user.create"));
    assert_eq!(catalog.nearest("xyz"), None);
}

#[test]
fn routes_are_unique_and_belong_to_one_operation_each() {
    let catalog = builtin();
    let mut routes = BTreeSet::new();
    for (method, path) in catalog.operations().flat_map(|known| known.routes()) {
        assert!(routes.insert((method, path)), "{method} {path}");
    }
    assert!(routes.contains(&("POST", "/v1/user/create")));
    assert!(routes.contains(&("POST", "/v1/bulk/user/upload")));
}

#[test]
fn every_written_collection_and_table_is_declared_with_its_shape() {
    let catalog = builtin();
    let collections: Vec<String> = catalog
        .collections()
        .iter()
        .map(|own| format!("{}/{}", own.index, own.collection))
        .collect();
    assert!(
        collections.contains(&"sunbird/user".to_owned()),
        "{collections:?}"
    );
    for own in catalog.collections() {
        if own.index != "sunbird" {
            continue;
        }
        assert!(
            own.mappings["properties"].is_object() && own.settings["analysis"].is_object(),
            "{}",
            own.collection
        );
    }
    let tables: Vec<&str> = catalog
        .tables()
        .iter()
        .map(|table| table.name.as_str())
        .collect();
    assert!(tables.contains(&"usr_external_identity"), "{tables:?}");
}
