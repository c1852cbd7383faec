//! A patch over requests with sealed members is kept with each item of its job, sealed for the item's
//! key: no job holds such values in the open, and an erasure reaches them.

use crate::{
    app::App,
    error::{Code, Problem},
};
use replay::{JobItem, JobOrder, JsonPatch};
use sealing::ValuePlace;

const PLACE: ValuePlace<'_> = ValuePlace {
    kind: "patch",
    within: "replay",
    field: "",
};

/// Seals the order's patch for each item, if an operation of theirs has sealed members.
pub(super) async fn seal_patch(
    app: &App,
    order: &mut JobOrder,
    items: &mut [JobItem],
) -> Result<(), Problem> {
    let Some(patch) = &order.patch else {
        return Ok(());
    };
    let catalog = app.ports.catalog.current();
    let marks = catalog.sealed();
    if items
        .iter()
        .all(|item| marks.request(&item.operation).is_empty())
    {
        return Ok(());
    }
    let text = serde_json::to_string(patch).expect("a patch is plain JSON");
    for item in items.iter_mut().filter(|item| item.is_pending()) {
        let subject = app.ports.sealing.access(&item.key).await?;
        // Of an erased subject nothing is kept, and its item is refused.
        let sealed = subject.key.map(|key| key.seal(PLACE, &text));
        item.patch = Some(sealed.unwrap_or_default());
    }
    order.patch = Some(patch.masked());
    Ok(())
}

/// The patch of an item; `None`: its subject was erased.
pub(super) async fn open_patch(
    app: &App,
    item: &JobItem,
    of_order: &JsonPatch,
) -> Result<Option<JsonPatch>, Problem> {
    let Some(sealed) = &item.patch else {
        return Ok(Some(of_order.clone()));
    };
    let subject = app.ports.sealing.access(&item.key).await?;
    let Some(text) = subject.key.and_then(|key| key.open(PLACE, sealed)) else {
        return Ok(None);
    };
    let damaged = |error: serde_json::Error| Problem::new(Code::Damaged, error.to_string());
    serde_json::from_str(&text).map(Some).map_err(damaged)
}
