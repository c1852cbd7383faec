//! The controller `bulk`: writes without `_kuzzle_info`, told to nobody unless `notify` asks for
//! it.

mod entry;

use super::{
    Fault, KuzzleCall, Reply,
    document::{self, many, many::Way, query},
    fault::Id,
    write::{self, BareValue, Then},
};
use entry::{BulkEntry, bulk_entries};
use json_text::list_of;
use serde_json::{Value, json};

/// Documents that one call may write: what an operation of many documents takes.
const MOST: usize = 10_000;
/// Documents that are found and written at once.
const PAGE: usize = 1_000;

pub(super) async fn write(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let body = call.request.object()?;
    document::write_body(
        call,
        "document.createOrReplace",
        call.request.body_as_came(body),
        is_silent(call)?,
        false,
    )
    .await
}

pub(super) async fn mwrite(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let way = Way {
        operation: "document.mCreateOrReplace",
        info: None,
        silent: is_silent(call)?,
        most: MOST,
    };
    many::write_bodies(call, way).await
}

fn is_silent(call: KuzzleCall<'_>) -> Result<bool, Fault> {
    Ok(!call.request.flag("notify")?)
}

pub(super) async fn delete_by_query(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let wanted = query::wanted_query(call)?;
    let (view, collection) = query::current_view(call).await?;
    let wanted = wanted.settled(&*view, &[&collection]).await?;
    let (mut deleted, mut after, mut token) = (0, None::<String>, None);
    loop {
        let (ids, _) =
            query::found_ids(&*view, &collection, wanted.as_ref(), PAGE, after.as_deref()).await?;
        let Some(last) = ids.last() else { break };
        after = Some(last.clone());
        let (gone, _, last) = many::delete_all(call, &ids, is_silent(call)?, Then::GoOn).await?;
        deleted += gone.len();
        token = last;
    }
    Ok(write::write_reply(&json!({"deleted": deleted}), token))
}

pub(super) async fn update_by_query(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let changes = query::body_changes(call)?;
    let wanted = query::wanted_query(call)?;
    let (view, collection) = query::current_view(call).await?;
    let wanted = wanted.settled(&*view, &[&collection]).await?;
    let (mut updated, mut after, mut token) = (0, None::<String>, None);
    loop {
        let (ids, _) =
            query::found_ids(&*view, &collection, wanted.as_ref(), PAGE, after.as_deref()).await?;
        let Some(last) = ids.last() else { break };
        after = Some(last.clone());
        let (done, last) =
            many::update_all(call, &ids, changes, is_silent(call)?, Then::GoOn).await?;
        if let Some(fault) = done
            .iter()
            .find_map(|(_, item)| item.as_ref().err())
            .filter(|fault| fault.status() >= 500)
        {
            return Err(fault.clone());
        }
        updated += done.iter().filter(|(_, item)| item.is_ok()).count();
        token = last;
    }
    Ok(write::write_reply(&json!({"updated": updated}), token))
}

pub(super) async fn import(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let Imported {
        successes,
        errors,
        token,
    } = import_into(call).await?;
    if call.request.flag("strict")? && !errors.is_empty() {
        return Err(
            Fault::new(Id::Incomplete, "some documents could not be written")
                .errors(errors)
                .about(None, token),
        );
    }
    Ok(write::write_reply(
        &json!({"successes": successes, "errors": errors}),
        token,
    ))
}

/// Can the import be read?
pub(super) fn check_import(call: KuzzleCall<'_>) -> Result<(), Fault> {
    bulk_entries(call).map(drop)
}

/// What became of an import.
pub(super) struct Imported {
    successes: Vec<Value>,
    pub(super) errors: Vec<Value>,
    pub(super) token: Option<String>,
}

/// Entries that follow each other with the same action go together. All are handed over in their
/// order before the first is waited for.
pub(super) async fn import_into(call: KuzzleCall<'_>) -> Result<Imported, Fault> {
    let entries = bulk_entries(call)?;
    super::place::request_collection(call).await?;
    let (mut successes, mut errors, mut token) = (Vec::new(), Vec::new(), None);
    let mut begun = Vec::new();
    for run in entries.chunk_by(|a, b| a.action == b.action) {
        let documents: Vec<_> = run.iter().map(BulkEntry::json).collect();
        let documents = list_of(documents.iter().map(|document| (&**document).into()));
        let list = if run[0].action == "delete" {
            "ids"
        } else {
            "documents"
        };
        let json = write::bare_request(call, &[(list, BareValue::Json(&documents))])?;
        begun.push((
            run,
            write::begin_operation(call, run[0].operation(), json, true).await?,
        ));
    }
    call.request.turn.end();
    for (run, begun) in begun {
        let done = begun.done().await?;
        token = done.token.or(token);
        for (entry, item) in run.iter().zip(done.items) {
            match item {
                Ok(written) => {
                    let status = if written.created || entry.action == "create" {
                        201
                    } else {
                        200
                    };
                    successes.push(json!({entry.action: {"_id": written.id, "status": status}}));
                }
                Err(fault) => errors.push(entry_error(entry, &fault)),
            }
        }
    }
    Ok(Imported {
        successes,
        errors,
        token,
    })
}

/// An entry that was not written.
fn entry_error(entry: &BulkEntry<'_>, fault: &Fault) -> Value {
    let source: Value = entry.source.map_or(Value::Null, |source| {
        serde_json::from_str(source.get()).unwrap_or_default()
    });
    let error = json!({"type": fault.id().row().name, "reason": fault.message()});
    json!({entry.action: {"_id": entry.id, "status": fault.status(), "_source": source, "error": error}})
}
