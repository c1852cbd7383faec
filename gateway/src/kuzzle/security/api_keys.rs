//! API keys. The text of a key is in one answer, the one that makes it.

use super::{
    super::{Fault, KuzzleCall, Reply, fault::Id, lifetime},
    credentials, search, users, wait_for_refresh,
};
use crate::{access::system, error::Code, security_write};
use serde_json::{Map, Value, json};

/// What is shown of a key.
fn shown_key(id: &str, mut source: Value) -> Value {
    if let Some(members) = source.as_object_mut() {
        members.remove("birth");
    }
    json!({"_id": id, "_source": source})
}

pub(crate) async fn create(call: KuzzleCall<'_>, kuid: &str) -> Result<Reply, Fault> {
    let body = call.request.members()?;
    let description = match body.get("description") {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => return Err(Fault::missing("body.description")),
        Some(_) => return Err(Fault::wrong_type("body.description", "string")),
    };
    let ttl = lifetime::requested_lifetime(call)?.flatten();
    let until = ttl.map(|ttl| call.app.now().saturating_add(ttl));
    // The key dies with what its maker was known by: its birth is read with that, at once.
    let account = credentials::changeable_account(call, kuid).await?;
    let made = call.app.access.make_api_key(kuid, until);
    let id = match call.request.id.as_deref() {
        Some(id) => id.to_owned(),
        None => uuid::Uuid::from_bytes(crate::write::identify::random_bytes()).to_string(),
    };
    let key = json!({
        "userId": kuid,
        "birth": account.birth,
        "description": description,
        "expiresAt": until.unwrap_or(-1),
        "ttl": ttl.unwrap_or(-1),
        "fingerprint": made.fingerprint,
    });
    let app = call.app;
    let request = json!({"id": id, "key": key});
    let written =
        security_write::write_internal(app, call.actor(), "security.createApiKey", &request).await;
    written.map_err(|problem| match problem.code() {
        Code::Exists => Fault::new(
            Id::DocumentExists,
            format!("there is an API key \"{id}\" already"),
        )
        .props([&id]),
        _ => problem.into(),
    })?;
    wait_for_refresh(call, system::API_KEYS).await?;
    let mut told = shown_key(&id, key);
    told["_source"]["token"] = made.text.into();
    Ok(Reply::of(&told))
}

/// Those that are honoured: not those of before all were ended.
pub(crate) async fn search(call: KuzzleCall<'_>, kuid: &str) -> Result<Reply, Fault> {
    let request = search::of_query(call)?;
    let account = call.app.access.accounts().account(kuid).await?;
    let account = account.ok_or_else(|| users::unknown_user(kuid))?;
    let own = json!({"bool": {"filter": [{"term": {"userId": kuid}}, {"term": {"birth": account.birth}}]}});
    let (hits, total) = search::run_search(call, system::API_KEYS, request, Some(own)).await?;
    let hits: Vec<Value> = hits
        .into_iter()
        .map(|hit| shown_key(&hit.id, hit.source))
        .collect();
    Ok(Reply::of(&json!({"hits": hits, "total": total})))
}

pub(crate) async fn delete(call: KuzzleCall<'_>, kuid: &str) -> Result<Reply, Fault> {
    let id = call.request.id()?;
    let unknown = || Fault::new(Id::NotFound, format!("there is no API key \"{id}\"")).props([id]);
    let found = call
        .app
        .access
        .accounts()
        .document(system::API_KEYS, id)
        .await?;
    let found: Map<String, Value> = match found {
        Some(document) => crate::access::accounts::document_members(&document)?,
        None => return Err(unknown()),
    };
    if found.get("userId").and_then(Value::as_str) != Some(kuid) {
        return Err(unknown());
    }
    let gone = security_write::write_internal(
        call.app,
        call.actor(),
        "security.deleteApiKey",
        &json!({"id": id}),
    )
    .await;
    gone.map_err(|problem| match problem.code() {
        Code::Missing => unknown(),
        _ => problem.into(),
    })?;
    security_write::forget_everywhere(call.app).await;
    wait_for_refresh(call, system::API_KEYS).await?;
    Ok(Reply::of(&json!({"_id": id})))
}

fn user_id(call: KuzzleCall<'_>) -> Result<&str, Fault> {
    call.request
        .text("userId")?
        .ok_or_else(|| Fault::missing("userId"))
}

/// Whoever makes a key of a user may do what the user may.
pub(crate) async fn create_of(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = user_id(call)?;
    users::may_act_for(call, kuid).await?;
    create(call, kuid).await
}

pub(crate) async fn search_of(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    search(call, user_id(call)?).await
}

pub(crate) async fn delete_of(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = user_id(call)?;
    users::may_act_for(call, kuid).await?;
    delete(call, kuid).await
}
