//! `document:validate` and `realtime:validate`: would the document be taken as it stands? Nothing
//! is written.

use super::{
    Fault, KuzzleCall, Reply, place, request::object_member, specification::shown_findings,
    specifications,
};
use serde_json::json;

pub(super) async fn validate(call: KuzzleCall<'_>) -> Result<Reply, Fault> {
    let body = object_member(Some(call.request.object()?.to_owned()), "body")?
        .ok_or_else(|| Fault::missing("body"))?;
    let collection = place::request_collection(call).await?;
    let findings = specifications::document_findings(call).await?;
    if !findings.is_empty() {
        let wrong = json!({"valid": false, "errorMessages": shown_findings(&findings)});
        return Ok(Reply::of(&wrong));
    }
    let refused = call.app.ports.view.as_ref().and_then(|view| {
        view.check(
            &collection,
            call.request.id.as_deref().unwrap_or("x"),
            &body,
        )
        .err()
    });
    Ok(Reply::of(&match refused {
        None => json!({"valid": true, "errorMessages": {}}),
        Some(unmappable) => {
            let field = unmappable.pointer.trim_start_matches('/').replace('/', ".");
            json!({"valid": false, "errorMessages": {"documentScope": {"children": {field: {"messages": [unmappable.message]}}}}})
        }
    }))
}
