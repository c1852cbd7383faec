//! What a write makes of a row, and whether its table takes it.

use super::{
    RefusalCode, Stop,
    target::{Spot, Subject},
};
use crate::{
    expression::EvalError,
    operation::{Action, Sight},
    table::{ColumnMisfit, check_value, fits_key},
    violation::escape_step,
};
use event_schema::{
    mutation::{RowAction, RowKey, RowMutation},
    outcome::Refusal,
    table::Table,
};
use serde_json::{Map, Value};

/// What a write makes of a row that its spot still holds.
pub(super) struct NewCells {
    action: RowAction,
    cells: Map<String, Value>,
    expires: Option<i64>,
}

impl NewCells {
    /// With the key and the state before, which are moved out of the spot: rows may be large. `None`
    /// of what is no row.
    pub fn of_row(self, spot: Spot<'_>) -> Option<RowMutation> {
        let Subject::Row { key, .. } = spot.subject else {
            return None;
        };
        Some(RowMutation {
            key,
            action: self.action,
            cells: self.cells,
            before: spot.row,
            expires_before: spot.row_expires,
            expires: self.expires,
        })
    }
}

pub(super) fn new_cells(
    spot: &Spot<'_>,
    key: &RowKey,
    table: &Table,
    sight: &Sight<'_>,
) -> Result<NewCells, Stop> {
    let scope = spot.scope(sight);
    let (action, cells) = match &spot.write.action {
        Action::Put(cells) => (RowAction::Put, scope.value(cells)?),
        Action::Merge(cells) => (RowAction::Merge, scope.value(cells)?),
        Action::Remove => (RowAction::Remove, None),
        Action::Upsert { .. } | Action::RemoveFields(_) => {
            return Err(EvalError("only documents can be upserted or lose fields".into()).into());
        }
    };
    let cells = match cells {
        None => Map::new(),
        Some(Value::Object(cells)) => lower_case(cells, table)?,
        Some(_) => {
            return Err(EvalError(format!(
                "the cells of a row of `{}` must be an object",
                table.name
            ))
            .into());
        }
    };
    check_cells(key, &cells, table)?;
    let expires = match &spot.write.expires {
        None => None,
        Some(expires) => scope.find(expires)?.and_then(|at| at.as_i64()),
    };
    Ok(NewCells {
        action,
        cells,
        expires,
    })
}

/// Cells by their columns' names; key columns stand in the key already.
fn lower_case(cells: Map<String, Value>, table: &Table) -> Result<Map<String, Value>, Stop> {
    let mut lower = Map::with_capacity(cells.len());
    for (name, value) in cells {
        let name = lower_case_name(name);
        if table.key().any(|key| key == name) {
            continue;
        }
        if table.column(&name).is_none() {
            let why = format!("the table `{}` has no column `{name}`", table.name);
            return Err(unmappable(&name, "", why));
        }
        lower.insert(name, value);
    }
    Ok(lower)
}

/// Most are lower case already.
fn lower_case_name(name: String) -> String {
    let is_lower = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if name.bytes().all(is_lower) {
        name
    } else {
        name.to_lowercase()
    }
}

/// `at`: within the column's value.
fn unmappable(column: &str, at: &str, message: String) -> Stop {
    Stop::Refused(Refusal {
        code: RefusalCode::Unmappable,
        message,
        rule: None,
        pointer: Some(format!("/{}{at}", escape_step(column))),
    })
}

fn check_cells(key: &RowKey, cells: &Map<String, Value>, table: &Table) -> Result<(), Stop> {
    let misfit = |name: &str, ColumnMisfit { at, why }: ColumnMisfit| {
        let message = format!("column `{name}` of table `{}` {why}", table.name);
        unmappable(name, &at, message)
    };
    for (name, value) in &key.key {
        if let Some(column) = table.column(name) {
            fits_key(&column.kind, value).map_err(|found| misfit(name, found))?;
        }
    }
    for (name, value) in cells.iter().filter(|(_, value)| !value.is_null()) {
        if let Some(column) = table.column(name) {
            check_value(&column.kind, value).map_err(|found| misfit(name, found))?;
        }
    }
    Ok(())
}
