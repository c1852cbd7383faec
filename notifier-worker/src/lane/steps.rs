//! How far a partition is told before and after each of the things that a batch tells. Pure.

use event_schema::{
    notification::{Event, FeedPosition},
    offset::{ChangesOffset, InformativeOffset},
};

/// Walks through a batch's notifications in order.
pub(super) struct Steps {
    position: FeedPosition,
}

impl Steps {
    /// `sent`: everything before it was sent before the batch. What a batch of `changes` tells
    /// moves on from record to record by itself.
    pub fn from(sent: FeedPosition) -> Self {
        Self { position: sent }
    }

    /// Where the partition is before the next notification of this record, and after it.
    pub fn over(&mut self, record: u64, event: Event) -> (FeedPosition, FeedPosition) {
        match event {
            Event::Write | Event::Delete => {
                let record = ChangesOffset::new(record);
                if self.position.next != record {
                    self.position = FeedPosition {
                        next: record,
                        emitted: 0,
                        ..self.position
                    };
                }
                let before = self.position;
                self.position.emitted += 1;
                (before, self.position)
            }
            Event::Publish => {
                let before = FeedPosition {
                    informative: InformativeOffset::new(record),
                    ..self.position
                };
                self.position.informative = InformativeOffset::new(record).next();
                (before, self.position)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_tells_much_is_told_bit_by_bit() {
        let sent = FeedPosition {
            resume: ChangesOffset::new(5),
            epoch: None,
            next: ChangesOffset::new(9),
            emitted: 0,
            informative: InformativeOffset::new(3),
        };
        let mut steps = Steps::from(sent);
        let at = |next, emitted| FeedPosition {
            next: ChangesOffset::new(next),
            emitted,
            ..sent
        };
        assert_eq!(steps.over(6, Event::Write), (at(6, 0), at(6, 1)));
        assert_eq!(steps.over(6, Event::Delete), (at(6, 1), at(6, 2)));
        assert_eq!(steps.over(8, Event::Write), (at(8, 0), at(8, 1)));
    }

    #[test]
    fn messages_leave_changes_where_they_are() {
        let sent = FeedPosition {
            resume: ChangesOffset::new(5),
            epoch: None,
            next: ChangesOffset::new(9),
            emitted: 0,
            informative: InformativeOffset::new(3),
        };
        let mut steps = Steps::from(sent);
        let at = |informative| FeedPosition {
            informative: InformativeOffset::new(informative),
            ..sent
        };
        assert_eq!(steps.over(4, Event::Publish), (at(4), at(5)));
        assert_eq!(steps.over(7, Event::Publish), (at(7), at(8)));
    }
}
