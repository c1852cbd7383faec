//! A rate beside its floor, measured in the same rounds, and how it is shown.

use consign::{commands::Invocation, failure::Failure, output::format_table};
use serde::Serialize;

/// Rates a second of one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Round {
    floor: f64,
    measured: f64,
    ratio: f64,
}

impl Round {
    pub fn new(floor: f64, measured: f64) -> Self {
        Self {
            floor,
            measured,
            ratio: measured / floor.max(f64::MIN_POSITIVE),
        }
    }
}

/// A rate beside its floor; the ratio is that of the middle round.
#[derive(Debug, Serialize)]
pub struct Compared {
    bench: &'static str,
    on: &'static str,
    floor: &'static str,
    ratio: f64,
    aim: Option<f64>,
    rounds: Vec<Round>,
}

impl Compared {
    pub fn new(
        bench: &'static str,
        on: &'static str,
        floor: &'static str,
        aim: Option<f64>,
        rounds: Vec<Round>,
    ) -> Self {
        let mut ratios: Vec<f64> = rounds.iter().map(|round| round.ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios.get(ratios.len() / 2).copied().unwrap_or(0.0);
        Self {
            bench,
            on,
            floor,
            ratio,
            aim,
            rounds,
        }
    }

    pub fn print(&self, invocation: Invocation<'_>) -> Result<(), Failure> {
        invocation.output.result(self, Self::text)
    }

    pub fn text(&self) -> String {
        let row = |round: &Round| {
            vec![
                format!("{:.0}", round.floor),
                format!("{:.0}", round.measured),
                format!("{:.2}", round.ratio),
            ]
        };
        let rows = format_table(
            &["floor/s", "consign/s", "ratio"],
            &self.rounds.iter().map(row).collect::<Vec<_>>(),
        );
        let aim = self.aim.map_or_else(String::new, |aim| {
            format!(
                ", aim {aim:.2}: {}",
                if self.ratio >= aim { "met" } else { "missed" }
            )
        });
        format!(
            "{} on {}; floor: {}\n{rows}ratio {:.2}{aim}\n",
            self.bench, self.on, self.floor, self.ratio
        )
    }
}

/// The value below which this share of sorted values lies.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::{Compared, Round, percentile};

    #[test]
    fn the_middle_round_counts() {
        let rounds = [(100.0, 10.0), (100.0, 90.0), (100.0, 60.0)]
            .map(|(floor, measured)| Round::new(floor, measured))
            .to_vec();
        assert_eq!(Compared::new("b", "o", "f", None, rounds).ratio, 0.6);
    }

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let sorted: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            (
                percentile(&sorted, 0.5),
                percentile(&sorted, 0.99),
                percentile(&sorted, 1.0)
            ),
            (50.0, 99.0, 100.0)
        );
        assert_eq!((percentile(&[7.0], 0.5), percentile(&[], 0.5)), (7.0, 0.0));
    }
}
