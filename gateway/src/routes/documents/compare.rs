//! `POST /v1/documents/{index}/{collection}/_compare`: of which of these ids record and view hold different
//! documents, as they hold them: what is sealed is compared as it is sealed, and shown to nobody.

use super::mget;
use crate::{
    access::Caller,
    answer,
    app::{App, Shared},
    error::{Code, Problem},
    lookup::after,
    request::{RequestCall, path::PathSegments, query::QueryString},
};
use axum::{body::Body, extract::State, response::Response};
use event_schema::{Raw, mutation::DocumentKey};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::Value;
use store::view::ViewedDocument;

/// Documents that are read at once, from both.
const STEP: usize = 32;

#[derive(Default, Serialize)]
struct ComparedDocuments {
    differing: Vec<String>,
    /// Ids of what the record does not have.
    missing: Vec<String>,
}

pub(crate) async fn compare(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments((index, name)): PathSegments<(String, String)>,
    query: QueryString,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let call = RequestCall {
        caller,
        headers: headers.clone(),
        query: query.clone(),
        body,
    };
    let request = app.requests.read(call).await?;
    let ids = mget::asked_ids(&app, request.json.bytes())?;
    after::wait_for_query(&app, &request.caller, &headers, &query).await?;
    let collection = app.collections.get(&index, &name).await?;
    let key = |id: String| DocumentKey {
        index: index.clone(),
        collection: name.clone(),
        incarnation: collection.incarnation.clone(),
        id,
    };
    let keys: Vec<DocumentKey> = ids.into_iter().map(key).collect();
    let mut compared = ComparedDocuments::default();
    for keys in keys.chunks(STEP) {
        compare_some(&app, keys, &mut compared).await?;
    }
    Ok(answer::json_response(StatusCode::OK, &compared))
}

async fn compare_some(
    app: &App,
    keys: &[DocumentKey],
    compared: &mut ComparedDocuments,
) -> Result<(), Problem> {
    let view = app.ports.view.as_ref();
    let view = view.ok_or_else(|| Problem::new(Code::NoView, "this deployment has no view"))?;
    let viewed = match view.is_record() {
        true => None,
        // In this order: what is written meanwhile is newer in the record, and differs for a moment.
        false => Some(view.held(keys).await?),
    };
    let stored = app.ports.record.documents(keys).await?;
    for (n, (key, stored)) in keys.iter().zip(stored).enumerate() {
        let stored = stored.and_then(|stored| stored.body);
        if stored.is_none() {
            compared.missing.push(key.id.clone());
        }
        let viewed = viewed.as_ref().map(|viewed| viewed[n].as_ref());
        if viewed.is_some_and(|viewed| !are_alike(stored.as_ref(), viewed)) {
            compared.differing.push(key.id.clone());
        }
    }
    Ok(())
}

fn are_alike(stored: Option<&Raw>, viewed: Option<&ViewedDocument>) -> bool {
    let json = |body: &Raw| serde_json::from_str::<Value>(body.get());
    // What cannot be read is like nothing but itself.
    let same = |one: &Raw, other: &Raw| {
        one.get() == other.get()
            || matches!((json(one), json(other)), (Ok(one), Ok(other)) if one == other)
    };
    let body = viewed.and_then(|viewed| viewed.body.as_ref());
    match (stored, body) {
        (None, None) => true,
        (Some(stored), Some(body)) => {
            // Other hands leave no version.
            viewed.is_some_and(|viewed| viewed.version.is_some()) && same(stored, body)
        }
        _ => false,
    }
}
