//! How fast each partition is resolved, and how long it takes until nothing waits in it: from two
//! looks and more.

use serde_json::{Value, json};
use std::collections::HashMap;
use tokio::time::Instant;

/// How much of a rate is what it was before.
const MEMORY: f64 = 0.7;

/// See the module's header.
#[derive(Default)]
pub struct DrainRates {
    last: Option<Instant>,
    partitions: HashMap<u64, PartitionRate>,
}

struct PartitionRate {
    resolved: u64,
    /// None: there was one look only.
    per_second: Option<f64>,
}

impl DrainRates {
    /// Does anything wait, so that another look would tell for how long?
    pub fn is_behind(&self, status: &Value) -> bool {
        let partitions = status["partitions"].as_array();
        let mut lags = partitions.into_iter().flatten().map(|one| &one["lag"]);
        lags.any(|lag| lag.as_u64().is_some_and(|lag| lag > 0))
    }

    pub fn note(&mut self, status: &Value) {
        self.note_at(Instant::now(), status);
    }

    fn note_at(&mut self, now: Instant, status: &Value) {
        let passed = self.last.map(|last| (now - last).as_secs_f64());
        let passed = passed.filter(|seconds| *seconds > 0.0);
        for partition in status["partitions"].as_array().into_iter().flatten() {
            let (number, resolved) = (&partition["partition"], &partition["resolved"]);
            let (Some(number), Some(resolved)) = (number.as_u64(), resolved.as_u64()) else {
                continue;
            };
            let before = self.partitions.get(&number);
            let per_second = before.zip(passed).map(|(before, passed)| {
                let latest = resolved.saturating_sub(before.resolved) as f64 / passed;
                let known = before.per_second;
                known.map_or(latest, |known| known * MEMORY + latest * (1.0 - MEMORY))
            });
            let rate = PartitionRate {
                resolved,
                per_second,
            };
            self.partitions.insert(number, rate);
        }
        self.last = Some(now);
    }

    /// Adds `per_second` and `drain_seconds` to each partition, where they are known.
    pub fn add_to(&self, status: &mut Value) {
        let partitions = status["partitions"].as_array_mut();
        for partition in partitions.into_iter().flatten() {
            let number = partition["partition"].as_u64();
            let rate = number.and_then(|number| self.partitions.get(&number));
            let rate = rate.and_then(|rate| rate.per_second);
            if let Some(rate) = rate {
                partition["per_second"] = json!((rate * 10.0).round() / 10.0);
            }
            match (partition["lag"].as_u64(), rate) {
                (Some(0), _) => partition["drain_seconds"] = json!(0),
                (Some(lag), Some(rate)) if rate > 0.01 => {
                    partition["drain_seconds"] = json!((lag as f64 / rate).ceil() as u64);
                }
                (_, _) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DrainRates;
    use serde_json::{Value, json};
    use std::time::Duration;
    use tokio::time::Instant;

    fn look(resolved: u64) -> Value {
        json!({"partitions": [{"partition": 3, "resolved": resolved, "lag": 1_000 - resolved}]})
    }

    #[test]
    fn two_looks_tell_how_long_a_partition_takes() {
        let (mut rates, began) = (DrainRates::default(), Instant::now());
        let mut status = look(0);
        assert!(rates.is_behind(&status));
        rates.note_at(began, &status);
        rates.add_to(&mut status);
        assert_eq!(status["partitions"][0]["drain_seconds"], Value::Null);
        let mut status = look(200);
        rates.note_at(began + Duration::from_secs(2), &status);
        rates.add_to(&mut status);
        assert_eq!(status["partitions"][0]["per_second"], 100.0);
        assert_eq!(status["partitions"][0]["drain_seconds"], 8);
        // It stands still: that is not forgotten at once, and not believed for ever.
        let mut status = look(200);
        for second in 3..60 {
            rates.note_at(began + Duration::from_secs(second), &status);
        }
        rates.add_to(&mut status);
        assert_eq!(status["partitions"][0]["drain_seconds"], Value::Null);
        let mut done = look(1_000);
        assert!(!rates.is_behind(&done));
        rates.add_to(&mut done);
        assert_eq!(done["partitions"][0]["drain_seconds"], 0);
    }
}
