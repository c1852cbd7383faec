//! Where a service's metrics are registered: a registry that is scraped, or a list for the
//! documentation. Knows no metric by name.

use parking_lot::Mutex;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, core::Collector, proto::MetricType,
};

/// Takes the metrics of a service as they are made.
pub trait MetricSink {
    /// Takes one.
    ///
    /// # Errors
    /// If its name is not new, or no name for a metric.
    fn register(&self, collector: Box<dyn Collector>) -> Result<(), prometheus::Error>;

    /// Takes one, and gives it back to be touched.
    ///
    /// # Errors
    /// As [`MetricSink::register`]; so do all others here.
    fn registered<C: Collector + Clone + 'static>(&self, metric: C) -> Result<C, prometheus::Error>
    where
        Self: Sized,
    {
        self.register(Box::new(metric.clone())).map(|()| metric)
    }

    /// What only grows.
    fn new_counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error>
    where
        Self: Sized,
    {
        self.registered(IntCounter::new(name, help)?)
    }

    /// What only grows, by labels.
    fn new_counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, prometheus::Error>
    where
        Self: Sized,
    {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    /// What rises and falls.
    fn new_gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error>
    where
        Self: Sized,
    {
        self.registered(IntGauge::new(name, help)?)
    }

    /// What rises and falls, by labels.
    fn new_gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntGaugeVec, prometheus::Error>
    where
        Self: Sized,
    {
        self.registered(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    /// How often values of each size were seen.
    fn new_histogram(&self, options: HistogramOpts) -> Result<Histogram, prometheus::Error>
    where
        Self: Sized,
    {
        self.registered(Histogram::with_opts(options)?)
    }

    /// How often values of each size were seen, by labels.
    fn new_histograms(
        &self,
        options: HistogramOpts,
        labels: &[&str],
    ) -> Result<HistogramVec, prometheus::Error>
    where
        Self: Sized,
    {
        self.registered(HistogramVec::new(options, labels)?)
    }
}

impl MetricSink for Registry {
    fn register(&self, collector: Box<dyn Collector>) -> Result<(), prometheus::Error> {
        Registry::register(self, collector)
    }
}

/// A metric as the documentation lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricDescription {
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    pub labels: Vec<String>,
    pub help: String,
}

/// A sink that only notes what was registered.
#[derive(Debug, Default)]
pub struct MetricList(Mutex<Vec<MetricDescription>>);

impl MetricList {
    /// All of them, in the order in which they were registered.
    #[must_use]
    pub fn into_descriptions(self) -> Vec<MetricDescription> {
        self.0.into_inner()
    }
}

impl MetricSink for MetricList {
    fn register(&self, collector: Box<dyn Collector>) -> Result<(), prometheus::Error> {
        let kinds = collector.collect();
        let kind = kinds
            .first()
            .map_or("untyped", |f| type_name(f.get_field_type()));
        let described = collector.desc().into_iter().map(|desc| MetricDescription {
            name: desc.fq_name.clone(),
            kind,
            labels: desc.variable_labels.clone(),
            help: desc.help.clone(),
        });
        self.0.lock().extend(described);
        Ok(())
    }
}

fn type_name(of: MetricType) -> &'static str {
    match of {
        MetricType::COUNTER => "counter",
        MetricType::GAUGE => "gauge",
        MetricType::HISTOGRAM => "histogram",
        MetricType::SUMMARY => "summary",
        MetricType::UNTYPED => "untyped",
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{HistogramOpts, HistogramVec, IntGauge};

    use super::{MetricDescription, MetricList, MetricSink};

    #[test]
    fn a_metric_without_a_value_is_listed_with_its_labels() {
        let list = MetricList::default();
        let opts = HistogramOpts::new("store_seconds", "Seconds a store takes");
        let seconds = HistogramVec::new(opts, &["store", "what"]).unwrap();
        list.register(Box::new(seconds)).unwrap();
        list.register(Box::new(IntGauge::new("rooms", "Rooms").unwrap()))
            .unwrap();
        let described = |name: &str, kind, labels: &[&str], help: &str| MetricDescription {
            name: name.into(),
            kind,
            labels: labels.iter().map(|l| (*l).to_owned()).collect(),
            help: help.into(),
        };
        assert_eq!(
            list.into_descriptions(),
            [
                described(
                    "store_seconds",
                    "histogram",
                    &["store", "what"],
                    "Seconds a store takes"
                ),
                described("rooms", "gauge", &[], "Rooms"),
            ]
        );
    }
}
