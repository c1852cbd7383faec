//! A run for people: what was planned, how it goes, what came of it.

use crate::output::format_table;
use ::torture::{
    plan::PlannedFault,
    run::{TortureObserver, TortureProgress, TortureReport, TortureVerdict},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Arc;

/// Findings that are shown; all of them are in the JSON.
const SHOWN: usize = 30;

/// The line that moves, and lines above it.
#[derive(Clone, Debug)]
pub(super) struct TortureLines {
    bar: ProgressBar,
    is_quiet: bool,
}

impl TortureLines {
    pub(super) fn new(is_quiet: bool) -> Self {
        let bar = if is_quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new_spinner()
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        Self { bar, is_quiet }
    }

    pub(super) fn observer(&self) -> TortureObserver {
        let lines = self.clone();
        Arc::new(move |progress| lines.at(&progress))
    }

    fn at(&self, progress: &TortureProgress<'_>) {
        match progress {
            TortureProgress::Planned(schedule) => self.note(&schedule_text(schedule)),
            TortureProgress::Began(fault) => self.note(&fault.to_string()),
            TortureProgress::Ended(_) => {}
            TortureProgress::Load(count) => {
                self.bar.set_message(format!("{count} writes acknowledged"));
                self.bar.tick();
            }
            TortureProgress::Settling(done, all) => {
                self.bar
                    .set_message(format!("{done} of {all} have their verdict"));
                self.bar.tick();
            }
            TortureProgress::Auditing => self.bar.set_message("auditing"),
        }
    }

    fn note(&self, text: &str) {
        if self.is_quiet {
            return;
        }
        if self.bar.is_hidden() {
            // No terminal: as lines.
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn schedule_text(schedule: &[PlannedFault]) -> String {
    let lines: Vec<String> = schedule.iter().map(ToString::to_string).collect();
    format!("planned:\n{}\n", lines.join("\n"))
}

pub(super) fn report_text(report: &TortureReport) -> String {
    let mut text = format!(
        "seed {}, {} s, {} faults: {} writes acknowledged, {} looks, {} reads by token, {} notifications\n",
        report.seed,
        report.seconds,
        report.schedule.len(),
        report.acknowledged,
        report.looks,
        report.reads,
        report.notifications
    );
    if report.uncertain_keys > 0 {
        let keys = report.uncertain_keys;
        text +=
            &format!("{keys} keys had a write without an answer: only their order was judged\n");
    }
    for remark in &report.remarks {
        text += &format!("remark: {remark}\n");
    }
    match &report.audit {
        None => text += "no audit\n",
        Some(audit) => {
            let findings = audit["findings"].as_array().map_or(0, Vec::len);
            text += &format!("the audit found {findings}\n");
        }
    }
    if report.verdict == TortureVerdict::Passed {
        return text + "nothing was found\n";
    }
    let kinds = report.by_kind.iter();
    let kinds: Vec<String> = kinds
        .map(|(kind, n)| format!("{n} {}", kind.name()))
        .collect();
    text += &format!("found: {}\n\n", kinds.join(", "));
    let rows = report.findings.iter().take(SHOWN).map(|finding| {
        let kind = finding.kind.name().to_owned();
        vec![kind, finding.key.clone(), finding.detail.clone()]
    });
    text += &format_table(&["kind", "key", "why"], &rows.collect::<Vec<_>>());
    if !report.smallest.is_empty() {
        text += &format!(
            "\nthe smallest history that shows one:\n{}\n",
            report.smallest.join("\n")
        );
    }
    text
}
