//! What became of a load, in numbers, with the first lines that were refused.

use super::{chunk::Refusal, send::SentChunk};
use serde::Serialize;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Refused lines that are shown one by one.
const SHOWN: usize = 10;

#[derive(Debug, Serialize)]
pub struct Summary {
    pub accepted: u64,
    pub refused: u64,
    /// How many, by code.
    pub codes: BTreeMap<String, u64>,
    pub first_refused: Vec<Refusal>,
    /// Lines that an earlier run had done.
    pub before: u64,
    pub seconds: f64,
    pub lines_per_second: f64,
    /// Seconds from the last acknowledgement until all was applied, where that was waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<f64>,
    /// A read with `after=` each of these sees everything that was loaded; one for each chunk.
    #[serde(skip)]
    pub tokens: Vec<String>,
    #[serde(skip)]
    began: Instant,
}

impl Summary {
    pub fn new(before: u64) -> Self {
        Self {
            accepted: 0,
            refused: 0,
            codes: BTreeMap::new(),
            first_refused: Vec::new(),
            before,
            seconds: 0.0,
            lines_per_second: 0.0,
            applied: None,
            tokens: Vec::new(),
            began: Instant::now(),
        }
    }

    pub fn take(&mut self, sent: SentChunk) {
        self.accepted += sent.accepted;
        self.refused += sent.refused.len() as u64;
        for refusal in sent.refused {
            *self.codes.entry(refusal.code.clone()).or_default() += 1;
            if self.first_refused.len() < SHOWN {
                self.first_refused.push(refusal);
            }
        }
        self.tokens.extend(sent.token);
        self.finish_rate();
    }

    pub fn finish(&mut self) {
        if self.seconds == 0.0 {
            self.finish_rate();
        }
    }

    fn finish_rate(&mut self) {
        self.seconds = self.began.elapsed().as_secs_f64();
        self.lines_per_second = (self.accepted + self.refused) as f64 / self.seconds.max(0.001);
    }

    pub fn text(&self) -> String {
        let mut text = format!(
            "{} accepted, {} refused in {:.1} s ({:.0} lines a second)",
            self.accepted, self.refused, self.seconds, self.lines_per_second
        );
        if self.before > 0 {
            text += &format!("; {} lines were done before", self.before);
        }
        if let Some(seconds) = self.applied {
            text += &format!("; all applied {seconds:.1} s later");
        }
        text.push('\n');
        for (code, count) in &self.codes {
            text += &format!("  {count} times {code}\n");
        }
        for refusal in &self.first_refused {
            text += &format!(
                "  line {}: {}: {}\n",
                refusal.line, refusal.code, refusal.detail
            );
        }
        text
    }
}
