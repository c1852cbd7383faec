//! The stages of a run: heading, time, count, and the summary at the end. Runs nothing by
//! itself.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::tally::Tally;

pub(crate) struct Timeline {
    began: Instant,
    stages: Vec<(String, Duration, Tally)>,
    pub(crate) total: Tally,
}

impl Timeline {
    pub(crate) fn start() -> Self {
        Self {
            began: Instant::now(),
            stages: Vec::new(),
            total: Tally::default(),
        }
    }

    /// Runs a stage that later ones need: its error ends the run.
    pub(crate) fn stage(&mut self, name: &str, work: impl FnOnce() -> Result<Tally>) -> Result<()> {
        println!("\n== {name}");
        let began = Instant::now();
        let done = work();
        let tally = *done.as_ref().unwrap_or(&Tally::default());
        println!("== {name}: {:.1} s", began.elapsed().as_secs_f64());
        self.stages.push((name.to_owned(), began.elapsed(), tally));
        self.total += tally;
        done.map(drop)
    }

    /// Runs a check that nothing later needs: counts only if it fails.
    pub(crate) fn check(&mut self, name: &str, work: impl FnOnce() -> Result<bool>) {
        let judged = || match work() {
            Ok(true) => Tally::default(),
            Ok(false) => Tally::failure(),
            Err(e) => (eprintln!("{e:#}"), Tally::failure()).1,
        };
        drop(self.stage(name, || Ok(judged())));
    }

    /// Prints the summary of a run that has no tests. True if nothing failed.
    pub(crate) fn close_checks(&self) -> bool {
        self.summary();
        if self.total.failed == 0 {
            println!("all checks passed");
        } else {
            println!("{} checks failed", self.total.failed);
        }
        self.total.failed == 0
    }

    /// Prints the summary; the count stands alone on the last line. True if nothing failed and
    /// something passed.
    pub(crate) fn close(&self) -> bool {
        self.summary();
        if self.total.ignored > 0 {
            println!("{} tests are marked to be ignored", self.total.ignored);
        }
        println!("{} passed, {} failed", self.total.passed, self.total.failed);
        self.total.failed == 0 && self.total.passed > 0
    }

    fn summary(&self) {
        println!("\n== Summary");
        for (name, time, tally) in &self.stages {
            let failed = if tally.failed > 0 {
                format!(", {} failed", tally.failed)
            } else {
                String::new()
            };
            let passed = if tally.passed > 0 {
                format!(", {} passed", tally.passed)
            } else {
                String::new()
            };
            println!("{:>8.1} s  {name}{passed}{failed}", time.as_secs_f64());
        }
        println!("{:>8.1} s  in all", self.began.elapsed().as_secs_f64());
    }
}
