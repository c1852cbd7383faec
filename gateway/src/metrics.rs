//! The names of all that this service counts, and nothing else. Units come last.

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
};
use runtime::metrics::MetricSink;

/// Counters that are touched without a look-up.
#[derive(Clone, Debug)]
pub(crate) struct GatewayMetrics {
    /// Events that the log acknowledged.
    pub accepted: IntCounter,
    /// Events that the spool made safe before the log acknowledged them.
    pub spooled: IntCounter,
    /// What the spool holds: records, their bytes, and the age of the oldest.
    pub spool_records: IntGauge,
    pub spool_bytes: IntGauge,
    pub spool_age_seconds: IntGauge,
    /// Requests by the class of their answer: 2xx, 4xx, 5xx.
    pub answered: [IntCounter; 6],
    pub in_flight: IntGauge,
    pub connections: IntGauge,
    pub failed_handshakes: IntCounter,
    /// When the certificate ends, Unix time.
    pub certificate_expires: IntGauge,
    pub waiting: IntGauge,
    /// Connections that became WebSockets, and their places in rooms.
    pub sockets: IntGauge,
    pub subscriptions: IntGauge,
    /// Notifications put in outboxes.
    notifications: IntCounter,
    pub bulk_lines: IntCounter,
    pub bulk_spilled_bytes: IntCounter,
    /// By version: 1 for the one in use.
    catalog: IntGaugeVec,
    catalog_reloads: IntCounterVec,
    catalog_reload_refused: IntGauge,
    /// From the request's head to the answer's head.
    pub duration_seconds: Histogram,
    pub hooks: HookMetrics,
}

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
    fn new(registry: &impl MetricSink) -> Result<Self, prometheus::Error> {
        let gauges = |name: &str, help: &str| {
            let gauges = IntGaugeVec::new(Opts::new(name, help), &["hook"])?;
            registry.register(Box::new(gauges.clone())).map(|()| gauges)
        };
        let outcomes = Opts::new(
            "consign_gateway_hook_questions_total",
            "Questions to a hook, by what came of them",
        );
        let outcomes = IntCounterVec::new(outcomes, &["hook", "outcome"])?;
        registry.register(Box::new(outcomes.clone()))?;
        let duration = HistogramOpts::new(
            "consign_gateway_hook_duration_seconds",
            "How long a request waited for a hook, its turn included",
        )
        .buckets(duration_buckets());
        let duration_seconds = HistogramVec::new(duration, &["hook"])?;
        registry.register(Box::new(duration_seconds.clone()))?;
        Ok(Self {
            outcomes,
            duration_seconds,
            circuit: gauges(
                "consign_gateway_hook_circuit_open",
                "1 while a hook is left alone because it failed",
            )?,
            order: gauges(
                "consign_gateway_hook_order",
                "The place of a hook in the order in which they are asked, from 1",
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

fn duration_buckets() -> Vec<f64> {
    vec![
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
        60.0,
    ]
}

impl GatewayMetrics {
    pub(crate) fn new(registry: &impl MetricSink) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry
                .register(Box::new(counter.clone()))
                .map(|()| counter)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone())).map(|()| gauge)
        };
        let answered = IntCounterVec::new(
            Opts::new(
                "consign_gateway_answers_total",
                "Requests by the class of their answer",
            ),
            &["class"],
        )?;
        registry.register(Box::new(answered.clone()))?;
        let catalog = IntGaugeVec::new(
            Opts::new(
                "consign_gateway_catalog_info",
                "1 for the version of the catalog that is in use",
            ),
            &["version"],
        )?;
        registry.register(Box::new(catalog.clone()))?;
        let catalog_reloads = IntCounterVec::new(
            Opts::new(
                "consign_gateway_catalog_reloads_total",
                "Times that the catalog was read again, by what came of it",
            ),
            &["outcome"],
        )?;
        registry.register(Box::new(catalog_reloads.clone()))?;
        let duration = HistogramOpts::new(
            "consign_gateway_request_duration_seconds",
            "From a request's head to its answer's head",
        )
        .buckets(duration_buckets());
        let duration_seconds = Histogram::with_opts(duration)?;
        registry.register(Box::new(duration_seconds.clone()))?;
        Ok(Self {
            accepted: counter(
                "consign_gateway_accepted_total",
                "Events that the log acknowledged",
            )?,
            spooled: counter(
                "consign_gateway_spooled_total",
                "Events that the spool made safe before the log acknowledged them",
            )?,
            spool_records: gauge(
                "consign_gateway_spool_records",
                "Records in the spool that the log has not acknowledged",
            )?,
            spool_bytes: gauge("consign_gateway_spool_bytes", "Their size in bytes")?,
            spool_age_seconds: gauge(
                "consign_gateway_spool_oldest_seconds",
                "The age of the oldest record in the spool",
            )?,
            answered: ["other", "1xx", "2xx", "3xx", "4xx", "5xx"]
                .map(|class| answered.with_label_values(&[class])),
            in_flight: gauge("consign_gateway_requests_in_flight", "Requests in hand")?,
            connections: gauge("consign_gateway_connections", "Open connections")?,
            failed_handshakes: counter(
                "consign_gateway_tls_handshakes_failed_total",
                "Connections whose TLS handshake failed",
            )?,
            certificate_expires: gauge(
                "consign_gateway_certificate_expires_timestamp_seconds",
                "When the gateway's own certificate ends, Unix time; 0 without one",
            )?,
            waiting: gauge(
                "consign_gateway_waiting",
                "Requests that wait for their verdict",
            )?,
            sockets: gauge(
                "consign_gateway_sockets",
                "Connections that became WebSockets",
            )?,
            subscriptions: gauge(
                "consign_gateway_subscriptions",
                "Connections in rooms, once for each room",
            )?,
            notifications: counter(
                "consign_gateway_notifications_total",
                "Notifications for clients, once for each",
            )?,
            bulk_lines: counter(
                "consign_gateway_bulk_lines_total",
                "Lines of bulks that were read",
            )?,
            bulk_spilled_bytes: counter(
                "consign_gateway_bulk_spilled_bytes_total",
                "Answers of bulks that were spilled to a file because the client did not read them",
            )?,
            catalog,
            catalog_reloads,
            catalog_reload_refused: gauge(
                "consign_gateway_catalog_reload_refused",
                "1 if the last reload of the catalog was refused",
            )?,
            duration_seconds,
            hooks: HookMetrics::new(registry)?,
        })
    }

    /// Another version is in use.
    pub(crate) fn catalog(&self, before: Option<&str>, version: &str) {
        if let Some(before) = before {
            // None was counted under a version that was never in use.
            _ = self.catalog.remove_label_values(&[before]);
        }
        self.catalog.with_label_values(&[version]).set(1);
    }

    /// `reloaded`, `unchanged`, `refused`.
    pub(crate) fn catalog_reloads(&self, outcome: &str) {
        self.catalog_reloads.with_label_values(&[outcome]).inc();
        self.catalog_reload_refused
            .set(i64::from(outcome == "refused"));
    }

    pub(crate) fn notified(&self, recipients: usize) {
        self.notifications.inc_by(recipients as u64);
    }

    pub(crate) fn answer(&self, status: http::StatusCode, seconds: f64) {
        let class = usize::from(status.as_u16() / 100);
        self.answered[if class < 6 { class } else { 0 }].inc();
        self.duration_seconds.observe(seconds);
    }
}
