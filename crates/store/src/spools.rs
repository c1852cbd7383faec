//! Which spools of a deployment hold events that the log does not have, so that any gateway can say
//! of a request that nobody knows whether it may still come. One text of the record store, replaced
//! conditionally: a row for each spool that is not empty.

use crate::{Record, StoreError, Swapped};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// No value of a catalog has such a name: those have a `/`.
const NAME: &str = "spools";

/// A spool that is not empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingSpool {
    /// Unix milliseconds: since when it has held something.
    pub since: i64,
    /// What it holds is not applied any more after this, Unix milliseconds.
    pub until: i64,
}

type Rows = BTreeMap<String, HoldingSpool>;

/// The spools that hold something, by id; none whose time is over.
pub async fn holding_spools(record: &dyn Record, now: i64) -> Result<Rows, StoreError> {
    let mut rows = parse_rows(record, stored_rows(record).await?.as_deref())?;
    rows.retain(|_, row| row.until > now);
    Ok(rows)
}

/// Says that a spool holds something.
pub async fn set_holding(
    record: &dyn Record,
    spool: &str,
    row: &HoldingSpool,
) -> Result<(), StoreError> {
    change_rows(record, |rows| {
        rows.retain(|_, one| one.until > row.since);
        rows.insert(spool.to_owned(), row.clone()).as_ref() != Some(row)
    })
    .await
}

/// Says that all of a spool is in the log.
pub async fn set_empty(record: &dyn Record, spool: &str) -> Result<(), StoreError> {
    change_rows(record, |rows| rows.remove(spool).is_some()).await
}

/// `edit`: did it change anything?
async fn change_rows(
    record: &dyn Record,
    edit: impl Fn(&mut Rows) -> bool,
) -> Result<(), StoreError> {
    let mut stands = stored_rows(record).await?;
    loop {
        let mut rows = parse_rows(record, stands.as_deref())?;
        if !edit(&mut rows) {
            return Ok(());
        }
        let text = serde_json::to_string(&rows).expect("rows are plain JSON");
        match record.swap_value(NAME, stands.as_deref(), &text).await? {
            Swapped::Done => return Ok(()),
            Swapped::Stands(other) => stands = other,
        }
    }
}

async fn stored_rows(record: &dyn Record) -> Result<Option<String>, StoreError> {
    let found = record.held_values(&[NAME.to_owned()]).await?;
    Ok(found.into_iter().next().flatten())
}

fn parse_rows(record: &dyn Record, text: Option<&str>) -> Result<Rows, StoreError> {
    let rows = text.map_or(Ok(Rows::new()), serde_json::from_str);
    rows.map_err(|error| StoreError::Damaged {
        store: record.name(),
        why: format!("the rows of spools: {error}"),
    })
}
