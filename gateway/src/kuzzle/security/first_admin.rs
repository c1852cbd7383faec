//! The first administrator, and the base roles that keep everybody else out.

use super::{
    super::{Fault, KuzzleCall, Reply, fault::Id},
    credentials, may_grant, rights_change, search,
    users::{self, NewUser},
};
use crate::access::system;
use rights::base;
use serde_json::json;
use store::SearchRequest;

/// Two that come at once: one of them is the first. Once others may not do everything any more, it
/// is made by who may, as any user is.
pub(crate) async fn create(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (mut content, given) = users::body_parts(call)?;
    users::no_profiles(&content)?;
    content.insert("profileIds".to_owned(), json!([base::ADMIN]));
    let known = call.app.access.state.current().await?;
    may_grant(call, &known.set.compile([base::ADMIN].into_iter()))?;
    if any_admin(call).await? {
        return Err(Fault::new(
            Id::AdminExists,
            "there is an administrator already",
        ));
    }
    let credentials = credentials::new_credentials(call, given).await?;
    let credentials = Some(credentials.ok_or_else(|| Fault::missing("body.credentials"))?);
    let kuid = users::wanted_id(call)?;
    // Where others can reach the gateway it stays shut until rights are restricted.
    let reset = call.request.flag("reset")? || call.app.set_up.is_some();
    let added = users::add_user(
        call,
        NewUser {
            kuid,
            content,
            credentials,
            admin: true,
        },
    )
    .await?;
    if reset {
        restrict(call).await?;
    }
    Ok(added)
}

pub(crate) async fn restrict(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    rights_change::change_rights(call, |set| {
        set.restrict();
        // Where somebody narrowed them further, it gives rights back.
        may_grant(call, &set.compile(base::NAMES.into_iter()))
    })
    .await?;
    Ok(Reply::of(&json!({"acknowledged": true})))
}

pub(crate) async fn exists(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&json!({"exists": any_admin(call).await?})))
}

/// Is there any, made as the first or as any user is?
async fn any_admin(call: KuzzleCall<'_>) -> Result<bool, Fault> {
    if call.app.access.accounts().admin_exists().await? {
        return Ok(true);
    }
    if call.app.ports.view.is_none() {
        return Ok(false);
    }
    let request = SearchRequest {
        query: Some(json!({"term": {"profileIds": base::ADMIN}})),
        size: 1,
        ..SearchRequest::default()
    };
    let (found, _) = search::run_search(call, system::USERS, (request, None), None).await?;
    Ok(!found.is_empty())
}
