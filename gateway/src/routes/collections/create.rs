//! `PUT /v1/collections/{index}/{collection}`: makes a collection in record and view, or finds that
//! it stands. Overwrites nothing.

use super::CollectionShown;
use crate::{
    answer,
    app::{App, Shared},
    error::{Code, Problem},
    request::{
        headers,
        path::{PathSegments, check_index, check_name},
        scanned_json,
    },
};
use axum::{body::Body, extract::State, response::Response};
use bytes::Bytes;
use collections::NewCollection;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use store::Collection;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateAsked {
    mappings: Option<Value>,
    settings: Option<Value>,
}

pub(crate) async fn create(
    State(app): State<Shared>,
    PathSegments((index, name)): PathSegments<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    check_index(&index)?;
    check_name("collection", &name)?;
    let (json, _held) = app.requests.collect(&headers, body).await?;
    let asked = read_asked(&app, &headers, &json)?;
    let (stands, fresh) = make_collection(&app, index, name, asked).await?;
    let status = if fresh {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(answer::json_response(
        status,
        &CollectionShown::from(&stands),
    ))
}

/// No body asks for nothing in particular.
fn read_asked(app: &App, headers: &HeaderMap, json: &Bytes) -> Result<CreateAsked, Problem> {
    if json.is_empty() {
        return Ok(CreateAsked::default());
    }
    headers::expect_json(headers)?;
    headers::expect_plain(headers)?;
    let json = scanned_json(json.clone(), app.config.json_depth)?;
    let asked: CreateAsked = serde_json::from_slice(json.bytes())
        .map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
    if asked
        .settings
        .as_ref()
        .is_some_and(|settings| !settings.is_object())
    {
        return Err(
            Problem::new(Code::BadMappings, "`settings` must be an object").at("/settings"),
        );
    }
    Ok(asked)
}

async fn make_collection(
    app: &App,
    index: String,
    collection: String,
    asked: CreateAsked,
) -> Result<(Collection, bool), Problem> {
    let CreateAsked { mappings, settings } = asked;
    let created = app
        .collection_stores()
        .create(NewCollection {
            index,
            collection,
            mappings: mappings.clone(),
            settings: settings.clone(),
        })
        .await?;
    let stands = created.collection;
    expect_same("mappings", mappings.as_ref(), stands.mappings.as_ref())?;
    expect_same("settings", settings.as_ref(), stands.settings.as_ref())?;
    app.collections.put(stands.clone());
    Ok((stands, created.fresh))
}

fn expect_same(what: &str, asked: Option<&Value>, stands: Option<&Value>) -> Result<(), Problem> {
    if asked.is_none() || asked == stands {
        Ok(())
    } else {
        let detail = format!("the collection exists with other {what}");
        Err(Problem::new(Code::CollectionDiffers, detail)
            .at(format!("/{what}"))
            .with("stands", stands.cloned().unwrap_or(Value::Null)))
    }
}
