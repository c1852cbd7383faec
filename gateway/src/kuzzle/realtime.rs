//! The controller `realtime`, what needs no open connection: a message to whoever is subscribed
//! now.

use super::{
    Fault, KuzzleCall, Reply,
    metadata::{AuthorStamp, Info, stamped},
    write::{self, quoted},
};
use serde_json::json;

pub(super) async fn publish(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let body = stamped(
        call.request.object()?,
        &Info::Published.json(AuthorStamp::of(call)),
    )?;
    let id = call.request.id.as_deref().map(quoted);
    let mut members = vec![("body", body.as_str())];
    members.extend(id.as_deref().map(|id| ("_id", id)));
    write::tell(call, "realtime.publish", write::bare(call, &members)?).await?;
    Ok(Reply::of(&json!({"published": true})))
}
