//! The last committed bytes of a segment in memory, so that whoever follows a log reads no file.
//! Must never hold more than [`MOST`].

/// Never more than this, and at least half of it once that much was committed.
const MOST: usize = 256 << 10;

#[derive(Default)]
pub(crate) struct Recent {
    /// Position of the first byte.
    start: u64,
    bytes: Vec<u8>,
}

impl Recent {
    /// What follows the last ones.
    pub fn push(&mut self, position: u64, bytes: &[u8]) {
        let follows = self.start + self.bytes.len() as u64 == position;
        if !follows || bytes.len() > MOST / 2 {
            self.bytes.clear();
        }
        if bytes.len() > MOST / 2 {
            return;
        }
        if self.bytes.is_empty() {
            self.start = position;
        }
        if self.bytes.len() + bytes.len() > MOST {
            let dropped = self.bytes.len() - MOST / 2;
            self.bytes.drain(..dropped);
            self.start += dropped as u64;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// All from `position` on, into `buffer`; not if less than `wanted` bytes are there.
    pub fn copy(&self, position: u64, wanted: usize, buffer: &mut Vec<u8>) -> bool {
        let from = position
            .checked_sub(self.start)
            .and_then(|from| usize::try_from(from).ok());
        let Some(found) = from
            .and_then(|from| self.bytes.get(from..))
            .filter(|found| found.len() >= wanted)
        else {
            return false;
        };
        buffer.clear();
        buffer.extend_from_slice(found);
        true
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_was_committed_last_and_bounded() {
        let (mut recent, mut all, mut buffer) = (Recent::default(), vec![0; 40], Vec::new());
        for round in 0..400_usize {
            let bytes: Vec<u8> = (0..(round * 37) % 3000)
                .map(|at| u8::try_from((at * 7 + round) % 251).unwrap())
                .collect();
            recent.push(all.len() as u64, &bytes);
            all.extend_from_slice(&bytes);
            assert!(recent.bytes.len() <= MOST);
            let kept = all.len().saturating_sub(MOST / 2).max(40);
            assert!(recent.copy(kept as u64, all.len() - kept, &mut buffer));
            assert_eq!(buffer, all[kept..]);
        }
        assert!(
            !recent.copy(40, 1, &mut buffer),
            "what is long gone is not here"
        );
        assert!(
            !recent.copy(all.len() as u64, 1, &mut buffer),
            "nor what is not committed yet"
        );
    }

    #[test]
    fn a_large_commit_leaves_no_gap() {
        let (mut recent, mut buffer) = (Recent::default(), Vec::new());
        recent.push(40, b"small");
        recent.push(45, &vec![7; MOST]);
        let end = 45 + MOST as u64;
        recent.push(end, b"after");
        assert!(recent.copy(end, 5, &mut buffer));
        assert_eq!(buffer, b"after");
        assert!(!recent.copy(40, 5, &mut buffer));
    }
}
