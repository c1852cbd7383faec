//! Several collections that one search reads: `[{"index": …, "collections": […]}]`. Must never leave
//! a name out.

use super::{
    super::{Fault, KuzzleCall, admission, place},
    search,
};
use serde_json::Value;
use std::sync::Arc;
use store::{Collection, View};

/// The index and the collection of each; `None`: the request names one collection as usual.
pub(super) fn requested_targets(
    call: KuzzleCall<'_>,
) -> Result<Option<Vec<(String, String)>>, Fault> {
    let given = match call.request.args.get("targets") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or(Value::Null),
        Some(given) => given.clone(),
    };
    if call.request.index().is_ok() || call.request.collection().is_ok() {
        let either = "left out beside \"index\" and \"collection\"";
        return Err(Fault::invalid("targets", either));
    }
    let expected = || Fault::invalid("targets", "[{\"index\": …, \"collections\": [\"…\"]}]");
    let mut names: Vec<(String, String)> = Vec::new();
    for target in given.as_array().ok_or_else(expected)? {
        let members = target.as_object().ok_or_else(expected)?;
        let is_known = |name: &String| ["index", "collections"].contains(&name.as_str());
        let index = members.get("index").and_then(Value::as_str);
        let collections = members.get("collections").and_then(Value::as_array);
        let (index, collections) = index.zip(collections).ok_or_else(expected)?;
        if collections.is_empty() || !members.keys().all(is_known) {
            return Err(expected());
        }
        for name in collections {
            let name = (
                index.to_owned(),
                name.as_str().ok_or_else(expected)?.to_owned(),
            );
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        return Err(expected());
    }
    Ok(Some(names))
}

/// The view and the collections, once what `after` names is applied and searchable.
pub(super) async fn fresh_targets(
    call: KuzzleCall<'_>,
    names: &[(String, String)],
) -> Result<(Arc<dyn View>, Vec<Arc<Collection>>), Fault> {
    let waited = place::wait_for_tokens(call).await?;
    let view = search::search_view(call)?;
    let mut collections = Vec::with_capacity(names.len());
    for (index, name) in names {
        admission::check_collection(call, index, name)?;
        let collection = place::find_collection(call, index, name).await?;
        if waited {
            let refreshes = &call.app.refreshes;
            refreshes.refresh(Some(&*view), &collection).await?;
        }
        collections.push(collection);
    }
    Ok((view, collections))
}
