//! What the rest of the world is told of this gateway's spool: `/readyz` and metrics. A gateway with
//! a spool that takes records is ready, whatever the log does.

use crate::{Ports, metrics::GatewayMetrics};
use runtime::{Clock, Health, State};
use spool::{SpoolStatus, machine::DiskState};

/// What may be missing while the spool takes records. Subscribers wait for the log meanwhile.
pub(crate) const DISPENSABLE: [&str; 7] = [
    "log",
    "topics",
    "catalog",
    "mailbox",
    "subscriptions",
    "security",
    "security-lease",
];

/// Says how the spool is.
pub(crate) fn report_spool(ports: &Ports, metrics: &GatewayMetrics) {
    let Some(spool) = &ports.spool else {
        return;
    };
    let (denied, status) = (ports.log.publisher.denied(), spool.status());
    let age = age_seconds(&status, ports.clock.as_ref());
    metrics.spool_records.set(signed_count(status.records));
    metrics.spool_bytes.set(signed_count(status.bytes));
    metrics.spool_age_seconds.set(age);
    set_health(&ports.health, &status, age, denied);
}

fn set_health(health: &Health, status: &SpoolStatus, age: i64, denied: Option<String>) {
    let held = format!(
        "{} records of {} bytes wait for the log, the oldest for {age} s",
        status.records, status.bytes
    );
    let state = match (denied, status.disk) {
        (Some(why), _) => State::Missing {
            why: format!(
                "ALARM: the log denies this gateway ({why}); nothing is spooled behind that"
            ),
        },
        (None, DiskState::Failed) => State::Missing {
            why: format!(
                "ALARM: its disk failed{}, restart the gateway; {held}",
                because(status)
            ),
        },
        (None, DiskState::Full) => State::Missing {
            why: format!("its disk is full; {held}"),
        },
        (None, DiskState::Away) => State::Missing {
            why: format!("it is out of reach{}; {held}", because(status)),
        },
        (None, DiskState::Well) => match &status.stuck {
            Some(why) => State::Degraded {
                why: format!("ALARM: {held}, and cannot be shipped: {why}"),
            },
            None if status.is_spooling => State::Degraded { why: held },
            None => State::Ready,
        },
    };
    health.set("spool", state);
}

fn because(status: &SpoolStatus) -> String {
    let why = status.disk_why.as_ref();
    why.map(|why| format!(" ({why})")).unwrap_or_default()
}

/// How long the oldest record has been in the spool.
pub(crate) fn age_seconds(status: &SpoolStatus, clock: &dyn Clock) -> i64 {
    let age = |since: i64| clock.now().saturating_sub(since).max(0) / 1_000;
    status.oldest.map_or(0, age)
}

fn signed_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
