//! What the caller may see and change of himself.

use super::{LOCAL, account_holder, authenticated_kuid, expect_strategy};
use crate::{
    kuzzle::{
        Fault, KuzzleCall, Reply,
        fault::Id,
        security::{api_keys, check_allowed, credentials as keep, users},
    },
    routes::security::sessions,
};
use serde_json::{Value, json};

/// What a caller without a credential is shown as.
fn anonymous_user() -> Value {
    let source = json!({"profileIds": ["anonymous"], "name": "Anonymous"});
    json!({"_id": crate::access::ANONYMOUS_KUID, "_source": source, "strategies": []})
}

pub(crate) async fn current_user(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let Ok(kuid) = authenticated_kuid(call) else {
        return Ok(Reply::of(&anonymous_user()));
    };
    let caller = &call.request.caller;
    if let Some(attributes) = caller.issued() {
        let mut source = attributes.clone();
        source.insert("profileIds".to_owned(), json!(caller.profiles));
        let shown = json!({"_id": kuid, "_source": source, "strategies": []});
        return Ok(Reply::of(&shown));
    }
    let user = users::read_user(call, kuid).await?;
    let account = call.app.access.accounts().account(kuid).await?;
    let local = account.is_some_and(|account| account.username.is_some());
    let strategies: &[&str] = if local { &[LOCAL] } else { &[] };
    let shown = json!({"_id": kuid, "_source": user.members, "strategies": strategies});
    Ok(Reply::of(&shown))
}

pub(crate) async fn my_rights(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let known = call.app.access.state.current().await?;
    let profiles = call.request.caller.profiles.iter().map(String::as_str);
    let hits = known.set.listed(profiles);
    Ok(Reply::of(&json!({"total": hits.len(), "hits": hits})))
}

pub(crate) async fn check_rights(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    check_allowed(call, &call.request.caller.rights)
}

pub(crate) async fn strategies(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let issuers = call.app.access.issuers.login_names();
    let names: Vec<&str> = std::iter::once(LOCAL).chain(issuers).collect();
    Ok(Reply::of(&names))
}

pub(crate) async fn my_sessions(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    authenticated_kuid(call)?;
    let behind = call.request.text("behind")?.map(str::to_owned);
    let caller = &call.request.caller;
    let told = sessions::own_sessions(call.app, caller, behind).await?;
    Ok(Reply::of(&told))
}

pub(crate) async fn end_my_session(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    authenticated_kuid(call)?;
    let sid = call.request.text("sid")?;
    let sid = sid.ok_or_else(|| Fault::missing("sid"))?;
    let told = sessions::end_own_session(call.app, call.actor(), sid).await?;
    Ok(Reply::of(&told))
}

pub(crate) async fn update_self(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = account_holder(call)?;
    let changes = call.request.members()?;
    for name in ["_id", "profileIds"] {
        if changes.contains_key(name) {
            let why = format!("the argument \"body.{name}\" may not be given here");
            return Err(Fault::new(Id::ForbiddenArgument, why).props([name]));
        }
    }
    users::merge_user(call, kuid, changes).await
}

pub(crate) async fn create_api_key(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    api_keys::create(call, account_holder(call)?).await
}

pub(crate) async fn search_api_keys(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    api_keys::search(call, account_holder(call)?).await
}

pub(crate) async fn delete_api_key(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    api_keys::delete(call, account_holder(call)?).await
}

pub(crate) async fn create_credentials(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = account_holder(call)?;
    expect_strategy(call)?;
    keep::create(call, kuid).await
}

pub(crate) async fn update_credentials(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = account_holder(call)?;
    expect_strategy(call)?;
    keep::update(call, kuid).await
}

pub(crate) async fn delete_credentials(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = account_holder(call)?;
    expect_strategy(call)?;
    keep::delete(call, kuid).await
}

pub(crate) async fn credentials_exist(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = account_holder(call)?;
    expect_strategy(call)?;
    keep::exist(call, kuid).await
}

pub(crate) async fn credentials(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = account_holder(call)?;
    expect_strategy(call)?;
    keep::shown_credentials(call, kuid).await
}

pub(crate) async fn validate_credentials(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let kuid = account_holder(call)?;
    expect_strategy(call)?;
    keep::validate(call, Some(kuid)).await
}
