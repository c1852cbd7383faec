//! Every member of every request, replaced by values of other kinds, and every member that is not sent, sent
//! as such: what is accepted can be planned, and
//! what is planned fits the columns and the mappings that it is for. What does not fit is told at the
//! gateway, at its place, and never found out by a store.

use crate::{
    operations::looked,
    world::{World, accept_beside, builtin, event_of},
};
use catalog::{Accepted, Catalog, Example, Kind, Operation};
use event_schema::{
    Raw,
    outcome::{RefusalCode, Verdict},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use store::{
    cell::fit_mutation,
    mapping::{DynamicFields, Mapping},
};

fn other_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(7),
        json!(-1),
        json!(0.5),
        json!(1e300),
        json!(9_007_199_254_740_993_i64),
        json!(""),
        json!("text"),
        json!("7"),
        json!([]),
        json!([7]),
        json!(["text"]),
        json!([null]),
        json!([{}]),
        json!({}),
        json!({"a": 7}),
        json!({"a": "text"}),
        json!({"a": {}}),
        json!({"a": {"b": []}}),
    ]
}

/// Nothing is known of fields that no mapping names.
struct NothingLearned;

impl DynamicFields for NothingLearned {
    fn has(&self, _: &str) -> bool {
        false
    }
}

/// Where each operation's changes go.
struct Places<'a> {
    catalog: &'a Catalog,
    mappings: BTreeMap<(String, String), Mapping>,
}

impl<'a> Places<'a> {
    fn of(catalog: &'a Catalog) -> Self {
        let own = catalog.collections().iter().map(|own| {
            let mapping = Mapping::read(Some(&own.mappings), Some(&own.settings));
            let pair = (own.index.clone(), own.collection.clone());
            (pair, mapping.expect("the mapping is sound"))
        });
        Self {
            catalog,
            mappings: own.collect(),
        }
    }

    /// What is wrong with what an accepted request comes to, its parts included.
    fn misfit(&self, accepted: &Accepted, principal: &str, world: &World) -> Result<(), String> {
        let operation = self.catalog.operation(&accepted.operation);
        let operation = operation.expect("it was accepted");
        if operation.kind() == Kind::Informative {
            return Ok(());
        }
        let event = event_of(self.catalog, accepted, principal);
        let plan = world.plan(operation, &event);
        let plan = plan.map_err(|error| format!("a dead letter: {error}"))?;
        if let Verdict::Refused(refusal) = &plan.verdict
            && refusal.code == RefusalCode::Unmappable
        {
            return Err(format!("refused by the worker: {}", refusal.message));
        }
        for row in &plan.rows {
            let mut tables = self.catalog.tables().iter();
            let table = tables.find(|table| table.name == row.key.table);
            fit_mutation(table.expect("a table"), row)
                .map_err(|misfit| format!("no store takes it: {} {misfit}", row.key))?;
        }
        for change in &plan.documents {
            let pair = (change.key.index.clone(), change.key.collection.clone());
            if let (Some(mapping), Some(body)) = (self.mappings.get(&pair), &change.after) {
                self.check_document(mapping, &change.key.id, body)
                    .map_err(|why| format!("no view takes it: {} {why}", change.key))?;
            }
        }
        let mut parts = plan.parts.iter();
        parts.try_for_each(|part| {
            let told = self.misfit(part, principal, &World::default());
            told.map_err(|why| format!("its part {}: {why}", part.operation))
        })
    }

    fn check_document(&self, mapping: &Mapping, id: &str, body: &Raw) -> Result<(), String> {
        let checked = mapping.check(id, body, &NothingLearned);
        checked
            .map(drop)
            .map_err(|unmappable| format!("{} {}", unmappable.pointer, unmappable.message))
    }
}

/// Every place in a request, the request itself excepted.
fn pointers(value: &Value, at: &str) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| {
                let step = name.replace('~', "~0").replace('/', "~1");
                (format!("{at}/{step}"), member)
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(n, item)| (format!("{at}/{n}"), item))
            .collect(),
        _ => Vec::new(),
    };
    let below = children.into_iter().flat_map(|(at, child)| {
        let mut all = pointers(child, &at);
        all.push(at);
        all
    });
    below.collect()
}

