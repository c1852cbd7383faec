//! How far an audit is, on a terminal. Never in the way of a result.

use audit::{AuditPhase, AuditReport};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

const TEMPLATE: &str = "{bar:32} {percent:>3}%  {msg}";
const STEPS: u64 = 10_000;

pub struct AuditProgress(ProgressBar);

impl AuditProgress {
    pub fn new(json: bool) -> Self {
        let target = if std::io::stderr().is_terminal() && !json {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self(bar)
    }

    pub fn at(&self, phase: AuditPhase, report: &AuditReport) {
        let phase = match phase {
            AuditPhase::Reading(partition) => format!("reading partition {partition}"),
            AuditPhase::Undecided => "looking for events that were never decided".to_owned(),
            AuditPhase::LookingUp => "looking documents up in the log".to_owned(),
            AuditPhase::Comparing => "comparing".to_owned(),
        };
        self.told(&phase, report.fraction(), report);
    }

    pub fn told(&self, phase: &str, done: f64, report: &AuditReport) {
        let counts = &report.counts;
        let looked = counts.documents + counts.rows + counts.requests;
        self.0.set_position((done * STEPS as f64) as u64);
        self.0.set_message(format!(
            "{phase}: {looked} compared, {} found",
            report.findings.len() as u64 + report.more_findings
        ));
    }

    pub fn note(&self, text: &str) {
        self.0.println(text);
    }

    pub fn end(&self) {
        self.0.finish_and_clear();
    }
}
