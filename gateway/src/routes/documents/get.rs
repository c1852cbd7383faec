//! `GET /v1/documents/{index}/{collection}/{id}`: one document, from the record; or as it was, from
//! the log.

use super::DocumentAnswer;
use crate::{
    access::Caller,
    answer,
    app::{App, Shared},
    error::{Code, Problem},
    lookup::{
        after,
        history::{self, HistoryMoment},
    },
    request::{
        path::{PathSegments, check_id, shorten_text},
        query::QueryString,
    },
};
use axum::{extract::State, response::Response};
use event_schema::{Raw, mutation::DocumentKey};
use http::{HeaderMap, StatusCode, header};
use rights::ActionPlace;

pub(crate) async fn get(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments((index, name, id)): PathSegments<(String, String, String)>,
    query: QueryString,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    check_id(&id)?;
    after::wait_for_query(&app, &caller, &headers, &query).await?;
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
    let found = match query.one("at") {
        Some(at) => {
            // What stood before is told by the history alone, and has its right.
            let place = ActionPlace::Collection(&key.index, &key.collection);
            caller.check(("document", "history"), place)?;
            let moment = HistoryMoment::read(&app, &caller, at)?;
            history::document_at(&app, &key, moment).await?
        }
        None => current_document(&app, &key).await?,
    };
    let Some((revision, body)) = found else {
        return Err(Problem::new(
            Code::Missing,
            format!("there is no document `{}`", shorten_text(&key.to_string())),
        ));
    };
    let body = app
        .sealed
        .document(&key.index, &key.collection, body)
        .await?;
    let mut response = answer::json_response(
        StatusCode::OK,
        &DocumentAnswer {
            id: &key.id,
            source: &body,
            version: revision,
        },
    );
    if let Some(tag) = answer::version_tag(revision) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// The document as it stands: revision and body.
async fn current_document(app: &App, key: &DocumentKey) -> Result<Option<(u64, Raw)>, Problem> {
    let found = app
        .ports
        .record
        .documents(std::slice::from_ref(key))
        .await?;
    let stored = found.into_iter().flatten().next();
    Ok(stored.and_then(|stored| Some((stored.meta.revision, stored.body?))))
}
