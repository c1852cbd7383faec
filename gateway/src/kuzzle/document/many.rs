//! Writes of many documents: each is an event with a verdict of its own, and what went wrong is
//! told beside what was written, or instead of it where the client asked to be strict.

use super::{
    super::{
        Fault, KuzzleCall, Reply,
        fault::Id,
        members::{member_names, unexpected_argument},
        metadata::{AuthorStamp, Info, stamped_body, touched_fields},
        place,
        request::number_text,
        write::{self, BareValue, Then, WrittenDocument},
    },
    Precedence, StampedUpsert, Upsert, read,
};
use json_text::{JsonObjectWriter, list_of};
use serde::{Deserialize, Serialize};
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};
use std::borrow::Cow;

/// How documents are written.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub operation: &'static str,
    /// `None`: bodies stay as they are.
    pub info: Option<Info>,
    pub silent: bool,
    /// Documents in one call.
    pub most: usize,
}

pub(crate) async fn create(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    write_bodies(call, write_way(call, "document.mCreate", Info::Created)?).await
}

pub(crate) async fn create_or_replace(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    write_bodies(
        call,
        write_way(call, "document.mCreateOrReplace", Info::Replaced)?,
    )
    .await
}

pub(crate) async fn replace(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    write_bodies(call, write_way(call, "document.mReplace", Info::Replaced)?).await
}

pub(crate) async fn update(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let way = write_way(call, "document.mUpdate", Info::Updated)?;
    let list = listed_documents(call, way.most)?;
    let items = list
        .iter()
        .map(|raw| ManyItem::read(raw, &BODY)?.with_body(way.info, AuthorStamp::of(call), true))
        .collect();
    write_all(call, way, &list, items, true).await
}

pub(crate) async fn upsert(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let way = write_way(call, "document.mUpsert", Info::Updated)?;
    let list = listed_documents(call, way.most)?;
    let items = list
        .iter()
        .map(|raw| {
            ManyItem::read(raw, &["_id", "changes", "default"])?.with_changes(AuthorStamp::of(call))
        })
        .collect();
    write_all(call, way, &list, items, true).await
}

fn write_way(call: KuzzleCall<'_>, operation: &'static str, info: Info) -> Result<Way, Fault> {
    let most = call.app.config.kuzzle_write_documents;
    Ok(Way {
        operation,
        info: Some(info),
        silent: call.request.flag("silent")?,
        most,
    })
}

/// Whole documents.
pub(crate) async fn write_bodies(call: KuzzleCall<'_>, way: Way) -> Result<Reply, Fault> {
    let list = listed_documents(call, way.most)?;
    let named = way.operation == "document.mReplace";
    let items = list
        .iter()
        .map(|raw| ManyItem::read(raw, &BODY)?.with_body(way.info, AuthorStamp::of(call), named))
        .collect();
    write_all(call, way, &list, items, false).await
}

/// The documents of the body.
fn listed_documents(call: KuzzleCall<'_>, most: usize) -> Result<Vec<&RawValue>, Fault> {
    let documents: Vec<&RawValue> = serde_json::from_str(call.request.member("documents")?.get())
        .map_err(|_| Fault::wrong_type("body.documents", "array"))?;
    check_count(documents.len(), most)?;
    Ok(documents)
}

pub(super) fn check_count(count: usize, most: usize) -> Result<(), Fault> {
    if count <= most {
        Ok(())
    } else {
        Err(Fault::new(
            Id::WriteLimit,
            format!("{count} documents are more than the {most} that one call may write"),
        ))
    }
}

/// The members of a document that is written whole, or of its changes.
const BODY: [&str; 2] = ["_id", "body"];

#[derive(Deserialize)]
struct ManyItem<'a> {
    #[serde(rename = "_id", default)]
    id: Option<Value>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    changes: Option<&'a RawValue>,
    #[serde(borrow, default)]
    default: Option<&'a RawValue>,
}

/// One document on its way.
pub(super) struct Ready {
    /// As the single operation takes it.
    json: Box<RawValue>,
    /// What was sent of it, for the answer.
    source: Option<Box<RawValue>>,
    touched: Vec<String>,
}

impl<'a> ManyItem<'a> {
    fn read(raw: &'a RawValue, known: &[&str]) -> Result<Self, Fault> {
        let item = serde_json::from_str(raw.get());
        let item = item.map_err(|_| Fault::wrong_type("document", "object"))?;
        match member_names(raw)
            .iter()
            .find(|name| !known.contains(&name.as_str()))
        {
            Some(name) => Err(unexpected_argument(name, known.iter().copied())),
            None => Ok(item),
        }
    }

