//! A collection, or what a query finds of it, as a stream of lines: JSON or CSV. Read a page at a
//! time in the order of ids while the client takes it; a page that cannot be read cuts the
//! connection, so that half an export never looks like a whole one. Nothing is read for a caller
//! who may not (any more) when a page is due.

use super::{
    super::{Fault, KuzzleCall, Reply, fault::Id, metadata, table},
    koncorde::SearchQuery,
    search,
};
use crate::{access::Caller, app::Shared, read::refused_search};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, header};
use rights::ActionPlace;
use sealing::mask::mask_sealed;
use serde_json::{Value, json, value::RawValue};
use std::{borrow::Cow, collections::HashMap, io, sync::Arc};
use store::{Collection, Hit, SearchRequest, View};

const PAGE: usize = 500;

/// On a connection there is nothing to stream into.
pub(crate) async fn unsupported(_: KuzzleCall<'_>) -> Result<Reply, Fault> {
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
    caller: Caller,
    view: Arc<dyn View>,
    collection: Arc<Collection>,
    query: Option<Value>,
    form: Form,
    /// What goes out before the first page.
    head: Option<String>,
    after: Option<String>,
    over: bool,
}

/// What the body or the query asks for.
struct ExportRequest {
    query: SearchQuery,
    fields: Vec<String>,
    /// What columns are called instead.
    names: HashMap<String, String>,
}

/// The stream, or why there is none.
pub(crate) async fn export_stream(call: KuzzleCall<'_>) -> Result<Response, Fault> {
    let (asked, csv) = (export_request(call)?, is_csv(call)?);
    let (view, collection) = search::fresh_view(call).await?;
    let query = asked.query.settled(&*view, &[&collection]).await?;
    let collection_name = json!({"collection": collection.collection, "index": collection.index, "type": "collection"});
    let (form, kind, head) = if csv {
        let separator = call.request.text("separator")?;
        let separator = separator.filter(|text| !text.is_empty()).unwrap_or(",");
        let fields = if asked.fields.is_empty() {
            mapped_fields(&collection)
        } else {
            asked
                .fields
                .into_iter()
                .filter(|field| field != "_id")
                .collect()
        };
        let head = header_line(&asked.names, &fields, separator);
        let separator = separator.to_owned();
        (Form::Csv { fields, separator }, "text/csv", head)
    } else {
        (
            Form::Lines,
            "application/x-ndjson",
            format!("{collection_name}\n"),
        )
    };
    let disposition = format!(
        "attachment; filename=\"{}-{}.{}\"",
        collection.index,
        collection.collection,
        if csv { "csv" } else { "jsonl" }
    );
    let export = Export {
        app: call.app.clone(),
        caller: call.request.caller.clone(),
        view,
        collection,
        query,
        form,
        head: Some(head),
        after: None,
        over: false,
    };
    let pages = stream::try_unfold(export, |mut export| async move {
        Ok::<_, io::Error>(export.next().await?.map(|page| (page, export)))
    });
    let mut response = Response::new(Body::from_stream(pages));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

fn is_csv(call: KuzzleCall<'_>) -> Result<bool, Fault> {
    let format = call.request.text("format")?.map(str::to_ascii_lowercase);
    match format.as_deref() {
        None | Some("jsonl") => Ok(false),
        Some("csv") => Ok(true),
        Some(_) => Err(Fault::invalid("format", "\"jsonl\" or \"csv\"")),
    }
}

/// A member of the body, else the argument of the same name; in a query it is JSON.
fn export_request(call: KuzzleCall<'_>) -> Result<ExportRequest, Fault> {
    let mut body = call.request.members()?;
    let mut member = |name: &str| match body.remove(name) {
        Some(value) => Ok(Some(value).filter(|value| !value.is_null())),
        None => match call.request.args.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if name == "fields" && !text.starts_with('[') => {
                Ok(Some(text.as_str().into()))
            }
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Fault::wrong_type(name, "JSON string")),
            Some(other) => Ok(Some(other.clone())),
        },
    };
    let object = |name, value: Option<Value>| match value {
        None => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(Fault::wrong_type(name, "object")),
    };
    if object("collapse", member("collapse")?)?.is_some_and(|members| !members.is_empty()) {
        let why = "\"collapse\" is not supported in an export";
        return Err(Fault::new(Id::Unsupported, why).props(["collapse"]));
    }
    let query = object("query", member("query")?)?.map(Value::Object);
    let named = |(name, shown): (String, Value)| match shown {
        Value::String(shown) => Ok((name, shown)),
        _ => Err(Fault::wrong_type("fieldsName", "object of strings")),
    };
    let names = object("fieldsName", member("fieldsName")?)?.unwrap_or_default();
    Ok(ExportRequest {
        query: search::search_query(call, query)?,
        fields: super::super::request::read_list(member("fields")?.as_ref(), "fields")?,
        names: names.into_iter().map(named).collect::<Result<_, _>>()?,
    })
}

