//! The first administrator, and the base roles that keep everybody else out.

use super::{
    super::{Fault, KuzzleCall, Reply},
    credentials, rights_change,
    users::{self, NewUser},
};
use serde_json::json;

/// Two that come at once: one of them is the first.
pub(crate) async fn create(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let (mut content, given) = users::parts(call)?;
    users::no_profiles(&content)?;
    content.insert("profileIds".to_owned(), json!(["admin"]));
    let credentials = credentials::all(call, given).await?;
    let credentials = Some(credentials.ok_or_else(|| Fault::missing("body.credentials"))?);
    let kuid = users::wanted_id(call)?;
    let reset = call.request.flag("reset")?;
    let added = users::add(
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
    rights_change::change(call, |set| {
        set.restrict();
        Ok(())
    })
    .await?;
    Ok(Reply::of(&json!({"acknowledged": true})))
}

pub(crate) async fn exists(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let exists = call.app.access.accounts().admin_exists().await?;
    Ok(Reply::of(&json!({"exists": exists})))
}
