//! Percentiles: which number so many of a field's values lie below. Exact, where an index estimates
//! beyond 2,000 values.

use super::{metric::metric_number, value::AggregatedField};
use serde_json::{Map, Value, json};
use store::StoreError;

#[derive(Debug)]
pub struct Percentiles {
    /// In rising order, each from 0 to 100.
    pub percents: Vec<f64>,
    pub keyed: bool,
}

impl Percentiles {
    pub fn shown(
        &self,
        values: &[f64],
        field: &AggregatedField,
        at: &str,
    ) -> Result<Map<String, Value>, StoreError> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (mut by_name, mut listed) = (Map::new(), Vec::new());
        for percent in &self.percents {
            let value = quantile(&sorted, percent / 100.0);
            let text = match value {
                Some(value) => field.text(value, at)?,
                None => None,
            };
            if self.keyed {
                let name = super::shown::java_number(*percent);
                if let Some(text) = text {
                    by_name.insert(format!("{name}_as_string"), text.into());
                }
                by_name.insert(name, metric_number(value));
            } else {
                let mut one = json!({"key": percent, "value": metric_number(value)});
                if let Some(text) = text {
                    one["value_as_string"] = text.into();
                }
                listed.push(one);
            }
        }
        let values = if self.keyed {
            Value::Object(by_name)
        } else {
            listed.into()
        };
        Ok(Map::from_iter([("values".to_owned(), values)]))
    }
}

/// Between two values it lies on the line that connects them. `None`: there is no value.
fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = part * last as f64;
    let below = place.floor();
    let low = (below as usize).min(last);
    if place <= 0.0 || low == last {
        return Some(sorted[low]);
    }
    Some(sorted[low] + (place - below) * (sorted[low + 1] - sorted[low]))
}
