//! Values that only one key may have. A store keeps one text under each value's name and replaces it
//! conditionally; who holds a value, and who may take it, is decided here and nowhere else.
//! See ADR 22.
//!
//! A holder is a pointer: whether it counts, the ledger says (it does not once the request was
//! refused or died). Its place in the log orders what one key takes and lets go: a late release
//! never takes away what the key has taken again since, and a late taker never takes back what its
//! own key has let go.

use crate::{Record, StoreError, Swapped};
use event_schema::{
    decision::UniqueValue,
    id::{EntityKey, RequestId},
    position::Position,
};
use serde::{Deserialize, Serialize};

/// Whose a value is, and since which event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub key: EntityKey,
    pub request: RequestId,
    /// Orders the events of one key.
    place: u64,
    /// It was let go by this event: anyone but an older event of the key may take it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    released: bool,
}

impl Holder {
    pub fn new(key: &EntityKey, request: &RequestId, position: &Position) -> Self {
        Self {
            key: key.clone(),
            request: *request,
            place: u64::from(position.generation) << 48 | position.offset.get(),
            released: false,
        }
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("a holder is made of JSON types")
    }
}

/// Whose a value is after it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueOutcome {
    /// Ours, from now on or already.
    Ours,
    /// Another key holds it, or a later event of our own key has let it go.
    Theirs(Holder),
}

/// Under which name a store keeps the holder: the same for all of a deployment.
fn value_name(value: &UniqueValue) -> String {
    format!("{}/{}", value.space, value.value)
}

/// Takes a value, unless another key holds it; `over` is a holder that is known not to count.
pub async fn take_value(
    record: &dyn Record,
    value: &UniqueValue,
    us: &Holder,
    over: Option<&Holder>,
) -> Result<ValueOutcome, StoreError> {
    let name = value_name(value);
    let mut stands = held_text(record, &name).await?;
    loop {
        if let Some(text) = &stands {
            let holder = parse_holder(record, &name, text)?;
            let is_ours = holder.key == us.key;
            match (is_ours, holder.released) {
                (true, false) if holder.place >= us.place => return Ok(ValueOutcome::Ours),
                (true, true) if holder.place >= us.place => {
                    return Ok(ValueOutcome::Theirs(holder));
                }
                (true, _) | (false, true) => {}
                (false, false) if over == Some(&holder) => {}
                (false, false) => return Ok(ValueOutcome::Theirs(holder)),
            }
        }
        match record
            .swap_value(&name, stands.as_deref(), &us.text())
            .await?
        {
            Swapped::Done => return Ok(ValueOutcome::Ours),
            Swapped::Stands(other) => stands = other,
        }
    }
}

/// Lets a value go, if it still is what this event or an earlier one of its key took.
pub async fn release_value(
    record: &dyn Record,
    value: &UniqueValue,
    us: &Holder,
) -> Result<(), StoreError> {
    let name = value_name(value);
    let mut stands = held_text(record, &name).await?;
    let gone = Holder {
        released: true,
        ..us.clone()
    };
    loop {
        let Some(text) = &stands else {
            return Ok(());
        };
        let holder = parse_holder(record, &name, text)?;
        if holder.key != us.key || holder.released || holder.place > us.place {
            return Ok(());
        }
        match record.swap_value(&name, Some(text), &gone.text()).await? {
            Swapped::Done => return Ok(()),
            Swapped::Stands(other) => stands = other,
        }
    }
}

/// The keys that hold these values, one answer per value in order. A hint: it may have changed by
/// the time it is used.
pub async fn find_owners(
    record: &dyn Record,
    values: &[UniqueValue],
) -> Result<Vec<Option<EntityKey>>, StoreError> {
    let names: Vec<String> = values.iter().map(value_name).collect();
    let texts = record.held_values(&names).await?;
    let owner = |(name, text): (&String, Option<String>)| {
        let holder = text
            .map(|text| parse_holder(record, name, &text))
            .transpose()?;
        Ok(holder
            .filter(|holder| !holder.released)
            .map(|holder| holder.key))
    };
    names.iter().zip(texts).map(owner).collect()
}

async fn held_text(record: &dyn Record, name: &String) -> Result<Option<String>, StoreError> {
    let found = record.held_values(std::slice::from_ref(name)).await?;
    Ok(found.into_iter().next().flatten())
}

fn parse_holder(record: &dyn Record, name: &str, text: &str) -> Result<Holder, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged {
        store: record.name(),
        why: format!("the holder of {name}: {error}"),
    })
}
