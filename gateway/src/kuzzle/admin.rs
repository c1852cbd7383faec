//! The controller `admin`: mappings and documents of many collections at once, and a database that
//! is emptied. Each is answered when it holds. What belongs to operations of the catalog is never
//! touched.

use super::{Fault, KuzzleCall, Reply, Request, bulk, collection, fault::Id, index};
use serde_json::{Map, Value, json, value::RawValue};

/// By index and collection, in the order of the body.
type ByCollection<'a> = Vec<(String, Vec<(String, &'a RawValue)>)>;

fn acknowledged_reply() -> Reply {
    Reply::of(&json!({"acknowledge": true}))
}

/// `{index: {collection: …}}`, checked before anything is done.
fn by_collection(body: &RawValue) -> Result<ByCollection<'_>, Fault> {
    let mut indices = Vec::new();
    for (index, collections) in object_members(body, "body")? {
        super::place::checked_index(&index)?;
        let collections = object_members(collections, &format!("body.{index}"))?;
        for (name, _) in &collections {
            super::place::checked_collection(name)?;
        }
        indices.push((index, collections));
    }
    Ok(indices)
}

fn object_members<'a>(
    object: &'a RawValue,
    name: &str,
) -> Result<Vec<(String, &'a RawValue)>, Fault> {
    if object.get().starts_with('{') {
        super::metadata::body_members(object)
    } else {
        Err(Fault::wrong_type(name, "object"))
    }
}

/// Makes what is not there, and maps the rest anew, as `collection:create` does for each. A
/// collection's mapping may stand there with or without the member `mappings` around it.
pub(super) async fn load_mappings(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let mut wanted = Vec::new();
    for (index, collections) in by_collection(call.request.object()?)? {
        for (name, definition) in collections {
            let definition: Map<String, Value> = serde_json::from_str(definition.get())
                .map_err(|_| Fault::wrong_type(&format!("body.{index}.{name}"), "object"))?;
            wanted.push((
                index.clone(),
                name,
                collection::read_definition(definition)?,
            ));
        }
    }
    for (index, name, definition) in wanted {
        collection::make_collection(call, &index, &name, definition)
            .await
            .map_err(|fault| fault_within(fault, &index, &name))?;
    }
    Ok(acknowledged_reply())
}

/// Says where it went wrong.
fn fault_within(fault: Fault, index: &str, name: &str) -> Fault {
    let why = format!("{index}/{name}: {}", fault.message());
    fault.said(why)
}

/// Imports documents, each list as `bulk:import` takes one. All lists are read before the first is
/// written; a collection whose import has errors ends it, as in Kuzzle.
pub(super) async fn load_fixtures(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let mut imports: Vec<Request> = Vec::new();
    for (index, collections) in by_collection(call.request.object()?)? {
        for (name, lines) in collections {
            let body = format!(r#"{{"bulkData":{}}}"#, lines.get());
            let body =
                RawValue::from_string(body).map_err(|_| Fault::wrong_type("body", "object"))?;
            let refresh = call.request.args.get("refresh").cloned();
            let mut import = call.request.part(&index, &name, body);
            let refresh = refresh.unwrap_or_else(|| "wait_for".into());
            import.args.insert("refresh".to_owned(), refresh);
            bulk::check_import(with_request(call, &import))
                .map_err(|fault| fault_within(fault, &index, &name))?;
            super::place::request_collection(with_request(call, &import)).await?;
            imports.push(import);
        }
    }
    // The imports take the turn of the request.
    call.request.turn.come().await;
    let mut token = None;
    for import in &imports {
        let done = bulk::import_into(with_request(call, import)).await?;
        token = done.token.or(token);
        if !done.errors.is_empty() {
            let why = "some documents could not be imported";
            return Err(Fault::new(Id::ImportFailed, why)
                .errors(done.errors)
                .about(None, token));
        }
    }
    Ok(Reply::nothing().token(token))
}

fn with_request<'a>(call: KuzzleCall<'a>, request: &'a Request) -> KuzzleCall<'a> {
    KuzzleCall { request, ..call }
}

/// Drops every index that `index:list` names.
pub(super) async fn reset_database(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let all = index::listed_indices(call).await?;
    index::drop_all(call, &all).await?;
    Ok(acknowledged_reply())
}
