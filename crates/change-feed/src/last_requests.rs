//! The last requests of a stretch of `changes`. A stretch is long, and only its end is asked for:
//! what falls out on the way must never cost a hash.

use event_schema::{RequestTail, id::RequestId};
use std::collections::VecDeque;

/// What [`RequestTail::push`] would have been told, and no more of it than counts.
#[derive(Debug, Default)]
pub(crate) struct LastRequests {
    /// What was known before the first of `later`.
    earlier: RequestTail,
    /// Each with its distance from the one before; the last at the back.
    later: VecDeque<(u64, RequestId)>,
}

impl LastRequests {
    /// `distance`: at least 1; see [`RequestTail::push`].
    pub fn push(&mut self, distance: u64, request: RequestId) {
        if self.later.len() as u64 == RequestTail::LENGTH {
            self.later.pop_front();
        }
        self.later.push_back((distance, request));
    }

    pub fn tail(&self) -> RequestTail {
        let mut tail = self.earlier;
        for (distance, request) in &self.later {
            tail.push(*distance, request);
        }
        tail
    }
}

impl From<RequestTail> for LastRequests {
    fn from(earlier: RequestTail) -> Self {
        Self {
            earlier,
            later: VecDeque::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LastRequests;
    use event_schema::{RequestTail, id::RequestId, signing::Keyring};

    fn request(byte: u8) -> RequestId {
        RequestId::mint(&Keyring::new(1, *b"0123456789abcdef"), 1, 0, [byte; 16])
    }

    #[test]
    fn the_tail_is_that_of_all_pushes() {
        let mut pushed = RequestTail::default();
        (0..40).for_each(|byte| pushed.push(1, &request(byte)));
        let mut recent = LastRequests::from(pushed);
        assert_eq!(recent.tail(), pushed);
        for byte in 40..140 {
            let distance = 1 + u64::from(byte) % 3 * (u64::from(byte) % 7);
            pushed.push(distance, &request(byte));
            recent.push(distance, request(byte));
            assert_eq!(recent.tail(), pushed, "after {byte}");
        }
    }
}
