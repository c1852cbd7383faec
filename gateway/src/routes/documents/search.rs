//! `POST /v1/documents/{index}/{collection}/_search`: documents that match, from the view.

use crate::{
    access::Caller,
    answer,
    app::{App, Shared},
    error::{Code, Problem},
    lookup::after,
    read::refused_search,
    request::{
        headers as given,
        path::{PathSegments, shorten_text},
        query::QueryString,
        scanned_json,
    },
};
use axum::{body::Body, extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use std::sync::Arc;
use store::{Collection, Hit, SearchRequest, View, search::MEMBERS};

/// `from + size`.
const WINDOW: usize = 10_000;

pub(crate) async fn search(
    State(app): State<Shared>,
    caller: Caller,
    PathSegments((index, name)): PathSegments<(String, String)>,
    query: QueryString,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let clauses = Clauses::read(&app, &headers, body, &MEMBERS).await?;
    let request = clauses.request()?;
    let view = search_view(&app)?;
    let waited = after::wait_for_query(&app, &caller, &headers, &query).await?;
    let mut collections = Vec::new();
    for name in name.split(',') {
        collections.push(searchable_collection(&app, &*view, &index, name, waited).await?);
    }
    let searched: Vec<&Collection> = collections.iter().map(|one| &**one).collect();
    let result = view.search_together(&searched, &request).await;
    let result = result.map_err(refused_search)?;
    if searched.len() == 1 {
        return Ok(answer::json_response(StatusCode::OK, &result));
    }
    let of = |hit: &Hit| Value::from(searched[hit.collection].collection.as_str());
    let names: Vec<Value> = result.hits.iter().map(of).collect();
    let mut shown = serde_json::to_value(&result).expect("an answer is plain JSON");
    let hits = shown["hits"].as_array_mut().into_iter().flatten();
    for (hit, name) in hits.zip(names) {
        hit["collection"] = name;
    }
    Ok(answer::json_response(StatusCode::OK, &shown))
}

/// The members of a search body, each one that this route knows.
pub(crate) struct Clauses(Map<String, Value>);

impl Clauses {
    /// No body asks for everything; a member that is not known is a 501, never ignored.
    pub(crate) async fn read(
        app: &App,
        headers: &HeaderMap,
        body: Body,
        known: &[&str],
    ) -> Result<Self, Problem> {
        let (json, _held) = app.requests.collect(headers, body).await?;
        if json.is_empty() {
            return Ok(Self(Map::new()));
        }
        given::expect_json(headers)?;
        given::expect_plain(headers)?;
        let json = scanned_json(json, app.config.json_depth)?;
        let map: Map<String, Value> = serde_json::from_slice(json.bytes())
            .map_err(|_| Problem::new(Code::BadSearch, "a search body is an object").at(""))?;
        match map.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self(map)),
            Some(name) => {
                let detail = format!(
                    "`{}` is not supported here; known are {}",
                    shorten_text(name),
                    known.join(", ")
                );
                Err(Problem::new(Code::UnsupportedSearch, detail)
                    .at(format!("/{}", name.replace('~', "~0").replace('/', "~1"))))
            }
        }
    }

    pub(crate) fn query(&self) -> Option<&Value> {
        self.0.get("query")
    }

    fn request(self) -> Result<SearchRequest, Problem> {
        let request: SearchRequest = serde_json::from_value(Value::Object(self.0))
            .map_err(|error| Problem::new(Code::BadSearch, error.to_string()))?;
        match request.from.saturating_add(request.size) {
            0..=WINDOW => Ok(request),
            _ => {
                let detail = format!(
                    "`from` and `size` reach beyond {WINDOW}: go on with `search_after` instead"
                );
                Err(Problem::new(Code::BadSearch, detail).at("/size"))
            }
        }
    }
}

/// The view and the collection, once the read's tokens are applied and searchable.
pub(crate) async fn fresh_view(
    app: &App,
    index: &str,
    name: &str,
    caller: &Caller,
    headers: &HeaderMap,
    query: &QueryString,
) -> Result<(Arc<dyn View>, Arc<Collection>), Problem> {
    let view = search_view(app)?;
    let waited = after::wait_for_query(app, caller, headers, query).await?;
    let collection = searchable_collection(app, &*view, index, name, waited).await?;
    Ok((view, collection))
}

fn search_view(app: &App) -> Result<Arc<dyn View>, Problem> {
    let view = app.ports.view.clone();
    view.ok_or_else(|| Problem::new(Code::NoView, "this deployment has no view to search"))
}

/// The collection; what was waited for is searchable in it.
async fn searchable_collection(
    app: &App,
    view: &dyn View,
    index: &str,
    name: &str,
    waited: bool,
) -> Result<Arc<Collection>, Problem> {
    let collection = app.collections.get(index, name).await?;
    if waited {
        app.refreshes.refresh(Some(view), &collection).await?;
    }
    Ok(collection)
}
