//! What is counted of hooks. A hook that the catalog has no more is counted no more.

use super::duration_buckets;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec};
use runtime::metrics::MetricSink;

/// What is counted of the endpoints that are asked before requests are accepted, by their hooks.
#[derive(Clone, Debug)]
pub(crate) struct HookMetrics {
    outcomes: IntCounterVec,
    duration_seconds: HistogramVec,
    circuit: IntGaugeVec,
    order: IntGaugeVec,
}

/// What may come of a question, or of having none to ask.
const HOOK_OUTCOMES: [&str; 9] = [
    "accepted",
    "changed",
    "refused",
    "not_allowed",
    "timed_out",
    "unreachable",
    "unusable",
    "busy",
    "circuit_open",
];

impl HookMetrics {
    pub(super) fn register(registry: &impl MetricSink) -> Result<Self, prometheus::Error> {
        let duration = HistogramOpts::new(
            "consign_gateway_hook_duration_seconds",
            "How long a request waited for a hook, its turn included",
        );
        Ok(Self {
            outcomes: registry.new_counters(
                "consign_gateway_hook_questions_total",
                "Questions to a hook, by what came of them",
                &["hook", "outcome"],
            )?,
            duration_seconds: registry
                .new_histograms(duration.buckets(duration_buckets()), &["hook"])?,
            circuit: registry.new_gauges(
                "consign_gateway_hook_circuit_open",
                "1 while a hook is left alone because it failed",
                &["hook"],
            )?,
            order: registry.new_gauges(
                "consign_gateway_hook_order",
                "The place of a hook in the order in which they are asked, from 1",
                &["hook"],
            )?,
        })
    }

    /// It may be asked from now on, as the one of this place.
    pub(crate) fn declare(&self, hook: &str, place: usize) {
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        self.order.with_label_values(&[hook]).set(place);
        self.circuit.with_label_values(&[hook]);
        self.duration_seconds.with_label_values(&[hook]);
        for outcome in HOOK_OUTCOMES {
            self.outcomes.with_label_values(&[hook, outcome]);
        }
    }

    /// The catalog has it no more.
    pub(crate) fn forget(&self, hook: &str) {
        // What was never counted is nothing to forget.
        _ = self.order.remove_label_values(&[hook]);
        _ = self.circuit.remove_label_values(&[hook]);
        _ = self.duration_seconds.remove_label_values(&[hook]);
        for outcome in HOOK_OUTCOMES {
            _ = self.outcomes.remove_label_values(&[hook, outcome]);
        }
    }

    pub(crate) fn outcome(&self, hook: &str, outcome: &str) {
        self.outcomes.with_label_values(&[hook, outcome]).inc();
    }

    pub(crate) fn duration(&self, hook: &str, seconds: f64) {
        let durations = self.duration_seconds.with_label_values(&[hook]);
        durations.observe(seconds);
    }

    pub(crate) fn circuit(&self, hook: &str, is_open: bool) {
        let circuit = self.circuit.with_label_values(&[hook]);
        circuit.set(i64::from(is_open));
    }
}
