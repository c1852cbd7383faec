//! A collection, or what a query finds of it, as a stream of lines: JSON or CSV. Read a page at a
//! time in the order of ids while the client takes it; a page that cannot be read cuts the
//! connection, so that half an export never looks like a whole one.

use super::{
    super::{Call, Fault, Reply, fault::Id, metadata, table},
    search,
};
use crate::{app::Shared, routes::documents::search::refused};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, io, sync::Arc};
use store::{Collection, Hit, SearchRequest, View};

const PAGE: usize = 500;

/// On a connection there is nothing to stream into.
pub(crate) async fn unsupported(_: Call<'_>) -> Result<Reply, Fault> {
    Err(Fault::new(
        Id::UnsupportedProtocol,
        "an export is a stream: it needs HTTP",
    ))
}

/// Does the route stream its answer?
pub(crate) fn is_stream(action: &table::Action) -> bool {
    (action.controller, action.name) == ("document", "export")
}

/// How documents become lines.
enum Form {
    Lines,
    Csv {
        fields: Vec<String>,
        separator: String,
    },
}

struct Export {
    app: Shared,
    view: Arc<dyn View>,
    collection: Arc<Collection>,
    query: Option<Value>,
    form: Form,
    /// What goes out before the first page.
    head: Option<String>,
    after: Option<String>,
    over: bool,
}

/// The stream, or why there is none.
pub(crate) async fn stream(call: Call<'_>) -> Result<Response, Fault> {
    let request = search::request(call)?;
    let form = form(call)?;
    let (view, collection) = search::fresh(call).await?;
    let form = match form {
        Form::Csv { fields, separator } if fields.is_empty() => Form::Csv {
            fields: mapped(&collection),
            separator,
        },
        other => other,
    };
    let (kind, head) = match &form {
        Form::Lines => {
            let head = json!({"collection": collection.collection, "index": collection.index, "type": "collection"});
            ("application/x-ndjson", format!("{head}\n"))
        }
        Form::Csv { fields, separator } => ("text/csv", header_line(call, fields, separator)?),
    };
    let export = Export {
        app: call.app.clone(),
        view,
        collection,
        query: request.query,
        form,
        head: Some(head),
        after: None,
        over: false,
    };
    let pages = stream::try_unfold(export, |mut export| async move {
        Ok::<_, io::Error>(export.next().await?.map(|page| (page, export)))
    });
    let mut response = Response::new(Body::from_stream(pages));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

fn form(call: Call<'_>) -> Result<Form, Fault> {
    match call.request.text("format")? {
        None | Some("jsonl") => Ok(Form::Lines),
        Some("csv") => {
            let members = call.request.members()?;
            let fields = match members.get("fields") {
                Some(given) => super::super::request::list(Some(given), "fields")?,
                None => call.request.list("fields")?,
            };
            let separator = call
                .request
                .text("separator")?
                .filter(|text| !text.is_empty())
                .unwrap_or(",")
                .to_owned();
            Ok(Form::Csv {
                fields: fields.into_iter().filter(|field| field != "_id").collect(),
                separator,
            })
        }
        Some(_) => Err(Fault::invalid("format", "\"jsonl\" or \"csv\"")),
    }
}

fn header_line(call: Call<'_>, fields: &[String], separator: &str) -> Result<String, Fault> {
    let given = match call.request.args.get("fieldsName") {
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|_| Fault::wrong_type("fieldsName", "object"))?
        }
        Some(Value::Object(names)) => names.clone(),
        Some(_) | None => Map::new(),
    };
    let names: HashMap<String, String> = given
        .into_iter()
        .filter_map(|(name, shown)| Some((name, shown.as_str()?.to_owned())))
        .collect();
    let shown = std::iter::once("_id").chain(fields.iter().map(String::as_str));
    let cells: Vec<String> = shown
        .map(|name| cell(names.get(name).map_or(name, String::as_str), separator))
        .collect();
    Ok(cells.join(separator) + "\n")
}

/// Every field of the mapping by its dotted name.
fn mapped(collection: &Collection) -> Vec<String> {
    fn walk(properties: Option<&Value>, path: &str, into: &mut Vec<String>) {
        for (name, field) in properties.and_then(Value::as_object).into_iter().flatten() {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            match field.get("properties") {
                Some(inner) => walk(Some(inner), &path, into),
                None => into.push(path),
            }
        }
    }
    let mut fields = Vec::new();
    walk(
        collection
            .mappings
            .as_ref()
            .and_then(|mappings| mappings.get("properties")),
        "",
        &mut fields,
    );
    fields.retain(|field| !field.starts_with(metadata::MEMBER));
    fields
}

/// A text as a cell: quoted where it would be taken for more than one.
fn cell(text: &str, separator: &str) -> String {
    match text.contains(separator) || text.contains(['"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

impl Export {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head.into()));
        }
        if self.over || self.app.shutdown.is_hard() {
            return Ok(None);
        }
        let request = SearchRequest {
            query: self.query.clone(),
            sort: Some(json!(["_id"])),
            from: 0,
            size: PAGE,
            search_after: self.after.take().map(|id| vec![id.into()]),
        };
        let page = self
            .view
            .search(&self.collection, &request)
            .await
            .map_err(|error| io::Error::other(refused(error).detail().to_owned()))?;
        self.over = page.hits.len() < PAGE;
        self.after = page.hits.last().map(|hit| hit.id.clone());
        let mut lines = String::new();
        page.hits.iter().for_each(|hit| self.line(hit, &mut lines));
        // An empty piece would end the stream.
        Ok(Some(lines)
            .filter(|lines| !lines.is_empty())
            .map(Bytes::from))
    }

    fn line(&self, hit: &Hit, into: &mut String) {
        match &self.form {
            Form::Lines => {
                into.push_str(&format!(
                    r#"{{"_id":{},"body":{}}}"#,
                    Value::from(hit.id.as_str()),
                    hit.source.get().replace(['\n', '\r'], " ")
                ));
            }
            Form::Csv { fields, separator } => {
                let source: Value = serde_json::from_str(hit.source.get()).unwrap_or(Value::Null);
                into.push_str(&cell(&hit.id, separator));
                for field in fields {
                    into.push_str(separator);
                    into.push_str(&cell(&shown(at(&source, field)), separator));
                }
            }
        }
        into.push('\n');
    }
}

/// The value of a dotted name.
fn at<'a>(source: &'a Value, path: &str) -> Option<&'a Value> {
    match source.get(path) {
        Some(value) => Some(value),
        None => path
            .split_once('.')
            .and_then(|(first, rest)| at(source.get(first)?, rest)),
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Object(_) | Value::Array(_)) => "[OBJECT]".to_owned(),
        Some(other) => other.to_string(),
    }
}
