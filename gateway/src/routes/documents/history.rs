//! `GET /v1/documents/{index}/{collection}/{id}/_history`: every change that the log keeps.

use crate::{
    answer,
    app::Shared,
    error::{Code, Problem},
    lookup::history,
    request::path::{PathSegments, check_id, shorten},
};
use axum::{extract::State, response::Response};
use event_schema::mutation::DocumentKey;
use http::StatusCode;

pub(crate) async fn history(
    State(app): State<Shared>,
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
    let history = history::of(&app, &key).await?;
    if history.is_unknown() {
        let detail = format!("there is no document `{}`", shorten(&key.to_string()));
        return Err(Problem::new(Code::Missing, detail));
    }
    let history = history.masked(&app).await?;
    Ok(answer::json(StatusCode::OK, &history))
}