fn header_line(names: &HashMap<String, String>, fields: &[String], separator: &str) -> String {
    let shown = std::iter::once("_id").chain(fields.iter().map(String::as_str));
    let cells: Vec<String> = shown
        .map(|name| csv_cell(names.get(name).map_or(name, String::as_str), separator))
        .collect();
    cells.join(separator) + "\n"
}

/// Every field of the mapping by its dotted name.
fn mapped_fields(collection: &Collection) -> Vec<String> {
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
fn csv_cell(text: &str, separator: &str) -> String {
    if text.contains(separator) || text.contains(['"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
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
        self.admit().await?;
        let request = SearchRequest {
            query: self.query.clone(),
            sort: Some(json!(["_id"])),
            from: 0,
            size: PAGE,
            search_after: self.after.take().map(|id| vec![id.into()]),
            ..SearchRequest::default()
        };
        let page = self
            .view
            .search(&self.collection, &request)
            .await
            .map_err(|error| io::Error::other(refused_search(error).detail().to_owned()))?;
        self.over = page.hits.len() < PAGE;
        self.after = page.hits.last().map(|hit| hit.id.clone());
        let mut lines = String::new();
        page.hits.iter().for_each(|hit| self.line(hit, &mut lines));
        // An empty piece would end the stream.
        let lines = mask_sealed(&lines).into_owned();
        Ok(Some(lines)
            .filter(|lines| !lines.is_empty())
            .map(Bytes::from))
    }

    /// Pages are read for as long as the client takes to read them: rights may have ended since.
    async fn admit(&self) -> io::Result<()> {
        let caller = self.app.access.still(&self.caller).await;
        let caller = caller.map_err(|error| {
            let problem = crate::error::Problem::from(error);
            io::Error::other(problem.detail().to_owned())
        })?;
        let place = ActionPlace::Collection(&self.collection.index, &self.collection.collection);
        let may = caller.check(("document", "export"), place);
        may.map_err(|_| io::Error::other("the right to export ended"))
    }

    fn line(&self, hit: &Hit, into: &mut String) {
        match &self.form {
            Form::Lines => {
                into.push_str(&format!(
                    r#"{{"_id":{},"body":{}}}"#,
                    Value::from(hit.id.as_str()),
                    hit.source_text().replace(['\n', '\r'], " ")
                ));
            }
            Form::Csv { fields, separator } => {
                into.push_str(&csv_cell(&hit.id, separator));
                for field in fields {
                    into.push_str(separator);
                    into.push_str(&csv_cell(
                        &shown_cell(
                            hit.source
                                .as_deref()
                                .and_then(|source| value_at(source, field)),
                        ),
                        separator,
                    ));
                }
            }
        }
        into.push('\n');
    }
}

/// The value of a dotted name, whose dots may also be in the names of members.
fn value_at<'a>(source: &'a RawValue, path: &str) -> Option<&'a RawValue> {
    let members: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(source.get()).ok()?;
    let dots = path.match_indices('.').map(|(dot, _)| dot);
    members.get(path).copied().or_else(|| {
        dots.rev()
            .find_map(|dot| value_at(members.get(&path[..dot])?, &path[dot + 1..]))
    })
}

/// What a cell shows: numbers as they were written.
fn shown_cell(value: Option<&RawValue>) -> String {
    let text = value.map_or("null", RawValue::get);
    match text.as_bytes()[0] {
        b'n' => String::new(),
        b'"' => serde_json::from_str(text).unwrap_or_default(),
        b'{' | b'[' => "[OBJECT]".to_owned(),
        _ => text.to_owned(),
    }
}
