//! What clients say while brokers are out of reach: each of a process's clients says it again and
//! again, several times a second. It is logged once when it begins, summed up each minute while it
//! goes on, and once when it has ended. It must never keep back what is said of anything else.

use parking_lot::Mutex;
use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};
use std::time::{Duration, Instant};

/// Between two lines of one outage; and after so long without a failure it is over.
const EVERY: Duration = Duration::from_secs(60);

/// Of all clients of this process: they have the same brokers.
static OUTAGE: Mutex<Outage> = Mutex::new(Outage { since: None });

/// Failures to reach brokers, in a row.
#[derive(Debug)]
struct Outage {
    since: Option<OngoingOutage>,
}

#[derive(Debug)]
struct OngoingOutage {
    began: Instant,
    told: Instant,
    latest: Instant,
    /// Since it was told of.
    failures: u64,
}

/// What is to be logged now.
#[derive(Debug, PartialEq, Eq)]
enum OutageLine {
    Began,
    GoesOn { failures: u64, since: Duration },
    Ended { failures: u64, since: Duration },
}

impl Outage {
    fn failed(&mut self, now: Instant) -> Option<OutageLine> {
        let is_over = |outage: &OngoingOutage| now.duration_since(outage.latest) >= EVERY;
        match &mut self.since {
            Some(outage) if !is_over(outage) => {
                outage.latest = now;
                outage.failures += 1;
                (now.duration_since(outage.told) >= EVERY).then(|| {
                    outage.told = now;
                    OutageLine::GoesOn {
                        failures: std::mem::take(&mut outage.failures),
                        since: now.duration_since(outage.began),
                    }
                })
            }
            _ => {
                self.since = Some(OngoingOutage {
                    began: now,
                    told: now,
                    latest: now,
                    failures: 0,
                });
                Some(OutageLine::Began)
            }
        }
    }

    fn reached(&mut self, now: Instant) -> Option<OutageLine> {
        let outage = self.since.take()?;
        Some(OutageLine::Ended {
            failures: outage.failures,
            since: now.duration_since(outage.began),
        })
    }
}

/// Does this only say that a broker is out of reach?
pub(super) fn is_out_of_reach(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Resolve
        )
    )
}

/// A client could not reach a broker.
pub(super) fn log_failure(reason: &str) {
    let line = OUTAGE.lock().failed(Instant::now());
    match line {
        Some(OutageLine::GoesOn { failures, since }) => {
            let away_s = since.as_secs();
            tracing::warn!(target: "kafka", failures, away_s, reason, "brokers are still out of reach; retrying");
        }
        Some(_) => {
            tracing::warn!(target: "kafka", reason, "a broker is out of reach; retrying");
        }
        None => tracing::debug!(target: "kafka", reason, "a broker is out of reach"),
    }
}

/// Brokers deny a client; once for each denial of a client.
pub(super) fn log_denial(reason: &str) {
    tracing::error!(target: "kafka", reason, "brokers deny this client; no outage, and waiting will not end it: look at the credentials and certificates");
}

/// A broker answers after none did.
pub(super) fn log_reached() {
    let line = OUTAGE.lock().reached(Instant::now());
    if let Some(OutageLine::Ended { failures, since }) = line {
        let away_s = since.as_secs();
        tracing::info!(target: "kafka", failures, away_s, "a broker is within reach again");
    }
}

#[cfg(test)]
mod tests;
