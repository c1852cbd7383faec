//! The notifier's metrics, named once. Units last; per partition only what is needed to scale and
//! to find a stuck one.

use crate::rooms::state::RoomsState;
use event_schema::notification::Event;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, exponential_buckets,
};
use runtime::metrics::MetricSink;

pub(crate) struct NotifierMetrics {
    delivered: IntCounterVec,
    pushed: IntCounter,
    presence: IntCounter,
    expired: IntCounter,
    refused: IntCounter,
    skipped: IntCounter,
    alarms: IntCounter,
    retaken: IntCounter,
    lag: IntGaugeVec,
    rooms: IntGauge,
    seats: IntGauge,
    gateways: IntGauge,
    latency: Histogram,
}

impl NotifierMetrics {
    pub fn register(registry: &impl MetricSink) -> Result<Self, prometheus::Error> {
        let seconds = HistogramOpts::new(
            "consign_notifier_decided_to_pushed_seconds",
            "Seconds from a decision to its push",
        )
        .buckets(exponential_buckets(0.0005, 2.0, 17).unwrap_or_default());
        Ok(Self {
            delivered: registry.new_counters(
                "consign_notifier_matched_total",
                "Changes and messages that matched a subscription, by kind",
                &["event"],
            )?,
            pushed: registry
                .new_counter("consign_notifier_pushed_total", "Pushes sent to gateways")?,
            presence: registry.new_counter(
                "consign_notifier_presence_total",
                "Presence events (users who joined or left) sent to gateways",
            )?,
            expired: registry.new_counter(
                "consign_notifier_expired_total",
                "Gateways expired for missing heartbeats",
            )?,
            refused: registry.new_counter(
                "consign_notifier_refused_total",
                "Pushes that the log would not take",
            )?,
            skipped: registry.new_counter(
                "consign_notifier_skipped_total",
                "Records that were deleted before a notifier processed them",
            )?,
            alarms: registry.new_counter(
                "consign_notifier_alarms_total",
                "Partitions stopped because something is wrong that no retry mends",
            )?,
            retaken: registry.new_counter(
                "consign_notifier_retaken_total",
                "Times a partition had to be taken again",
            )?,
            lag: registry.new_gauges(
                "consign_notifier_lag_records",
                "Records of a partition not yet matched",
                &["partition"],
            )?,
            rooms: registry.new_gauge("consign_notifier_rooms", "Rooms")?,
            seats: registry.new_gauge("consign_notifier_seats", "Connections in rooms")?,
            gateways: registry.new_gauge("consign_notifier_gateways", "Gateways that are known")?,
            latency: registry.new_histogram(seconds)?,
        })
    }

    /// One change, delivered to so many gateways; `latency`: milliseconds since it was decided or
    /// accepted.
    pub fn delivered(&self, event: Event, pushes: usize, latency: i64) {
        let label = match event {
            Event::Write => "write",
            Event::Delete => "delete",
            Event::Publish => "publish",
        };
        self.delivered.with_label_values(&[label]).inc();
        self.pushed.inc_by(pushes as u64);
        self.latency.observe(latency.max(0) as f64 / 1000.0);
    }

    pub fn presence(&self, mails: usize) {
        self.presence.inc_by(mails as u64);
    }

    pub fn expired(&self) {
        self.expired.inc();
    }

    pub fn refused(&self) {
        self.refused.inc();
    }

    pub fn skipped(&self, records: u64) {
        self.skipped.inc_by(records);
    }

    pub fn alarm(&self) {
        self.alarms.inc();
    }

    pub fn retaken(&self) {
        self.retaken.inc();
    }

    pub fn lag(&self, partition: u16, records: u64) {
        self.lag
            .with_label_values(&[&partition.to_string()])
            .set(records as i64);
    }

    /// The partition is somebody else's now.
    pub fn forget(&self, partition: u16) {
        // It may never have been set.
        _ = self.lag.remove_label_values(&[&partition.to_string()]);
    }

    pub fn rooms(&self, state: &RoomsState) {
        self.rooms.set(state.open as i64);
        self.seats.set(state.members as i64);
        self.gateways
            .set(state.memberships.instances().count() as i64);
    }
}
