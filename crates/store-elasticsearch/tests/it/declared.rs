//! Mappings as a real index takes, refuses and changes them: what the shared rules say, tried.

use crate::prefix::open;
use serde_json::{Map, Value, json};
use store::{
    Collection, StoreError, View,
    contract::{Fixture, declarable},
};
use store_elasticsearch::Elasticsearch;

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
