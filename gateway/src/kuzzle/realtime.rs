//! The controller `realtime`, what needs no open connection: a message to whoever is subscribed
//! now.

use super::{
    Fault, KuzzleCall, Reply,
    metadata::{AuthorStamp, Info, stamped_body},
    write::{self, BareValue},
};
use serde_json::json;

pub(super) async fn publish(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let body = stamped_body(
        call.request.object()?,
        &Info::Published.json(AuthorStamp::of(call)),
    )?;
    let mut members = vec![("body", call.request.body_as_came(&body))];
    let id = call.request.id.as_deref();
    members.extend(id.map(|id| ("_id", BareValue::Text(id))));
    write::submit_unawaited(
        call,
        "realtime.publish",
        write::bare_request(call, &members)?,
    )
    .await?;
    Ok(Reply::of(&json!({"published": true})))
}
