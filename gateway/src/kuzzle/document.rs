//! The controller `document`, writes of one document. Bodies pass as text; `_kuzzle_info` is put
//! into them, and the catalog's operations do the rest.

pub(super) mod export;
pub(super) mod koncorde;
pub(super) mod many;
pub(super) mod query;
pub(super) mod read;
pub(crate) mod scroll;
pub(super) mod search;
mod targets;

use super::{
    Fault, KuzzleCall, Reply,
    metadata::{AuthorStamp, Info, overlaid_body, stamped_body},
    place, specifications,
    write::{self, BareValue, Then, WrittenDocument},
};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

/// A document as it is told.
#[derive(Serialize)]
pub(super) struct DocumentShown<'a> {
    #[serde(rename = "_id")]
    pub id: &'a str,
    #[serde(rename = "_source", skip_serializing_if = "Option::is_none")]
    pub source: Option<&'a RawValue>,
    #[serde(rename = "_version")]
    pub version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
}

async fn put_document(
    call: KuzzleCall<'_>,
    operation: &str,
    info: Info,
    silent: bool,
    shows_created: bool,
) -> Result<Reply, Fault> {
    let completed = specifications::completed_document(call).await?;
    let body = match &completed {
        Some(body) => body,
        None => call.request.object()?,
    };
    let body = stamped_body(body, &info.json(AuthorStamp::of(call)))?;
    let body = if completed.is_none() {
        call.request.body_as_came(&body)
    } else {
        BareValue::Json(&body)
    };
    write_body(call, operation, body, silent, shows_created).await
}

/// A whole document, as it is.
pub(super) async fn write_body(
    call: KuzzleCall<'_>,
    operation: &str,
    body: BareValue<'_>,
    silent: bool,
    shows_created: bool,
) -> Result<Reply, Fault> {
    let mut members = vec![("body", body)];
    let id = call.request.id.as_deref();
    members.extend(id.map(|id| ("_id", BareValue::Text(id))));
    let json = write::bare_request(call, &members)?;
    let (written, token) = write::run_operation(call, operation, json, silent, Then::EndTurn)
        .await?
        .one()?;
    let WrittenDocument {
        id,
        version,
        created,
    } = written;
    let shown = DocumentShown {
        id: &id,
        source: body.raw(),
        version,
        created: shows_created.then_some(created),
    };
    Ok(write::write_reply(&shown, token))
}

pub(super) async fn create(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    put_document(
        call,
        "document.create",
        Info::Created,
        call.request.flag("silent")?,
        false,
    )
    .await
}

pub(super) async fn create_or_replace(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    call.request.id()?;
    put_document(
        call,
        "document.createOrReplace",
        Info::Replaced,
        call.request.flag("silent")?,
        true,
    )
    .await
}

pub(super) async fn replace(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    call.request.id()?;
    put_document(
        call,
        "document.replace",
        Info::Replaced,
        call.request.flag("silent")?,
        false,
    )
    .await
}

pub(super) async fn update(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let id = BareValue::Text(call.request.id()?);
    let completed = specifications::completed_changes(call).await?;
    let changes = match &completed {
        Some(changes) => changes,
        None => call.request.object()?,
    };
    let changes = stamped_body(changes, &Info::Updated.json(AuthorStamp::of(call)))?;
    let body = if completed.is_none() {
        call.request.body_as_came(&changes)
    } else {
        BareValue::Json(&changes)
    };
    let json = write::bare_request(call, &[("_id", id), ("body", body)])?;
    let (written, token) = write::run_operation(
        call,
        "document.update",
        json,
        call.request.flag("silent")?,
        Then::EndTurn,
    )
    .await?
    .one()?;
    if call.request.flag("source")? {
        return whole_document(call, &written, None, token).await;
    }
    Ok(write::write_reply(
        &DocumentShown {
            id: &written.id,
            source: Some(&changes),
            version: written.version,
            created: None,
        },
        token,
    ))
}

/// The body of an upsert.
#[derive(Deserialize)]
pub(super) struct Upsert<'a> {
    #[serde(borrow, default)]
    pub changes: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub default: Option<&'a RawValue>,
}

/// Whose members a document has that an upsert makes, where changes and default both name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precedence {
    Changes,
    Default,
}

