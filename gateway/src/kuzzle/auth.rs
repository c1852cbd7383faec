//! The controller `auth`: everybody is anonymous here, and this says so in the family's words.

use super::{Fault, KuzzleCall, Reply, fault::Id, metadata::ANONYMOUS};
use serde_json::json;

/// No token is known: a client that shows one is told that it is not valid, one without is nobody.
pub(super) async fn check_token(_: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(
        &json!({"valid": false, "state": "there are no tokens here: everybody is anonymous"}),
    ))
}

pub(super) async fn current_user(_: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(
        &json!({"_id": ANONYMOUS, "_source": {"profileIds": ["anonymous"]}, "strategies": []}),
    ))
}

pub(super) async fn my_rights(_: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let all = json!({"controller": "*", "action": "*", "index": "*", "collection": "*", "value": "allowed"});
    Ok(Reply::of(&json!({"hits": [all], "total": 1})))
}

pub(super) async fn strategies(_: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&json!([])))
}

pub(super) async fn login(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let strategy = call
        .request
        .text("strategy")?
        .ok_or_else(|| Fault::missing("strategy"))?;
    Err(Fault::new(
        Id::UnknownStrategy,
        format!("there is no authentication strategy \"{strategy}\""),
    )
    .props([strategy]))
}

/// Nobody is logged in, so nobody is afterwards.
pub(super) async fn logout(_: KuzzleCall<'_>) -> Result<Reply, Fault> {
    Ok(Reply::of(&json!({})))
}
