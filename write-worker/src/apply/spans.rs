//! What a batch's events took, as spans: how long each waited for its decision, and how long it took to
//! apply it. Only where spans are exported.

use crate::effects::Effects;
use event_schema::outcome::Verdict;
use request_spans::{SpanKind, Stage, is_exporting};

/// `now`: all effects stand. Unix milliseconds.
pub(super) fn record_batch(effects: &[Effects], now: i64) {
    if !is_exporting() {
        return;
    }
    for effect in effects {
        let Some(entry) = &effect.entry else {
            continue;
        };
        let stage = |name, from, to| Stage {
            name,
            kind: SpanKind::Consumer,
            traceparent: effect.traceparent.as_deref(),
            from,
            to,
        };
        let attributes = || {
            vec![
                ("consign.request", effect.request.to_string()),
                ("consign.operation", entry.operation.clone()),
                ("consign.position", effect.position.to_string()),
                ("consign.verdict", verdict_name(&entry.verdict).to_owned()),
            ]
        };
        let times = entry.times;
        stage("decide", times.accepted, times.decided).record(attributes);
        stage("apply", times.decided, now).record(attributes);
    }
}

fn verdict_name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Applied => "applied",
        Verdict::Refused(_) => "refused",
        Verdict::DeadLettered(_) => "dead_lettered",
        Verdict::Parked(_) => "parked",
    }
}
