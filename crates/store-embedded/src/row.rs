//! A row's state, as a set of timed writes in which the order of arrival does not count: each cell
//! keeps its newest write, a removal hides everything up to its time, an expired cell hides what is
//! older than it. Pure; it must give the same state for the same writes in any order and
//! repetition.
//!
//! In the file: `newest` is the time of the cells in `cells` (which share `expires` with the row's
//! marker, written at `marker`), `older` has the cells of other times or expiries as `{name: [time,
//! value, expires]}`, and nothing at or before `cleared` counts. Times are versions with their step
//! (`Version::timestamp`), so 0 is before all.

pub(crate) mod columns;

use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt::Write as _};
use store::document::StoredRow;

/// One cell's newest write; no value is a tombstone.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub time: i64,
    pub value: Option<Value>,
    pub expires: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub cleared: i64,
    /// The row is there even without cells: when that was last written, and until when it holds.
    pub marker: i64,
    pub expires: Option<i64>,
    pub cells: BTreeMap<String, Cell>,
}

/// A row's columns in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub newest: i64,
    pub cleared: i64,
    pub marker: i64,
    pub expires: Option<i64>,
    pub cells: String,
    pub older: Option<String>,
}

/// What a mutation does, by its time.
#[derive(Clone, Debug)]
pub enum Change {
    /// Everything at or before this time goes.
    Remove,
    /// Everything before goes, and these cells stand.
    Put(Vec<(String, Option<Value>)>),
    Merge(Vec<(String, Option<Value>)>),
}

impl State {
    pub fn apply(&mut self, change: Change, time: i64, expires: Option<i64>) {
        let cells = match change {
            Change::Remove => return self.clear(time),
            Change::Put(cells) => {
                self.clear(time - 1);
                // The clearing says it already.
                cells
                    .into_iter()
                    .filter(|(_, value)| value.is_some())
                    .collect()
            }
            Change::Merge(cells) => cells,
        };
        if time <= self.cleared {
            return;
        }
        if (time, expires) > (self.marker, self.expires) {
            (self.marker, self.expires) = (time, expires);
        }
        for (name, value) in cells {
            let new = Cell {
                time,
                value,
                expires,
            };
            match self.cells.get_mut(&name) {
                Some(stands) if !new.wins_over(stands) => {}
                Some(stands) => *stands = new,
                None => drop(self.cells.insert(name, new)),
            }
        }
    }

    fn clear(&mut self, time: i64) {
        if time <= self.cleared {
            return;
        }
        self.cleared = time;
        self.cells.retain(|_, cell| cell.time > time);
        if self.marker <= time {
            (self.marker, self.expires) = (0, None);
        }
    }

    /// The row as it is read at `now`, without its key.
    pub fn read(&self, now: i64) -> Option<StoredRow> {
        let holds = |expires: &Option<i64>| expires.is_none_or(|end| end > now);
        let alive = self.cells.iter().filter(|(_, cell)| holds(&cell.expires));
        let alive = alive.filter_map(|(name, cell)| Some((name, cell.value.as_ref()?, cell)));
        let marker = (self.marker > 0).then_some(self.expires).filter(holds);
        // No deadline is later than any.
        let last = |last: Option<i64>, next: Option<i64>| Some(last?.max(next?));
        let ends = marker.into_iter();
        let ends = ends.chain(alive.clone().map(|(_, _, cell)| cell.expires));
        let expires = ends.reduce(last)?;
        let cells = alive.map(|(name, value, _)| (name.clone(), value.clone()));
        Some(StoredRow {
            cells: cells.collect(),
            expires,
        })
    }

    /// What a first write leaves, without the detour over a state.
    pub fn first(change: &Change, time: i64, expires: Option<i64>) -> Stored {
        let stored = |cleared: i64, marker: i64, cells: String| Stored {
            newest: time,
            cleared,
            marker,
            expires,
            cells,
            older: None,
        };
        match change {
            Change::Remove => Stored {
                expires: None,
                ..stored(time, 0, "{}".to_owned())
            },
            Change::Put(cells) => stored(
                time - 1,
                time,
                cells_json(cells.iter().filter(|(_, value)| value.is_some())),
            ),
            Change::Merge(cells) => stored(0, time, cells_json(cells.iter())),
        }
    }

    pub fn store(&self) -> Stored {
        let newest = self
            .cells
            .values()
            .map(|cell| cell.time)
            .chain([self.marker, self.cleared])
            .max()
            .unwrap_or(0);
        let (mut cells, mut older) = (Map::new(), Map::new());
        for (name, cell) in &self.cells {
            if cell.time == newest && cell.expires == self.expires {
                cells.insert(name.clone(), cell.value.clone().unwrap_or(Value::Null));
            } else {
                older.insert(
                    name.clone(),
                    serde_json::json!([cell.time, cell.value, cell.expires]),
                );
            }
        }
        let older = (!older.is_empty()).then(|| Value::Object(older).to_string());
        Stored {
            newest,
            cleared: self.cleared,
            marker: self.marker,
            expires: self.expires,
            cells: Value::Object(cells).to_string(),
            older,
        }
    }
}

/// JSON text of these cells; tombstones are nulls.
fn cells_json<'c>(cells: impl Iterator<Item = &'c (String, Option<Value>)>) -> String {
    let mut text = String::from("{");
    for (name, value) in cells {
        let comma = if text.len() > 1 { "," } else { "" };
        let name = serde_json::to_string(name).expect("text is plain JSON");
        match value {
            Some(value) => write!(text, "{comma}{name}:{value}"),
            None => write!(text, "{comma}{name}:null"),
        }
        .expect("text grows");
    }
    text.push('}');
    text
}

impl Cell {
    /// Of two writes at one time (which only a mistake can make) always the same one wins,
    /// whichever came first.
    fn wins_over(&self, other: &Self) -> bool {
        let rank = |cell: &Self| (cell.time, cell.value.is_none(), cell.expires);
        match rank(self).cmp(&rank(other)) {
            std::cmp::Ordering::Equal => {
                self.value.as_ref().map(Value::to_string)
                    > other.value.as_ref().map(Value::to_string)
            }
            ordering => ordering.is_gt(),
        }
    }
}

impl Stored {
    /// What was stored, or why it cannot be read.
    pub fn state(&self) -> Result<State, serde_json::Error> {
        let mut state = State {
            cleared: self.cleared,
            marker: self.marker,
            expires: self.expires,
            cells: BTreeMap::new(),
        };
        for (name, value) in serde_json::from_str::<Map<String, Value>>(&self.cells)? {
            let value = (!value.is_null()).then_some(value);
            state.cells.insert(
                name,
                Cell {
                    time: self.newest,
                    value,
                    expires: self.expires,
                },
            );
        }
        if let Some(older) = &self.older {
            for (name, (time, value, expires)) in
                serde_json::from_str::<BTreeMap<String, (i64, Option<Value>, Option<i64>)>>(older)?
            {
                state.cells.insert(
                    name,
                    Cell {
                        time,
                        value,
                        expires,
                    },
                );
            }
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests;
