//! How far an audit is, on a terminal. Never in the way of a result.

use crate::progress::FractionBar;
use audit::{AuditPhase, AuditReport};

pub struct AuditProgress(FractionBar);

impl AuditProgress {
    pub fn new(json: bool) -> Self {
        Self(FractionBar::new(json))
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
        let found = report.findings.len() as u64 + report.more_findings;
        let text = format!("{phase}: {looked} compared, {found} found");
        self.0.set(done, text);
    }

    pub fn note(&self, text: &str) {
        self.0.note(text);
    }

    pub fn end(&self) {
        self.0.end();
    }
}