    /// `named`: it must have one.
    fn id(&self, named: bool) -> Result<Option<Cow<'_, str>>, Fault> {
        match &self.id {
            Some(Value::String(id)) => Ok(Some(id.into())),
            Some(Value::Number(id)) if !named => Ok(Some(number_text(id).into())),
            None if !named => Ok(None),
            Some(_) | None => Err(Fault::new(
                Id::InvalidArgument,
                "document _id must be a string",
            )),
        }
    }

    fn with_body(
        &self,
        info: Option<Info>,
        stamp: AuthorStamp<'_>,
        named: bool,
    ) -> Result<Ready, Fault> {
        let body = self.body.filter(|body| body.get().starts_with('{'));
        let body =
            body.ok_or_else(|| Fault::new(Id::InvalidArgument, "document body must be an object"))?;
        let source = match info {
            Some(info) => stamped_body(body, &info.json(stamp))?,
            None => body.to_owned(),
        };
        let json = document_item(&[("body", &source)], self.id(named)?.as_deref());
        Ok(Ready {
            json,
            source: Some(source),
            touched: if info == Some(Info::Updated) {
                touched_fields(body)
            } else {
                Vec::new()
            },
        })
    }

    fn with_changes(&self, stamp: AuthorStamp<'_>) -> Result<Ready, Fault> {
        let object = |raw: Option<&RawValue>| raw.is_some_and(|raw| raw.get().starts_with('{'));
        for (name, fits) in [
            ("changes", object(self.changes)),
            ("default", self.default.is_none() || object(self.default)),
        ] {
            if !fits {
                let why = format!("document {name} must be an object");
                return Err(Fault::new(Id::InvalidArgument, why));
            }
        }
        let upsert = Upsert {
            changes: self.changes,
            default: self.default,
        };
        let StampedUpsert { changes, created } = upsert.stamped(stamp, Precedence::Default)?;
        let members = [("changes", &*changes), ("created", &*created)];
        let json = document_item(&members, self.id(true)?.as_deref());
        Ok(Ready {
            json,
            source: None,
            touched: self.changes.map(touched_fields).unwrap_or_default(),
        })
    }
}

/// A document of many, with its id if it has one.
pub(in super::super) fn document_item(
    members: &[(&str, &RawValue)],
    id: Option<&str>,
) -> Box<RawValue> {
    let size: usize = members.iter().map(|(_, raw)| raw.get().len()).sum();
    let mut object = JsonObjectWriter::with_capacity(size + 64);
    for (name, raw) in members {
        object.push(name, (*raw).into());
    }
    if let Some(id) = id {
        object.push_value("_id", &id.into());
    }
    object.finish().text().to_raw()
}

/// One of the successes.
#[derive(Serialize)]
struct Success<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    #[serde(rename = "_source", skip_serializing_if = "Option::is_none")]
    source: Option<&'a RawValue>,
    #[serde(rename = "_version")]
    version: u64,
    #[serde(
        rename = "_updatedFields",
        skip_serializing_if = "<[String]>::is_empty"
    )]
    touched: &'a [String],
    created: bool,
    result: &'static str,
    status: u16,
}

#[derive(Serialize)]
struct Answered<'a> {
    successes: Vec<Success<'a>>,
    errors: Vec<Value>,
}

/// `whole`: changes are answered with the whole documents as they stand now.
async fn write_all(
    call: KuzzleCall<'_>,
    way: Way,
    list: &[&RawValue],
    items: Vec<Result<Ready, Fault>>,
    whole: bool,
) -> Result<Reply, Fault> {
    let operation = way.operation;
    let done = if items.iter().all(Result::is_err) {
        place::request_collection(call).await?;
        None
    } else {
        let documents = list_of(items.iter().flatten().map(|ready| (&*ready.json).into()));
        let json = write::bare_request(call, &[("documents", BareValue::Json(&documents))])?;
        Some(write::run_operation(call, operation, json, way.silent, Then::EndTurn).await?)
    };
    let (mut outcomes, token) = done.map_or((Vec::new().into_iter(), None), |done| {
        (done.items.into_iter(), done.token)
    });
    let created = matches!(operation, "document.mCreate");
    let (mut written, mut errors, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for (raw, item) in list.iter().zip(&items) {
        match item
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|ready| Ok((ready, outcomes.next().unwrap_or_else(|| Err(lost_fault()))?)))
        {
            Ok((ready, one)) => written.push((
                ready,
                WrittenDocument {
                    created: one.created || created,
                    ..one
                },
            )),
            Err(fault) => {
                errors.push(json!({"document": parsed_json(raw), "reason": fault_reason(&fault), "status": fault.status()}));
                faults.push(fault);
            }
        }
    }
    judge_parts(call, &written, &mut errors, faults, token.as_deref())?;
    let shows_source = match call.request.args.get("source") {
        None | Some(Value::Null) => true,
        Some(_) => call.request.flag("source")?,
    };
    let sources = if whole && shows_source {
        whole_documents(call, &written).await?
    } else {
        Vec::new()
    };
    let mut successes = Vec::with_capacity(written.len());
    for (n, (ready, one)) in written.iter().enumerate() {
        successes.push(written_success(
            ready,
            one,
            sources
                .get(n)
                .and_then(Option::as_deref)
                .or(ready.source.as_deref())
                .filter(|_| shows_source),
        ));
    }
    Ok(write::write_reply(&Answered { successes, errors }, token))
}

