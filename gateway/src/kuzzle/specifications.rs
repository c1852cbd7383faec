//! The actions of specifications, and what a write is held against: see [`super::specification`].
//! They stand in the record beside the mapping, and other gateways know them when they next read
//! the list of collections.

use super::{
    Fault, KuzzleCall, Reply, collection,
    document::{
        read,
        scroll::{cursor::ScrollCursor, cursor::ScrollPart, parse_duration},
    },
    fault::Id,
    members::unexpected_argument,
    place,
    specification::{Specification, SpecificationFault},
};
use json_text::ScannedJson;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};
use std::time::Duration;
use store::Collection;

/// How often a definition is tried again that another change holds.
const ATTEMPTS: usize = 200;
const PAUSE: Duration = Duration::from_millis(100);

/// As clients of the family are shown them.
fn shown_specification(collection: &Collection, specification: &Value) -> Value {
    json!({"index": collection.index, "collection": collection.collection, "validation": specification})
}

pub(super) async fn get(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let collection = collection::standing_collection(call).await?;
    let found = collection.specifications.as_ref();
    let found = found.ok_or_else(|| {
        let (index, name) = (&collection.index, &collection.collection);
        let why = format!("there are no specifications of \"{index}\":\"{name}\"");
        Fault::new(Id::NoSpecifications, why).props([index, name])
    })?;
    Ok(Reply::of(&shown_specification(&collection, found)))
}

/// The body's, and what is wrong with them.
fn given_specification(call: KuzzleCall<'_>) -> Result<(Value, Vec<String>), Fault> {
    let (index, name) = (call.request.index()?, call.request.collection()?);
    let value =
        Value::Object(serde_json::from_str(call.request.object()?.get()).unwrap_or_default());
    let faults = Specification::read(&value, &format!("{index}.{name}")).err();
    Ok((value, faults.unwrap_or_default()))
}

pub(super) async fn update(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (value, faults) = given_specification(call)?;
    if !faults.is_empty() {
        let why = format!("the specifications are wrong: {}", faults.join(" "));
        let errors = faults.into_iter().map(Value::from).collect();
        return Err(Fault::new(Id::BadSpecifications, why).errors(errors));
    }
    put_specification(call, Some(value.clone())).await?;
    Ok(Reply::of(&value))
}

pub(super) async fn delete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    put_specification(call, None).await?;
    Ok(Reply::of(&json!({"acknowledged": true})))
}

