//! `PUT /v1/collections/{index}/{collection}`: makes a collection in record and view, or finds that
//! it stands. Overwrites nothing.

use super::{Shown, mappings};
use crate::{
    answer,
    app::{App, Shared},
    error::{Code, Problem},
    request::{
        headers,
        path::{Segments, check_name},
        sound,
    },
};
use axum::{body::Body, extract::State, response::Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rand::Rng;
use serde::Deserialize;
use serde_json::Value;
use store::{Collection, StoreError};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    mappings: Option<Value>,
    settings: Option<Value>,
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Segments((index, name)): Segments<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    check_name("index", &index)?;
    check_name("collection", &name)?;
    let (json, _held) = app.requests.collect(&headers, body).await?;
    let asked = asked(&app, &headers, &json)?;
    let (stands, fresh) = make(&app, index, name, asked).await?;
    let status = if fresh {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(answer::json(status, &Shown::from(&stands)))
}

/// No body asks for nothing in particular.
fn asked(app: &App, headers: &HeaderMap, json: &Bytes) -> Result<Asked, Problem> {
    if json.is_empty() {
        return Ok(Asked::default());
    }
    headers::expect_json(headers)?;
    headers::expect_plain(headers)?;
    sound(json, app.config.json_depth)?;
    let asked: Asked = serde_json::from_slice(json)
        .map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
    if let Some(given) = &asked.mappings {
        mappings::check(given)?;
    }
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

/// The record first: what it holds is the truth, and the view can always be made from it by
/// repeating the call.
async fn make(
    app: &App,
    index: String,
    collection: String,
    asked: Asked,
) -> Result<(Collection, bool), Problem> {
    let wanted = Collection {
        index,
        collection,
        incarnation: incarnation(),
        mappings: asked.mappings,
        settings: asked.settings,
        created: app.now(),
    };
    let stands = app.ports.record.create_collection(&wanted).await?;
    let fresh = stands.incarnation == wanted.incarnation;
    same(
        "mappings",
        wanted.mappings.as_ref(),
        stands.mappings.as_ref(),
    )?;
    same(
        "settings",
        wanted.settings.as_ref(),
        stands.settings.as_ref(),
    )?;
    if let Some(view) = &app.ports.view {
        view.create_collection(&stands)
            .await
            .map_err(|error| match error {
                StoreError::Refused { .. } => Problem::new(Code::BadMappings, error.to_string()),
                other => other.into(),
            })?;
    }
    app.collections.put(stands.clone());
    Ok((stands, fresh))
}

fn same(what: &str, asked: Option<&Value>, stands: Option<&Value>) -> Result<(), Problem> {
    match asked.is_none() || asked == stands {
        true => Ok(()),
        false => {
            let detail = format!("the collection exists with other {what}");
            Err(Problem::new(Code::CollectionDiffers, detail)
                .at(format!("/{what}"))
                .with("stands", stands.cloned().unwrap_or(Value::Null)))
        }
    }
}

/// 8 characters of `[a-z0-9]`.
pub(crate) fn incarnation() -> String {
    let mut random = rand::rng();
    (0..8)
        .map(|_| char::from_digit(random.random_range(0..36), 36).expect("a digit of base 36"))
        .collect()
}