fn written_success<'a>(
    ready: &'a Ready,
    written: &'a WrittenDocument,
    source: Option<&'a RawValue>,
) -> Success<'a> {
    let (result, status) = if written.created {
        ("created", 201)
    } else {
        ("updated", 200)
    };
    Success {
        id: &written.id,
        source,
        version: written.version,
        touched: &ready.touched,
        created: written.created,
        result,
        status,
    }
}

fn lost_fault() -> Fault {
    Fault::new(Id::Unexpected, "a document has no outcome")
}

/// Is a part enough? Where nothing could be written for want of a store or the log, that is the
/// answer.
fn judge_parts<T>(
    call: KuzzleCall<'_>,
    written: &[T],
    errors: &mut Vec<Value>,
    faults: Vec<Fault>,
    token: Option<&str>,
) -> Result<(), Fault> {
    if written.is_empty() && !faults.is_empty() && faults.iter().all(|fault| fault.status() >= 500)
    {
        return Err(faults.into_iter().next().unwrap_or_else(lost_fault));
    }
    if call.request.flag("strict")? && !errors.is_empty() {
        let fault = Fault::new(Id::Incomplete, "some documents could not be written");
        Err(fault
            .errors(std::mem::take(errors))
            .about(None, token.map(str::to_owned)))
    } else {
        Ok(())
    }
}

/// In the words that clients of the family look for.
fn fault_reason(fault: &Fault) -> String {
    match fault.id() {
        Id::DocumentExists => "document already exists".to_owned(),
        Id::NotFound => "document not found".to_owned(),
        _ => fault.message().to_owned(),
    }
}

async fn whole_documents(
    call: KuzzleCall<'_>,
    written: &[(&Ready, WrittenDocument)],
) -> Result<Vec<Option<Box<RawValue>>>, Fault> {
    let collection = place::request_collection(call).await?;
    let keys = written
        .iter()
        .map(|(_, one)| place::document_key(&collection, &one.id))
        .collect::<Result<Vec<_>, _>>()?;
    let found = read::read_documents(call, &keys).await?;
    Ok(found
        .into_iter()
        .map(|found| found.map(|(source, _)| (*source).to_owned()))
        .collect())
}

pub(crate) async fn delete(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let ids = read::requested_ids(call)?;
    check_count(ids.len(), call.app.config.kuzzle_write_documents)?;
    let silent = call.request.flag("silent")?;
    let (gone, errors, token) = delete_given(call, &ids, silent, Then::EndTurn).await?;
    Ok(write::write_reply(
        &json!({"successes": gone, "errors": errors}),
        token,
    ))
}

/// Deletes documents by their ids: those that are gone, what went wrong, and the token.
pub(crate) async fn delete_all(
    call: KuzzleCall<'_>,
    ids: &[String],
    silent: bool,
    then: Then,
) -> Result<(Vec<String>, Vec<Value>, Option<String>), Fault> {
    let ids: Vec<Value> = ids.iter().map(|id| id.as_str().into()).collect();
    delete_given(call, &ids, silent, then).await
}

/// Likewise; an id that no document can have is refused for itself.
async fn delete_given(
    call: KuzzleCall<'_>,
    ids: &[Value],
    silent: bool,
    then: Then,
) -> Result<(Vec<String>, Vec<Value>, Option<String>), Fault> {
    if ids.is_empty() {
        place::request_collection(call).await?;
        return Ok((Vec::new(), Vec::new(), None));
    }
    let listed = to_raw_value(ids).expect("ids are plain JSON");
    let json = write::bare_request(call, &[("ids", BareValue::Json(&listed))])?;
    let done = write::run_operation(call, "document.mDelete", json, silent, then).await?;
    let (mut gone, mut errors, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for (id, item) in ids.iter().zip(done.items) {
        match item {
            Ok(_) => gone.push(id.as_str().unwrap_or_default().to_owned()),
            Err(fault) => {
                errors.push(
                    json!({"_id": id, "reason": fault_reason(&fault), "status": fault.status()}),
                );
                faults.push(fault);
            }
        }
    }
    judge_parts(call, &gone, &mut errors, faults, done.token.as_deref())?;
    Ok((gone, errors, done.token))
}

/// Changes documents by their ids: what each became, and the token.
pub(crate) async fn update_all(
    call: KuzzleCall<'_>,
    ids: &[String],
    changes: &RawValue,
    silent: bool,
    then: Then,
) -> Result<
    (
        Vec<(String, Result<WrittenDocument, Fault>)>,
        Option<String>,
    ),
    Fault,
> {
    if ids.is_empty() {
        return Ok((Vec::new(), None));
    }
    let one = |id: &String| document_item(&[("body", changes)], Some(id));
    let documents: Vec<_> = ids.iter().map(one).collect();
    let documents = list_of(documents.iter().map(|document| (&**document).into()));
    let json = write::bare_request(call, &[("documents", BareValue::Json(&documents))])?;
    let done = write::run_operation(call, "document.mUpdate", json, silent, then).await?;
    Ok((ids.iter().cloned().zip(done.items).collect(), done.token))
}

fn parsed_json(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or(Value::Null)
}
