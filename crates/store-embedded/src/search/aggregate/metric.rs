//! What is reckoned of numbers: sums, extremes, averages and how far they are apart.

use super::value::AggregatedField;
use serde_json::{Map, Value, json};
use store::StoreError;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MetricKind {
    Min,
    Max,
    Sum,
    Avg,
    Stats,
    ExtendedStats { sigma: f64 },
    ValueCount,
    Cardinality,
}

#[derive(Debug)]
pub struct Reckoned {
    pub count: u64,
    sum: f64,
    lost: f64,
    squares: f64,
    lost_squares: f64,
    min: f64,
    max: f64,
}

impl Default for Reckoned {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            lost: 0.0,
            squares: 0.0,
            lost_squares: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

/// Adds, and keeps what the sum is too coarse for.
fn add_compensated(sum: &mut f64, lost: &mut f64, value: f64) {
    if !value.is_finite() || !sum.is_finite() {
        *sum += value;
        return;
    }
    let exact = value - *lost;
    let next = *sum + exact;
    *lost = (next - *sum) - exact;
    *sum = next;
}

impl Reckoned {
    pub fn take(&mut self, value: f64) {
        self.count += 1;
        add_compensated(&mut self.sum, &mut self.lost, value);
        add_compensated(&mut self.squares, &mut self.lost_squares, value * value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// The one number of a metric that has one; `None`: there was no value.
    pub fn single(&self, kind: MetricKind) -> Option<f64> {
        let any = (self.count > 0).then_some(());
        match kind {
            MetricKind::Min => any.map(|()| self.min),
            MetricKind::Max => any.map(|()| self.max),
            MetricKind::Avg => any.map(|()| self.sum / self.count as f64),
            MetricKind::Sum => Some(self.sum),
            MetricKind::ValueCount | MetricKind::Cardinality => Some(self.count as f64),
            MetricKind::Stats | MetricKind::ExtendedStats { .. } => None,
        }
    }

    pub fn shown(
        &self,
        kind: MetricKind,
        field: &AggregatedField,
        at: &str,
    ) -> Result<Map<String, Value>, StoreError> {
        let mut shown = Map::new();
        if let MetricKind::ValueCount | MetricKind::Cardinality = kind {
            shown.insert("value".to_owned(), json!(self.count));
            return Ok(shown);
        }
        let parts: &[(&str, MetricKind)] = match kind {
            MetricKind::Stats | MetricKind::ExtendedStats { .. } => {
                shown.insert("count".to_owned(), json!(self.count));
                &[
                    ("min", MetricKind::Min),
                    ("max", MetricKind::Max),
                    ("avg", MetricKind::Avg),
                    ("sum", MetricKind::Sum),
                ]
            }
            one => &[("value", one)],
        };
        for (name, kind) in parts {
            let value = self.single(*kind);
            shown.insert((*name).to_owned(), metric_number(value));
            // No text without a value, and none for nothing at all.
            let text = match value.filter(|_| self.count > 0 || parts.len() == 1) {
                Some(value) => field.text(value, at)?,
                None => None,
            };
            if let Some(text) = text {
                shown.insert(format!("{name}_as_string"), text.into());
            }
        }
        if let MetricKind::ExtendedStats { sigma } = kind {
            self.spread(sigma, &mut shown);
        }
        Ok(shown)
    }

    /// How far the values are apart.
    fn spread(&self, sigma: f64, shown: &mut Map<String, Value>) {
        let any = (self.count > 0).then_some(());
        let count = self.count as f64;
        let deviation = self.squares - self.sum * self.sum / count;
        let variance = any.map(|()| (deviation / count).max(0.0));
        let of_sample = any.map(|()| {
            if self.count > 1 {
                (deviation / (count - 1.0)).max(0.0)
            } else {
                f64::NAN
            }
        });
        let root = |variance: Option<f64>| variance.map(f64::sqrt);
        let average = self.single(MetricKind::Avg);
        let bound = |variance: Option<f64>, sign: f64| {
            let both = average.zip(root(variance));
            metric_number(both.map(|(average, root)| average + sign * sigma * root))
        };
        let all = json!({
            "sum_of_squares": metric_number(any.map(|()| self.squares)),
            "variance": metric_number(variance),
            "variance_population": metric_number(variance),
            "variance_sampling": metric_number(of_sample),
            "std_deviation": metric_number(root(variance)),
            "std_deviation_population": metric_number(root(variance)),
            "std_deviation_sampling": metric_number(root(of_sample)),
            "std_deviation_bounds": {
                "upper": bound(variance, 1.0),
                "lower": bound(variance, -1.0),
                "upper_population": bound(variance, 1.0),
                "lower_population": bound(variance, -1.0),
                "upper_sampling": bound(of_sample, 1.0),
                "lower_sampling": bound(of_sample, -1.0),
            },
        });
        if let Value::Object(all) = all {
            shown.extend(all);
        }
    }
}

/// What JSON has no number for is a text.
pub fn metric_number(value: Option<f64>) -> Value {
    match value {
        None => Value::Null,
        Some(value) if value.is_nan() => json!("NaN"),
        Some(value) if value.is_infinite() => {
            json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
        }
        Some(value) => json!(value),
    }
}
