//! How long each test of a binary took, without asking it for more than it prints. A test binary
//! runs its tests in the order of its list, so many at a time, and names each when it ends; so the
//! next one began at that moment. Never changes how tests run.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

#[derive(Debug)]
pub(super) struct Stopwatch {
    waiting: VecDeque<String>,
    running: BTreeMap<String, Instant>,
}

impl Stopwatch {
    /// `tests` in their order, so many `at_once`.
    pub(super) fn start(tests: &[String], at_once: usize, now: Instant) -> Self {
        let mut watch = Self {
            waiting: tests.iter().cloned().collect(),
            running: BTreeMap::new(),
        };
        for _ in 0..at_once {
            watch.begin_next(now);
        }
        watch
    }

    /// A line that it printed; the test that ended with it, and its time.
    pub(super) fn line(&mut self, line: &str, now: Instant) -> Option<(String, Duration)> {
        let name = ended(line)?;
        let began = self.running.remove(name)?;
        self.begin_next(now);
        Some((name.to_owned(), now.saturating_duration_since(began)))
    }

    /// What has begun and not ended, with the times so far.
    pub(super) fn running(&self, now: Instant) -> Vec<(String, Duration)> {
        let so_far = |(name, began): (&String, &Instant)| {
            (name.clone(), now.saturating_duration_since(*began))
        };
        self.running.iter().map(so_far).collect()
    }

    fn begin_next(&mut self, now: Instant) {
        if let Some(next) = self.waiting.pop_front() {
            self.running.insert(next, now);
        }
    }
}

/// `test NAME ... ok`, `FAILED` or `ignored`.
fn ended(line: &str) -> Option<&str> {
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let known = ["ok", "FAILED", "ignored"];
    let is_result = known.iter().any(|word| result.starts_with(word));
    is_result.then(|| {
        name.strip_suffix(" - should panic")
            .unwrap_or(name)
            .trim_end()
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Stopwatch;

    #[test]
    fn a_test_begins_when_one_before_it_ends() {
        let zero = Instant::now();
        let at = |seconds| zero + Duration::from_secs(seconds);
        let tests = ["a", "b", "c", "d"].map(str::to_owned);
        let mut watch = Stopwatch::start(&tests, 2, zero);
        let mut line = |text: &str, second| {
            let ended = watch.line(text, at(second));
            ended.map(|(name, time)| format!("{name} {}", time.as_secs()))
        };
        assert_eq!(line("running 4 tests", 0), None);
        assert_eq!(line("test b ... ok", 3).as_deref(), Some("b 3"));
        assert_eq!(line("test b has been running for over 60 seconds", 3), None);
        assert_eq!(
            line("test c - should panic ... ok", 5).as_deref(),
            Some("c 2")
        );
        assert_eq!(line("test a ... FAILED", 6).as_deref(), Some("a 6"));
        assert_eq!(line("test z ... ok", 6), None, "not one of them");
        let running = watch.running(at(9));
        assert_eq!(running, [("d".to_owned(), Duration::from_secs(4))]);
    }
}
