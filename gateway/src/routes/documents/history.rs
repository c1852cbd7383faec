//! `GET /v1/documents/{index}/{collection}/{id}/_history`: every change that the log keeps.

use crate::{
    access::Caller,
    answer,
    app::Shared,
    error::{Code, Problem},
    lookup::history,
    request::path::{PathSegments, check_id, shorten_text},
};
use axum::{extract::State, response::Response};
use event_schema::mutation::DocumentKey;
use http::StatusCode;
use rights::ActionPlace;

pub(crate) async fn history(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments((index, name, id)): PathSegments<(String, String, String)>,
) -> Result<Response, Problem> {
    check_id(&id)?;
    let collection = app.collections.get(&index, &name).await?;
    let key = DocumentKey {
        index,
        collection: name,
        incarnation: collection.incarnation.clone(),
        id,
    };
    let history = history::read_history(&app, &key).await?;
    if history.is_unknown() {
        let detail = format!("there is no document `{}`", shorten_text(&key.to_string()));
        return Err(Problem::new(Code::Missing, detail));
    }
    let mut history = history.shown(&app).await?;
    // Requests of others are named to those alone who may see what became of them.
    if caller
        .check(("request", "explain"), ActionPlace::Everywhere)
        .is_err()
    {
        history.hide_requests();
    }
    Ok(answer::json_response(StatusCode::OK, &history))
}
