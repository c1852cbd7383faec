//! Which versions the log has given, as far as its newest stretch is known: a stored document that
//! names another one shows that the log lost records which had taken effect. It never reads or
//! writes.

use change_feed::Window;
use event_schema::{
    offset::ChangesOffset,
    position::{Position, Version},
};

/// So many of a tenure's own decisions are remembered: a longer tail that was lost, and written
/// anew before anybody looks at what it had changed, is not noticed here.
const OWN: usize = 20_000;

/// Of one partition in one generation.
#[derive(Debug)]
pub(crate) struct GivenVersions {
    generation: u16,
    /// Nothing is known of what lies before.
    from: ChangesOffset,
    /// What each record that stands is about, in the order of the log.
    records: Vec<(ChangesOffset, Position)>,
    /// More than these are not remembered.
    most: usize,
}

impl GivenVersions {
    /// By a window that begins at `from`.
    pub fn of(generation: u16, from: ChangesOffset, window: &Window) -> Self {
        let records: Vec<_> = window.standing_positions().collect();
        Self {
            generation,
            from,
            most: records.len() + OWN,
            records,
        }
    }

    /// A decision of this tenure stands there.
    pub fn give(&mut self, offset: ChangesOffset, position: Position) {
        if self.records.len() < self.most {
            self.records.push((offset, position));
        }
    }

    /// Can a store hold this version of this position? `end`: where `changes` ends for this tenure.
    pub fn may_be_stored(&self, version: Version, position: Position, end: ChangesOffset) -> bool {
        if version >= Version::new(self.generation, end) {
            return false;
        }
        let offset = version.offset();
        if version.generation() != self.generation || offset < self.from {
            return true;
        }
        let found = self.records.binary_search_by_key(&offset, |(at, _)| *at);
        match found {
            Ok(at) => self.records[at].1 == position,
            // It may be one that is not remembered.
            Err(at) => at == self.records.len() && at == self.most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event_schema::offset::TransactionsOffset;

    fn at(offset: u64) -> ChangesOffset {
        ChangesOffset::new(offset)
    }

    fn position(offset: u64) -> Position {
        Position {
            generation: 3,
            partition: 1,
            offset: TransactionsOffset::new(offset),
        }
    }

    fn given() -> GivenVersions {
        let mut given = GivenVersions {
            generation: 3,
            from: at(10),
            records: vec![(at(12), position(5))],
            most: 2,
        };
        given.give(at(20), position(6));
        given.give(at(21), position(7));
        given
    }

    fn stored(generation: u16, offset: u64, by: u64) -> bool {
        let version = Version::new(generation, at(offset));
        given().may_be_stored(version, position(by), at(30))
    }

    #[test]
    fn a_version_names_its_own_decision() {
        assert!(stored(3, 12, 5) && stored(3, 20, 6));
        assert!(!stored(3, 12, 6), "another one's decision stands there");
        assert!(!stored(3, 13, 5), "none stands there");
    }

    #[test]
    fn of_what_is_not_known_nothing_is_said() {
        assert!(stored(3, 9, 5) && stored(2, 13, 5));
        assert!(stored(3, 21, 7), "it was not remembered");
    }

    #[test]
    fn nothing_stands_behind_the_end() {
        assert!(!stored(3, 30, 7) && !stored(4, 1, 7));
    }
}
