//! When records were spooled, by number, to the second: enough to say how old the oldest is without
//! asking the medium. Must never grow with the records, only with the time for which they wait.

use std::collections::BTreeMap;

/// Two records that were spooled within this, milliseconds, are as old as the first of them.
const GRAIN: i64 = 1_000;

#[derive(Debug, Default)]
pub(crate) struct SpooledTimes(BTreeMap<u64, i64>);

impl SpooledTimes {
    /// The record with this number was spooled then.
    pub fn note(&mut self, number: u64, at: i64) {
        let is_new = match self.0.range(..=number).next_back() {
            Some((_, before)) => (at - before).abs() >= GRAIN,
            None => true,
        };
        if is_new {
            self.0.insert(number, at);
        }
    }

    /// Smaller numbers are not asked for any more.
    pub fn forget_before(&mut self, number: u64) {
        let Some((kept, _)) = self.0.range(..=number).next_back() else {
            return;
        };
        self.0 = self.0.split_off(&kept.clone());
    }

    /// When the record with this number was spooled.
    pub fn spooled_at(&self, number: u64) -> Option<i64> {
        let (_, at) = self.0.range(..=number).next_back()?;
        Some(*at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_known_to_the_second_and_forgotten_from_the_front() {
        let mut times = SpooledTimes::default();
        assert_eq!(times.spooled_at(7), None);
        for number in 0..10_000 {
            times.note(number, 1_000_000 + number as i64);
        }
        assert_eq!(times.0.len(), 10);
        assert_eq!(times.spooled_at(5_500), Some(1_005_000));
        times.forget_before(5_500);
        assert_eq!(times.0.len(), 5);
        assert_eq!(times.spooled_at(5_500), Some(1_005_000));
        // A stretch that is read back later than another was written.
        times.note(7_000, 1_007_000);
        times.note(6_500, 1_006_500);
        assert_eq!(times.spooled_at(9_999), Some(1_009_000));
    }
}