/// Every place that a schema knows within a request and the request has nothing at.
fn absent(schemas: &[&Value], value: &Value, at: &str) -> BTreeSet<String> {
    let of_each = |name: &str| {
        let mut found: Vec<&Value> = Vec::new();
        for schema in schemas {
            let all_of = schema["allOf"].as_array().into_iter().flatten();
            let then = all_of.clone().map(|one| &one["then"]);
            let all = all_of.chain(then).chain([*schema]);
            found.extend(all.filter_map(|schema| schema.get(name)));
        }
        found
    };
    let mut places = BTreeSet::new();
    match value {
        Value::Object(members) => {
            let properties = of_each("properties");
            let names = properties.iter().filter_map(|names| names.as_object());
            for name in names.flat_map(|names| names.keys()) {
                let at = format!("{at}/{name}");
                let below: Vec<&Value> =
                    properties.iter().filter_map(|all| all.get(name)).collect();
                match members.get(name) {
                    Some(member) => places.extend(absent(&below, member, &at)),
                    None => _ = places.insert(at),
                }
            }
        }
        Value::Array(items) => {
            let schemas = of_each("items");
            let each = items.iter().enumerate();
            places.extend(each.flat_map(|(n, item)| absent(&schemas, item, &format!("{at}/{n}"))));
        }
        _ => {}
    }
    places
}

/// With this value at that place, in an object that is there.
fn with(request: &Value, pointer: &str, other: &Value) -> Value {
    let mut bent = request.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("not the request itself");
    let name = name.replace("~1", "/").replace("~0", "~");
    match bent.pointer_mut(parent) {
        Some(Value::Object(members)) => _ = members.insert(name, other.clone()),
        _ => *bent.pointer_mut(pointer).expect("it was just found") = other.clone(),
    }
    bent
}

/// Is one of these within the other?
fn meet(one: &str, other: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(one, other) || within(other, one)
}

/// What is not told, or not where it is.
fn untold(
    places: &Places<'_>,
    (operation, request): (&Operation, &Value),
    example: &Example,
) -> (usize, Vec<String>) {
    let mut found = Vec::new();
    let mut tried = 0;
    let world = World::of(places.catalog, example);
    let principal = example.principal.as_deref().unwrap_or("anonymous");
    let absent = absent(&[operation.schema()], request, "");
    for pointer in pointers(request, "").into_iter().chain(absent) {
        for other in other_values() {
            let bent = with(request, &pointer, &other);
            if bent == *request {
                continue;
            }
            tried += 1;
            let mut tell = |why: String| {
                found.push(format!("{} {pointer} = {other}: {why}", operation.name()));
            };
            match accept_beside(operation, &bent.to_string(), example) {
                Err(invalid) => {
                    let own_rules = operation.outline().refuses;
                    let is_told = invalid.0.iter().any(|violation| {
                        meet(&violation.pointer, &pointer)
                            || own_rules.contains(&violation.rule.as_str())
                    });
                    if !is_told || invalid.0.iter().any(|one| one.rule == "expression") {
                        tell(format!("told as {:?}", invalid.0));
                    }
                }
                Ok(accepted) => {
                    for accepted in &accepted {
                        places
                            .misfit(accepted, principal, &world)
                            .unwrap_or_else(&mut tell);
                    }
                }
            }
        }
    }
    (tried, found)
}

#[test]
fn a_member_of_another_kind_is_told_where_it_is_or_fits() {
    let catalog = builtin();
    let places = Places::of(&catalog);
    let mut found = Vec::new();
    let mut tried = 0;
    let mut look = |operation: &Operation, request: &Value, example: &Example| {
        let (count, untold) = untold(&places, (operation, request), example);
        tried += count;
        found.extend(untold);
    };
    for operation in catalog.operations().filter(|known| !known.internal()) {
        for example in operation.examples() {
            look(operation, &example.request, example);
        }
    }
    for line in include_str!("../../fixtures/sunbird-requests.jsonl").lines() {
        let line: Value = serde_json::from_str(line).expect("a line is JSON");
        let name = line["operation"].as_str().expect("its operation");
        let operation = catalog.operation(name).expect("it is there");
        let example = Example {
            looked: looked(name).as_object().expect("names").clone(),
            ..Example::default()
        };
        look(operation, &line["body"]["request"], &example);
    }
    assert!(tried > 20_000, "{tried}");
    let count = found.len();
    found.truncate(40);
    assert!(
        found.is_empty(),
        "{count} of {tried}:\n{}",
        found.join("\n")
    );
}
