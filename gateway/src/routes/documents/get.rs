//! `GET /v1/documents/{index}/{collection}/{id}`: one document, from the record.

use super::DocumentAnswer;
use crate::{
    access::Caller,
    answer,
    app::Shared,
    error::{Code, Problem},
    read::after,
    request::{
        path::{PathSegments, check_id, shorten},
        query::QueryString,
    },
};
use axum::{extract::State, response::Response};
use event_schema::mutation::DocumentKey;
use http::{HeaderMap, StatusCode, header};

pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments((index, name, id)): PathSegments<(String, String, String)>,
    query: QueryString,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    check_id(&id)?;
    after::wait(&app, &caller, &headers, &query).await?;
    let incarnation = app
        .collections
        .get(&index, &name)
        .await?
        .incarnation
        .clone();
    let key = DocumentKey {
        index,
        collection: name,
        incarnation,
        id,
    };
    let found = app
        .ports
        .record
        .documents(std::slice::from_ref(&key))
        .await?
        .into_iter()
        .flatten()
        .next();
    let Some((meta, body)) = found.and_then(|stored| Some((stored.meta, stored.body?))) else {
        return Err(Problem::new(
            Code::Missing,
            format!("there is no document `{}`", shorten(&key.to_string())),
        ));
    };
    let body = app
        .sealed
        .document(&key.index, &key.collection, body)
        .await?;
    let mut response = answer::json(
        StatusCode::OK,
        &DocumentAnswer {
            id: &key.id,
            source: &body,
            version: meta.revision,
        },
    );
    if let Some(tag) = answer::version_tag(meta.revision) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}
