//! Events that come often are counted, and logged once a minute with their count. Bounded: beyond, they are
//! counted by their kind alone.

use crate::event::SecurityEvent;
use event_schema::codec::rfc3339;
use std::collections::HashMap;

/// Different ones a minute.
const MOST: usize = 1_000;

struct EventCount {
    event: SecurityEvent,
    count: u64,
    /// Unix milliseconds.
    first: i64,
}

#[derive(Default)]
pub(crate) struct CountedEvents {
    different: HashMap<String, EventCount>,
    others: HashMap<&'static str, EventCount>,
}

impl CountedEvents {
    /// One more.
    pub(crate) fn count(&mut self, event: SecurityEvent, now: i64) {
        let key = format!("{event:?}");
        let is_known = self.different.contains_key(&key);
        let kind = event.kind;
        let fresh = |event| EventCount {
            event,
            count: 0,
            first: now,
        };
        let counted = if is_known || self.different.len() < MOST {
            self.different.entry(key).or_insert_with(|| fresh(event))
        } else {
            let other = || fresh(SecurityEvent::new(kind).with("others", true));
            self.others.entry(kind.name).or_insert_with(other)
        };
        counted.count += 1;
    }

    /// What was counted, in the order of the first times; nothing is counted afterwards.
    pub(crate) fn take_events(&mut self) -> Vec<SecurityEvent> {
        let different = self.different.drain().map(|(_, counted)| counted);
        let others = self.others.drain().map(|(_, counted)| counted);
        let mut all: Vec<EventCount> = different.chain(others).collect();
        all.sort_by(|a, b| (a.first, a.event.kind.name).cmp(&(b.first, b.event.kind.name)));
        let told = |counted: EventCount| {
            let event = counted.event.with("count", counted.count);
            event.with("since", rfc3339(counted.first))
        };
        all.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKind;

    fn failed(user: &str) -> SecurityEvent {
        SecurityEvent::new(EventKind::LOGIN_FAILED).about(user)
    }

    #[test]
    fn equal_events_are_one_with_a_count() {
        let mut counted = CountedEvents::default();
        for n in 0..5 {
            counted.count(failed("a"), 1_000 + n);
        }
        counted.count(failed("b"), 2_000);
        let events = counted.take_events();
        let of = |n: usize| {
            (
                events[n].subject.clone().unwrap(),
                events[n].detail["count"].clone(),
            )
        };
        assert_eq!(of(0), ("a".into(), 5.into()));
        assert_eq!(of(1), ("b".into(), 1.into()));
        assert_eq!(events[0].detail["since"], "1970-01-01T00:00:01Z");
        assert!(counted.take_events().is_empty());
    }

    #[test]
    fn a_flood_of_different_ones_is_counted_together() {
        let mut counted = CountedEvents::default();
        for n in 0..5_000 {
            counted.count(failed(&n.to_string()), 0);
        }
        let events = counted.take_events();
        assert_eq!(events.len(), MOST + 1);
        let others = events
            .iter()
            .find(|event| event.detail.contains_key("others"));
        assert_eq!(others.unwrap().detail["count"], 4_000);
    }
}
