//! The names of all that this service counts, and nothing else. Units come last.

mod hooks;

pub(crate) use hooks::HookMetrics;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use runtime::metrics::MetricSink;

/// Counters that are touched without a look-up.
#[derive(Clone, Debug)]
pub(crate) struct GatewayMetrics {
    /// Events that the log acknowledged.
    pub accepted: IntCounter,
    /// Events that the spool made safe before the log acknowledged them.
    pub spooled: IntCounter,
    /// Events among them whose caller could not be looked at.
    pub unconfirmed: IntCounter,
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
    pub catalog: CatalogMetrics,
    /// From the request's head to the answer's head.
    pub duration_seconds: Histogram,
    pub hooks: HookMetrics,
    /// Events that the log of security events did not take.
    pub security_events_lost: IntCounter,
    pub security_unread_seconds: IntGauge,
    /// Memory for indexes of the embedded view.
    pub view_index_bytes: IntGauge,
}

/// What is counted of the catalog and of attempts to read it again.
#[derive(Clone, Debug)]
pub(crate) struct CatalogMetrics {
    /// By version: 1 for the one in use.
    info: IntGaugeVec,
    reloads: IntCounterVec,
    reload_refused: IntGauge,
}

impl CatalogMetrics {
    fn register(registry: &impl MetricSink) -> Result<Self, prometheus::Error> {
        Ok(Self {
            info: registry.new_gauges(
                "consign_gateway_catalog_info",
                "1 for the version of the catalog that is in use",
                &["version"],
            )?,
            reloads: registry.new_counters(
                "consign_gateway_catalog_reloads_total",
                "Times that the catalog was read again, by what came of it",
                &["outcome"],
            )?,
            reload_refused: registry.new_gauge(
                "consign_gateway_catalog_reload_refused",
                "1 if the last reload of the catalog was refused",
            )?,
        })
    }

    /// Another version is in use.
    pub(crate) fn set_version(&self, before: Option<&str>, version: &str) {
        if let Some(before) = before {
            // None was counted under a version that was never in use.
            _ = self.info.remove_label_values(&[before]);
        }
        self.info.with_label_values(&[version]).set(1);
    }

    /// `reloaded`, `unchanged`, `refused`.
    pub(crate) fn count_reload(&self, outcome: &str) {
        self.reloads.with_label_values(&[outcome]).inc();
        self.reload_refused.set(i64::from(outcome == "refused"));
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
        let answered = registry.new_counters(
            "consign_gateway_answers_total",
            "Requests by the class of their answer",
            &["class"],
        )?;
        let catalog = CatalogMetrics::register(registry)?;
        let duration = HistogramOpts::new(
            "consign_gateway_request_duration_seconds",
            "From a request's head to its answer's head",
        );
        let duration_seconds = registry.new_histogram(duration.buckets(duration_buckets()))?;
        Ok(Self {
            accepted: registry.new_counter(
                "consign_gateway_accepted_total",
                "Events that the log acknowledged",
            )?,
            spooled: registry.new_counter(
                "consign_gateway_spooled_total",
                "Events that the spool made safe before the log acknowledged them",
            )?,
            unconfirmed: registry.new_counter(
                "consign_gateway_unconfirmed_total",
                "Events that were taken while their caller could not be looked at",
            )?,
            spool_records: registry.new_gauge(
                "consign_gateway_spool_records",
                "Records in the spool that the log has not acknowledged",
            )?,
            spool_bytes: registry
                .new_gauge("consign_gateway_spool_bytes", "Their size in bytes")?,
            spool_age_seconds: registry.new_gauge(
                "consign_gateway_spool_oldest_seconds",
                "The age of the oldest record in the spool",
            )?,
            answered: ["other", "1xx", "2xx", "3xx", "4xx", "5xx"]
                .map(|class| answered.with_label_values(&[class])),
            in_flight: registry
                .new_gauge("consign_gateway_requests_in_flight", "Requests in hand")?,
            connections: registry.new_gauge("consign_gateway_connections", "Open connections")?,
            failed_handshakes: registry.new_counter(
                "consign_gateway_tls_handshakes_failed_total",
                "Connections whose TLS handshake failed",
            )?,
            certificate_expires: registry.new_gauge(
                "consign_gateway_certificate_expires_timestamp_seconds",
                "When the gateway's own certificate ends, Unix time; 0 without one",
            )?,
            waiting: registry.new_gauge(
                "consign_gateway_waiting",
                "Requests that wait for their verdict",
            )?,
            sockets: registry.new_gauge(
                "consign_gateway_sockets",
                "Connections that became WebSockets",
            )?,
            subscriptions: registry.new_gauge(
                "consign_gateway_subscriptions",
                "Connections in rooms, once for each room",
            )?,
            notifications: registry.new_counter(
                "consign_gateway_notifications_total",
                "Notifications for clients, once for each",
            )?,
            bulk_lines: registry.new_counter(
                "consign_gateway_bulk_lines_total",
                "Lines of bulks that were read",
            )?,
            bulk_spilled_bytes: registry.new_counter(
                "consign_gateway_bulk_spilled_bytes_total",
                "Answers of bulks that were spilled to a file because the client did not read them",
            )?,
            catalog,
            duration_seconds,
            hooks: HookMetrics::register(registry)?,
            security_events_lost: registry.new_counter(
                "consign_gateway_security_events_lost_total",
                "Security events that came faster than the log took them",
            )?,
            security_unread_seconds: registry.new_gauge(
                "consign_gateway_security_unread_seconds",
                "Seconds since the topic `security` is known to have been read to its end",
            )?,
            view_index_bytes: registry.new_gauge(
                "consign_gateway_view_index_bytes",
                "Memory of the embedded view's indexes of fields that are searched",
            )?,
        })
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