/// Puts them in the place of those that stand.
async fn put_specification(
    call: KuzzleCall<'_>,
    specifications: Option<Value>,
) -> Result<(), Fault> {
    for _ in 0..ATTEMPTS {
        let stands = collection::standing_collection(call).await?;
        collection::check_not_owned(call, &stands)?;
        let wanted = Collection {
            specifications: specifications.clone(),
            ..stands.clone()
        };
        // A mapping that is changing is put by its own change.
        if stands.changing.is_none()
            && call
                .app
                .ports
                .record
                .replace_collection(&wanted, &stands)
                .await?
        {
            call.app.collections.put(wanted);
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    let why = "another change of the collection does not end";
    Err(Fault::new(Id::Overloaded, why).retry_after(Some(5)))
}

pub(super) async fn validate(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (_, faults) = given_specification(call)?;
    Ok(Reply::of(&if faults.is_empty() {
        json!({"valid": true})
    } else {
        json!({
            "valid": false, "details": faults,
            "description": "Some errors with provided specifications.",
        })
    }))
}

/// Where a list of specifications is read on.
#[derive(Debug, Serialize, Deserialize)]
struct SpecificationPage {
    from: usize,
    size: usize,
}

/// All that there are, by name. Of queries, only those that leave nothing out.
pub(super) async fn search(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let body = call.request.members()?;
    let all = |query: &Value| *query == json!({}) || *query == json!({"match_all": {}});
    match body
        .iter()
        .find(|(name, value)| *name != "query" || !all(value))
    {
        None => {}
        Some((name, _)) if name == "query" => {
            let why = "specifications are listed whole: a query is not supported";
            return Err(Fault::new(Id::Unsupported, why).props(["query"]));
        }
        Some((name, _)) => {
            return Err(unexpected_argument(
                &format!("body.{name}"),
                ["query"].into_iter(),
            ));
        }
    }
    let page = SpecificationPage {
        from: call.request.number("from")?.unwrap_or(0),
        size: call.request.number("size")?.unwrap_or(10),
    };
    let keep = call
        .request
        .text("scroll")?
        .map(parse_duration)
        .transpose()?;
    list_page(call, page, keep).await
}

pub(super) async fn scroll(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let id = call.request.args.get("scrollId").and_then(Value::as_str);
    let id = id.ok_or_else(|| Fault::missing("scrollId"))?;
    let (keys, caller, now) = (&call.app.ports.keys, &call.request.caller, call.app.now());
    let cursor = ScrollCursor::open(id, keys, caller, now);
    let page = cursor.as_ref().and_then(|cursor| match &cursor.position {
        ScrollPart::Text(text) => serde_json::from_str(text.get()).ok(),
        ScrollPart::Kept { .. } => None,
    });
    let (Some(cursor), Some(page)) = (&cursor, page) else {
        let why = "the scroll id is not one of this deployment, or its time is over";
        return Err(Fault::new(Id::UnknownScroll, why));
    };
    let keep = call
        .request
        .text("scroll")?
        .map(parse_duration)
        .transpose()?;
    list_page(call, page, Some(keep.unwrap_or(cursor.keep))).await
}

async fn list_page(
    call: KuzzleCall<'_>,
    page: SpecificationPage,
    keep: Option<i64>,
) -> Result<Reply, Fault> {
    let all = call.app.collections.list().await?;
    let hits: Vec<Value> = all
        .iter()
        .filter_map(|one| {
            let source = shown_specification(one, one.specifications.as_ref()?);
            Some(json!({"_id": format!("{}#{}", one.index, one.collection), "_source": source}))
        })
        .collect();
    let total = hits.len();
    let hits: Vec<Value> = hits.into_iter().skip(page.from).take(page.size).collect();
    let mut found = json!({"hits": hits, "total": total});
    if let Some(keep) = keep {
        let next = SpecificationPage {
            from: page.from + hits.len(),
            size: page.size,
        };
        let cursor = ScrollCursor {
            search: ScrollPart::text_of(&()),
            position: ScrollPart::text_of(&next),
            keep,
            until: call.app.now().saturating_add(keep),
        };
        found["scrollId"] = cursor
            .sign(&call.app.ports.keys, &call.request.caller)
            .into();
    }
    Ok(Reply::of(&found))
}

/// The specification of the request's collection, if it has one.
async fn standing_specification(call: KuzzleCall<'_>) -> Result<Option<Specification>, Fault> {
    let collection = place::request_collection(call).await?;
    let Some(value) = &collection.specifications else {
        return Ok(None);
    };
    Specification::read(value, &collection.name())
        .map(Some)
        .map_err(|_| Fault::new(Id::Unexpected, "specifications that stand cannot be read"))
}

/// Everything that is wrong with a document that is to be written whole.
pub(super) async fn document_findings(
    call: KuzzleCall<'_>,
) -> Result<Vec<SpecificationFault>, Fault> {
    let Some(specification) = standing_specification(call).await? else {
        return Ok(Vec::new());
    };
    Ok(specification.check(call.request.id.as_deref(), &call.request.members()?))
}

/// A document as it may be written: with the defaults it lacks. `None`: as it came.
pub(super) async fn completed_document(
    call: KuzzleCall<'_>,
) -> Result<Option<Box<RawValue>>, Fault> {
    let Some(specification) = standing_specification(call).await? else {
        return Ok(None);
    };
    call.request.object()?;
    let document = call.request.members()?;
    refuse_findings(specification.check(call.request.id.as_deref(), &document))?;
    complete_document(&specification, document, false)
}

/// Changes as they may be written, by what the document would be then.
pub(super) async fn completed_changes(
    call: KuzzleCall<'_>,
) -> Result<Option<Box<RawValue>>, Fault> {
    let Some(specification) = standing_specification(call).await? else {
        return Ok(None);
    };
    let id = call.request.id()?;
    call.request.object()?;
    let changes = call.request.members()?;
    let collection = place::request_collection(call).await?;
    let found = read::read_documents(call, &[place::document_key(&collection, id)?]).await?;
    if let Some((source, _)) = found.into_iter().flatten().next() {
        let mut document: Map<String, Value> =
            serde_json::from_str(source.get()).unwrap_or_default();
        merge_changes(&mut document, &changes);
        refuse_findings(specification.check(Some(id), &document))?;
    }
    complete_document(&specification, changes, true)
}

fn merge_changes(into: &mut Map<String, Value>, changes: &Map<String, Value>) {
    for (name, change) in changes {
        match (into.get_mut(name), change) {
            (Some(Value::Object(inner)), Value::Object(change)) => merge_changes(inner, change),
            _ => drop(into.insert(name.clone(), change.clone())),
        }
    }
}

fn refuse_findings(findings: Vec<SpecificationFault>) -> Result<(), Fault> {
    let Some(SpecificationFault { path, message }) = findings.into_iter().next() else {
        return Ok(());
    };
    Err(if path.is_empty() {
        let why = format!("the document is not as specified: {message}");
        Fault::new(Id::FailedDocument, why).props([&message])
    } else {
        let field = path.join(".");
        let why = format!("the field \"{field}\" is not as specified: {message}");
        Fault::new(Id::FailedField, why).props([&field, &message])
    })
}

fn complete_document(
    specification: &Specification,
    mut document: Map<String, Value>,
    changes: bool,
) -> Result<Option<Box<RawValue>>, Fault> {
    if specification.complete(&mut document, changes) {
        Ok(Some(
            ScannedJson::from(&Value::Object(document)).text().to_raw(),
        ))
    } else {
        Ok(None)
    }
}
