//! Mappings as a real index takes, refuses and changes them: what the shared rules say, tried.

use crate::prefix::{http, lease, open};
use serde_json::{Map, Value, json};
use store::{
    Collection, StoreError, View,
    contract::{Fixture, declarable},
};
use store_elasticsearch::Elasticsearch;
use testbed::Servers;

fn refused<T: std::fmt::Debug>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Refused { .. }))
}

fn numbered(fields: impl IntoIterator<Item = Value>) -> Value {
    let named = fields
        .into_iter()
        .enumerate()
        .map(|(n, field)| (format!("f{n}"), field));
    json!({"properties": Map::from_iter(named)})
}

async fn made(view: &Elasticsearch, mappings: Value) -> Fixture {
    let fixture = Fixture::with_mappings(mappings);
    view.create_collection(&fixture.collection)
        .await
        .expect("made");
    fixture
}

async fn put(view: &Elasticsearch, f: &Fixture, n: usize, field: Value) -> Result<(), StoreError> {
    let mut properties = Map::new();
    properties.insert(format!("f{n}"), field);
    let mappings = Some(json!({"properties": properties}));
    view.update_collection(&Collection {
        mappings,
        ..f.collection.clone()
    })
    .await
}

#[tokio::test]
async fn fields_are_taken_and_refused_as_the_rules_say() {
    let view = open();
    let all = made(&view, numbered(declarable::taken())).await;
    let empty = made(&view, json!({})).await;
    for (n, (field, at)) in declarable::refused().into_iter().enumerate() {
        let answer = put(&view, &empty, n, field.clone()).await;
        assert!(refused(&answer), "{field} at `{at}`: {answer:?}");
    }
    for fixture in [all, empty] {
        view.drop_collection(&fixture.collection)
            .await
            .expect("gone");
    }
}

#[tokio::test]
async fn fields_change_as_the_rules_say() {
    let view = open();
    let (taken, refusals) = (declarable::changes_taken(), declarable::changes_refused());
    let good = made(
        &view,
        numbered(taken.iter().map(|(stands, _)| stands.clone())),
    )
    .await;
    for (n, (stands, given)) in taken.into_iter().enumerate() {
        let answer = put(&view, &good, n, given.clone()).await;
        assert_eq!(answer, Ok(()), "{stands} to {given}");
    }
    let bad = made(
        &view,
        numbered(refusals.iter().map(|(stands, ..)| stands.clone())),
    )
    .await;
    for (n, (stands, given, at)) in refusals.into_iter().enumerate() {
        let answer = put(&view, &bad, n, given.clone()).await;
        // Some of these are an internal error to the server, which changes nothing either.
        assert!(answer.is_err(), "{stands} to {given} at `{at}`: {answer:?}");
    }
    for fixture in [good, bad] {
        view.drop_collection(&fixture.collection)
            .await
            .expect("gone");
    }
}

/// Makes indices of what the rules take, and asks for each of the others by itself; what the server
/// thinks otherwise.
async fn disagreements(view: &Elasticsearch, fields: Vec<Value>) -> Vec<String> {
    let (taken, others): (Vec<Value>, Vec<Value>) =
        fields.into_iter().partition(declarable::is_taken);
    assert!(
        taken.len() > 50 && others.len() > 50,
        "verdicts of both kinds"
    );
    let (mut all, mut parts) = (Vec::new(), Vec::new());
    parts.extend(taken.chunks(100).map(<[Value]>::to_vec));
    while let Some(part) = parts.pop() {
        let fixture = Fixture::with_mappings(numbered(part.iter().cloned()));
        match view.create_collection(&fixture.collection).await {
            Ok(()) => gone(view, &fixture).await,
            Err(error) if part.len() == 1 => all.push(format!("{} is refused: {error}", part[0])),
            Err(_) => {
                let (one, other) = part.split_at(part.len() / 2);
                parts.extend([one.to_vec(), other.to_vec()]);
            }
        }
    }
    let mut empty = made(view, json!({})).await;
    for field in others {
        if put(view, &empty, 0, field.clone()).await.is_ok() {
            all.push(format!("{field} is taken"));
            gone(view, &empty).await;
            empty = made(view, json!({})).await;
        }
    }
    gone(view, &empty).await;
    all
}

async fn gone(view: &Elasticsearch, fixture: &Fixture) {
    let dropped = view.drop_collection(&fixture.collection).await;
    dropped.expect("dropped");
}

#[tokio::test]
async fn every_parameter_of_every_type_is_judged_as_by_an_index() {
    let found = disagreements(&open(), declarable::combinations()).await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn every_date_format_is_one_where_an_index_has_it() {
    let field = |format: &String| json!({"type": "date", "format": format});
    let fields = declarable::date_formats().iter().map(field).collect();
    let found = disagreements(&open(), fields).await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Would an index be made with these settings? It is made beside the store, and goes again.
fn index_with(settings: &Value) -> u16 {
    let address = &Servers::shared().addresses().elasticsearch;
    let name = format!("/{}{}", lease(), testbed::unique("set").to_lowercase());
    let mappings = json!({"properties": {"n": {"type": "long"}}});
    let body = json!({"settings": settings, "mappings": mappings});
    let made = http(address, "PUT", &name, Some(&body)).0;
    if made == 200 {
        assert_eq!(http(address, "DELETE", &name, None).0, 200);
    }
    made
}

#[tokio::test]
async fn settings_are_judged_as_by_an_index() {
    let view = open();
    for settings in declarable::settings_taken() {
        let mut fixture = Fixture::new();
        fixture.collection.settings = Some(settings.clone());
        let answer = view.create_collection(&fixture.collection).await;
        assert_eq!(answer, Ok(()), "{settings}");
        gone(&view, &fixture).await;
    }
    for (settings, _) in declarable::settings_refused() {
        assert_eq!(index_with(&settings), 400, "{settings}");
    }
    // An index takes them: what others would wait for is not made here, but for one.
    assert_eq!(index_with(&json!({"index.blocks.write": true})), 200);
    for settings in declarable::settings_of_operators() {
        let mut fixture = Fixture::new();
        fixture.collection.settings = Some(settings.clone());
        let answer = view.create_collection(&fixture.collection).await;
        assert!(refused(&answer), "{settings}: {answer:?}");
    }
}

#[tokio::test]
async fn mappings_have_the_limits_of_an_index() {
    let view = open();
    for (settings, mappings, fits) in declarable::limits_of_mappings() {
        let mut fixture = Fixture::with_mappings(mappings);
        fixture.collection.settings = Some(settings.clone());
        let answer = view.create_collection(&fixture.collection).await;
        let shown = fixture.collection.mappings.as_ref().map(Value::to_string);
        let shown: String = shown.unwrap_or_default().chars().take(200).collect();
        assert_eq!(answer.is_ok(), fits, "{settings} {shown}: {answer:?}");
        gone(&view, &fixture).await;
    }
}
