//! Counts what test binaries report. Reads libtest's closing lines; never guesses a count.

use std::ops::AddAssign;

/// Tests that passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tally {
    /// Reads `test result: ok. 3 passed; 1 failed; 0 ignored; …`; nothing else is a result.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let (_, counts) = line
            .trim()
            .strip_prefix("test result: ")?
            .split_once(". ")?;
        let mut tally = Self::default();
        for part in counts.split("; ") {
            let (number, what) = part.split_once(' ')?;
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => tally.passed = number,
                "failed" => tally.failed = number,
                "ignored" => tally.ignored = number,
                _ => {}
            }
        }
        Some(tally)
    }

    /// Something that is no test failed: a check, a build, a binary that ended without a result.
    pub(crate) fn failure() -> Self {
        Self {
            failed: 1,
            ..Self::default()
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn reads_closing_lines_and_only_those() {
        let read = Tally::read(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s",
        );
        assert_eq!(
            read,
            Some(Tally {
                passed: 12,
                failed: 0,
                ignored: 1
            })
        );
        let failed = Tally::read(
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        );
        assert_eq!(
            failed,
            Some(Tally {
                passed: 1,
                failed: 2,
                ignored: 0
            })
        );
        for other in [
            "test a ... ok",
            "running 3 tests",
            "",
            "12 passed, 0 failed",
            "test result: odd",
        ] {
            assert_eq!(Tally::read(other), None, "{other}");
        }
    }

    #[test]
    fn sums() {
        let mut sum = Tally {
            passed: 1,
            failed: 0,
            ignored: 0,
        };
        sum += Tally {
            passed: 2,
            failed: 3,
            ignored: 4,
        };
        sum += Tally::failure();
        assert_eq!(
            sum,
            Tally {
                passed: 3,
                failed: 4,
                ignored: 4
            }
        );
    }
}
