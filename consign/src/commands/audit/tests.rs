use super::{audit_verdict, report};
use crate::failure::Kind;
use audit::{AuditReport, AuditedCounts};

fn report_of(counts: AuditedCounts) -> AuditReport {
    AuditReport {
        sample: 1,
        counts,
        ..AuditReport::default()
    }
}

#[test]
fn what_could_not_be_judged_is_neither_clean_nor_a_success() {
    let clean = report_of(AuditedCounts::default());
    assert!(audit_verdict(&clean).is_ok());
    assert!(report::report_text(&clean).ends_with("clean\n"));
    let unjudged = [
        AuditedCounts {
            unsettled: 1,
            ..AuditedCounts::default()
        },
        AuditedCounts {
            undecided: 1,
            ..AuditedCounts::default()
        },
    ];
    for counts in unjudged {
        let report = report_of(counts);
        let failure = audit_verdict(&report).expect_err("not everything was judged");
        assert_eq!(failure.kind, Kind::Unreachable);
        let text = report::report_text(&report);
        assert!(!text.contains("clean"), "{text}");
    }
}
