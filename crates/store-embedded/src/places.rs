//! The numbers by which the file knows incarnations of collections. One is made within the
//! transaction that first writes to its incarnation, and never given to another.

use rusqlite::{Connection, OptionalExtension as _};

const FIND: &str = "SELECT place FROM places WHERE idx = ? AND collection = ? AND incarnation = ?";

/// The number of a collection's incarnation, if anything was ever written to it.
pub(crate) fn collection_place(
    connection: &Connection,
    index: &str,
    collection: &str,
    incarnation: &str,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(FIND)?
        .query_row([index, collection, incarnation], |row| row.get(0))
        .optional()
}

/// Few collections are written at a time, and a batch mostly stays in one: the last one found is
/// looked at first.
#[derive(Default)]
pub(crate) struct Places {
    known: Vec<([String; 3], i64)>,
    last: usize,
}

/// More than this many are forgotten and looked up again.
const MOST_PLACES: usize = 1_000;

impl Places {
    fn find(&mut self, name: [&str; 3]) -> Option<i64> {
        let is = |(known, _): &([String; 3], i64)| {
            known
                .iter()
                .rev()
                .zip(name.iter().rev())
                .all(|(known, name)| known == name)
        };
        if !self.known.get(self.last).is_some_and(is) {
            self.last = self.known.iter().position(is)?;
        }
        Some(self.known[self.last].1)
    }

    fn learn(&mut self, name: [&str; 3], place: i64) {
        if self.known.len() >= MOST_PLACES {
            self.known.clear();
        }
        self.last = self.known.len();
        self.known.push((name.map(str::to_owned), place));
    }

    /// The number, made when the incarnation is first written to.
    pub fn find_or_make(
        &mut self,
        connection: &Connection,
        name: [&str; 3],
    ) -> rusqlite::Result<i64> {
        if let Some(place) = self.find(name) {
            return Ok(place);
        }
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO places (idx, collection, incarnation) VALUES (?, ?, ?)",
            )?
            .execute(name)?;
        let place = connection
            .prepare_cached(FIND)?
            .query_row(name, |row| row.get(0))?;
        self.learn(name, place);
        Ok(place)
    }

    /// After a transaction that failed: it may have taken back numbers that it made.
    pub fn forget_all(&mut self) {
        self.known.clear();
    }
}
