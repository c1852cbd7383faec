//! Parts: requests that one operation makes of another, accepted by the same rules.

use super::{Accepted, Beside, Invalid, Seed, members_of};
use crate::{expression::Scope, operation::PartOf};
use json_text::ScannedJson;
use serde_json::{Map, Value};

/// The part's event, whole: its ids derive from the parent's, its time is the parent's.
pub(crate) fn accept_part(
    part: &PartOf,
    scope: &Scope<'_>,
    seed: &Seed,
) -> Result<Accepted, Invalid> {
    let request = scope.value(&part.request)?.unwrap_or_default();
    let looked = part.looked.as_ref().map(|looked| scope.value(looked));
    let beside = Beside {
        principal: scope.principal,
        looked: match looked.transpose()?.flatten() {
            Some(Value::Object(looked)) => looked,
            Some(_) | None => Map::new(),
        },
    };
    let request = ScannedJson::from(&request);
    let members = members_of(&request)?;
    part.operation
        .accept_one(request.text(), &members, seed, &beside)
}
