//! An audit's report for people.

use crate::output::format_table;
use audit::{AuditFinding, AuditReport, Basis, HeldState};

/// Findings that are shown; all of them are in the JSON.
const SHOWN: usize = 50;

pub fn report_text(report: &AuditReport) -> String {
    let counts = &report.counts;
    let mut text = format!(
        "{} documents, {} rows and {} ledger entries compared with the log; {} documents looked up in it; {} accepted events\n",
        counts.documents, counts.rows, counts.requests, counts.looked_up, counts.events
    );
    text += &limits_text(report);
    if report.is_clean() {
        return text + "clean\n";
    }
    if !report.has_findings() {
        return text + "nothing was found, but not everything could be judged\n";
    }
    text + &findings_text(report)
}

/// What was not judged, and why.
fn limits_text(report: &AuditReport) -> String {
    let counts = &report.counts;
    let mut text = String::new();
    if report.sample > 1 {
        text += &format!("a sample: one in {} items\n", report.sample);
    }
    if counts.only_compared > 0 {
        text += &format!(
            "{} documents are older than the log's beginning: only view and record were compared\n",
            counts.only_compared
        );
    }
    if counts.unsettled > 0 {
        text += &format!(
            "{} items kept changing, or are not resolved yet: not judged\n",
            counts.unsettled
        );
    }
    if counts.undecided > 0 {
        text += &format!(
            "{} accepted events are not decided yet: not judged\n",
            counts.undecided
        );
    }
    if counts.too_old > 0 {
        text += &format!(
            "{} events are older than the log's beginning, and the ledger has forgotten them\n",
            counts.too_old
        );
    }
    text
}

fn findings_text(report: &AuditReport) -> String {
    let kinds = report.by_kind();
    let kinds: Vec<_> = kinds
        .iter()
        .map(|(kind, n)| format!("{n} {kind}"))
        .collect();
    let mut text = format!("found: {}\n\n", kinds.join(", "));
    let rows: Vec<_> = report
        .findings
        .iter()
        .take(SHOWN)
        .map(finding_row)
        .collect();
    text += &format_table(
        &[
            "kind", "item", "store", "expected", "found", "request", "why",
        ],
        &rows,
    );
    let hidden = report.findings.len().saturating_sub(SHOWN) as u64 + report.more_findings;
    if hidden > 0 {
        text += &format!(
            "and {hidden} more (--json shows {})\n",
            report.findings.len()
        );
    }
    text
}

fn finding_row(finding: &AuditFinding) -> Vec<String> {
    let version = |state: &Option<HeldState>| match state {
        None => "-".to_owned(),
        Some(state) => {
            let deleted = if state.deleted { " deleted" } else { "" };
            let offset = state
                .offset
                .map_or("?".to_owned(), |offset| offset.to_string());
            format!("{offset}{deleted}")
        }
    };
    let basis = match finding.basis {
        Basis::Log => "",
        Basis::Record => " (by the record: the log begins later)",
    };
    vec![
        finding.kind.name().to_owned(),
        finding.key.clone(),
        finding.store.clone(),
        version(&finding.expected),
        version(&finding.found),
        finding.request.map(|id| id.to_string()).unwrap_or_default(),
        format!("{}{basis}", finding.detail),
    ]
}