/// An upsert as it is written.
pub(super) struct StampedUpsert {
    pub changes: Box<RawValue>,
    /// The document that it makes if there is none: members stand for themselves, nothing of them
    /// is merged.
    pub created: Box<RawValue>,
}

impl Upsert<'_> {
    /// With their information: a document that is made has that of both.
    pub(super) fn stamped(
        &self,
        stamp: AuthorStamp<'_>,
        first: Precedence,
    ) -> Result<StampedUpsert, Fault> {
        let changes = self.changes.ok_or_else(|| Fault::missing("body.changes"))?;
        let info = Info::Replaced.json(stamp);
        let created = match self.default {
            None => stamped_body(changes, &info)?,
            Some(default) if first == Precedence::Changes => {
                overlaid_body(default, changes, &info)?
            }
            Some(default) => overlaid_body(changes, default, &info)?,
        };
        Ok(StampedUpsert {
            changes: stamped_body(changes, &Info::Updated.json(stamp))?,
            created,
        })
    }
}

pub(super) async fn upsert(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let id = BareValue::Text(call.request.id()?);
    let body: Upsert<'_> = serde_json::from_str(call.request.object()?.get())
        .map_err(|_| Fault::missing("body.changes"))?;
    let StampedUpsert { changes, created } =
        body.stamped(AuthorStamp::of(call), Precedence::Changes)?;
    let json = write::bare_request(
        call,
        &[
            ("_id", id),
            ("changes", BareValue::Json(&changes)),
            ("created", BareValue::Json(&created)),
        ],
    )?;
    let (written, token) = write::run_operation(
        call,
        "document.upsert",
        json,
        call.request.flag("silent")?,
        Then::EndTurn,
    )
    .await?
    .one()?;
    let created = Some(written.created);
    if call.request.flag("source")? {
        return whole_document(call, &written, created, token).await;
    }
    Ok(write::write_reply(
        &DocumentShown {
            id: &written.id,
            source: None,
            version: written.version,
            created,
        },
        token,
    ))
}

pub(super) async fn delete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let id = BareValue::Text(call.request.id()?);
    let before = if call.request.flag("source")? {
        Some(read::existing_document(call).await?)
    } else {
        None
    };
    let json = write::bare_request(call, &[("_id", id)])?;
    let (written, token) = write::run_operation(
        call,
        "document.delete",
        json,
        call.request.flag("silent")?,
        Then::EndTurn,
    )
    .await?
    .one()?;
    match before {
        Some((source, _)) => Ok(write::write_reply(
            &DocumentsGone {
                id: &written.id,
                source: &source,
            },
            token,
        )),
        None => Ok(write::write_reply(&json!({"_id": written.id}), token)),
    }
}

#[derive(Serialize)]
struct DocumentsGone<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    #[serde(rename = "_source")]
    source: &'a RawValue,
}

pub(super) async fn delete_fields(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let id = BareValue::Text(call.request.id()?);
    let fields = call.request.member("fields")?;
    if !fields.get().starts_with('[') {
        return Err(Fault::wrong_type("body.fields", "array"));
    }
    let json = write::bare_request(call, &[("_id", id), ("fields", BareValue::Json(fields))])?;
    let (written, token) = write::run_operation(
        call,
        "document.deleteFields",
        json,
        call.request.flag("silent")?,
        Then::EndTurn,
    )
    .await?
    .one()?;
    if call.request.flag("source")? {
        return whole_document(call, &written, None, token).await;
    }
    Ok(write::write_reply(
        &DocumentShown {
            id: &written.id,
            source: None,
            version: written.version,
            created: None,
        },
        token,
    ))
}

/// The whole document as it stands now: a later write may have changed it already, so its version
/// is that of the read.
async fn whole_document(
    call: KuzzleCall<'_>,
    written: &WrittenDocument,
    created: Option<bool>,
    token: Option<String>,
) -> Result<Reply, Fault> {
    let collection = place::request_collection(call).await?;
    let found = read::read_documents(call, &[place::document_key(&collection, &written.id)?])
        .await?
        .into_iter()
        .next()
        .flatten();
    let shown = match &found {
        Some((source, version)) => DocumentShown {
            id: &written.id,
            source: Some(source),
            version: *version,
            created,
        },
        None => DocumentShown {
            id: &written.id,
            source: None,
            version: written.version,
            created,
        },
    };
    Ok(write::write_reply(&shown, token))
}
