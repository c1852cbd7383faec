//! `POST /v1/documents/{index}/{collection}/_mget`: documents by their ids, from the record.

use super::DocumentAnswer;
use crate::{
    access::Caller,
    answer,
    app::{App, Shared},
    error::{Code, Problem},
    lookup::after,
    request::{
        RequestCall,
        path::{PathSegments, check_id},
        query::QueryString,
    },
};
use axum::{body::Body, extract::State, response::Response};
use event_schema::{Raw, mutation::DocumentKey};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Documents that are read at once: bounds what one answer may hold beyond its limit.
const STEP: usize = 32;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentsAsked {
    ids: Vec<Value>,
}

#[derive(Serialize)]
struct DocumentsFound<'a> {
    documents: Vec<DocumentAnswer<'a>>,
    missing: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<RefusedId>,
}

/// What no document can have for an id. The others are answered all the same.
#[derive(Serialize)]
struct RefusedId {
    pointer: String,
    detail: String,
}

pub(crate) async fn mget(
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
    let DocumentsAsked { ids } = serde_json::from_slice(request.json.bytes())
        .map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
    check_count(&app, &ids)?;
    let (ids, refused) = usable_ids(ids);
    after::wait_for_query(&app, &request.caller, &headers, &query).await?;
    let incarnation = app
        .collections
        .get(&index, &name)
        .await?
        .incarnation
        .clone();
    let key = |id: &String| DocumentKey {
        index: index.clone(),
        collection: name.clone(),
        incarnation: incarnation.clone(),
        id: id.clone(),
    };
    let found = read_documents(&app, &ids.iter().map(key).collect::<Vec<_>>()).await?;
    let documents = ids.iter().zip(&found).filter_map(|(id, found)| {
        found.as_ref().map(|(source, version)| DocumentAnswer {
            id,
            source,
            version: *version,
        })
    });
    let missing = ids
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.is_none())
        .map(|(id, _)| id.as_str())
        .collect();
    Ok(answer::json_response(
        StatusCode::OK,
        &DocumentsFound {
            documents: documents.collect(),
            missing,
            refused,
        },
    ))
}

/// The ids of a request, as many as may be; what no document can have for one is a mistake.
pub(super) fn asked_ids(app: &App, body: &[u8]) -> Result<Vec<String>, Problem> {
    let DocumentsAsked { ids } = serde_json::from_slice(body)
        .map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
    check_count(app, &ids)?;
    let (ids, refused) = usable_ids(ids);
    match refused.into_iter().next() {
        None => Ok(ids),
        Some(RefusedId { pointer, detail }) => Err(Problem::new(Code::Invalid, detail).at(pointer)),
    }
}

/// The ids that documents can have, in order, and those that none can.
fn usable_ids(ids: Vec<Value>) -> (Vec<String>, Vec<RefusedId>) {
    let (mut usable, mut refused) = (Vec::with_capacity(ids.len()), Vec::new());
    for (n, id) in ids.into_iter().enumerate() {
        let checked = match id {
            Value::String(id) => check_id(&id)
                .map(|()| usable.push(id))
                .map_err(|problem| problem.detail().to_owned()),
            _ => Err("a document id must be a string".to_owned()),
        };
        if let Err(detail) = checked {
            let pointer = format!("/ids/{n}");
            refused.push(RefusedId { pointer, detail });
        }
    }
    (usable, refused)
}

fn check_count(app: &App, ids: &[Value]) -> Result<(), Problem> {
    if ids.len() > app.config.mget_limit {
        let detail = format!(
            "{} ids are more than the {} that one call may name",
            ids.len(),
            app.config.mget_limit
        );
        return Err(Problem::new(Code::AnswerTooLarge, detail).at("/ids"));
    }
    Ok(())
}

async fn read_documents(
    app: &App,
    keys: &[DocumentKey],
) -> Result<Vec<Option<(Raw, u64)>>, Problem> {
    let (mut found, mut bytes) = (Vec::with_capacity(keys.len()), 0);
    for keys in keys.chunks(STEP) {
        let stored = app.ports.record.documents(keys).await?;
        for (key, stored) in keys.iter().zip(stored) {
            let mut body = stored.and_then(|stored| Some((stored.body?, stored.meta.revision)));
            if let Some((body, _)) = &mut body {
                let shown = app
                    .sealed
                    .document(&key.index, &key.collection, body.clone());
                *body = shown.await?;
            }
            bytes += body.as_ref().map_or(0, |(body, _)| body.get().len());
            found.push(body);
        }
        if bytes > app.config.answer_limit_bytes {
            let detail = format!(
                "the documents are more than {} bytes together",
                app.config.answer_limit_bytes
            );
            return Err(Problem::new(Code::AnswerTooLarge, detail));
        }
    }
    Ok(found)
}
