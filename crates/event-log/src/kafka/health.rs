//! Is a broker within reach? A suspicion (connections gone, no answers) is checked before anybody
//! is told: a connection that was closed for being idle is none. Must never be asked of the broker
//! by those who only want to know.

use super::{bootstrap::Bootstrap, outage_log, producer::Shared};
use parking_lot::Mutex;
use rdkafka::producer::Producer;
use std::{
    sync::{
        Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How often suspicions are looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long a broker may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);
/// Records in flight and no answer for so long is suspicious.
const SILENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct ClientHealth {
    down: AtomicBool,
    suspected: AtomicBool,
    /// Records acknowledged, ever.
    delivered: AtomicU64,
    /// Why brokers will not have this client, until one does.
    denied: Mutex<Option<String>>,
}

impl ClientHealth {
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Acquire)
    }

    pub fn suspect(&self) {
        self.suspected.store(true, Ordering::Release);
    }

    /// A broker said that it will not have this client.
    pub fn denied(&self, reason: &str) {
        let mut denied = self.denied.lock();
        if denied.is_none() {
            outage_log::log_denial(reason);
        }
        *denied = Some(reason.to_owned());
        self.down.store(true, Ordering::Release);
    }

    pub fn denial(&self) -> Option<String> {
        self.denied.lock().clone()
    }

    pub fn delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
        if self.is_down() {
            self.reached();
        }
    }

    /// A broker answers, so neither is the log away nor does it deny.
    fn reached(&self) {
        *self.denied.lock() = None;
        if self.down.swap(false, Ordering::AcqRel) {
            outage_log::log_reached();
        }
    }
}

/// The thread that checks, until the publisher is gone.
pub(super) fn watch_brokers(shared: &Weak<Shared>, mut bootstrap: Bootstrap) {
    let (mut delivered, mut since) = (0, Instant::now());
    loop {
        thread::sleep(LOOK);
        let Some(shared) = shared.upgrade() else {
            return;
        };
        if shared.stop.load(Ordering::Acquire) {
            return;
        }
        bootstrap.look(shared.producer().client());
        let health = &shared.health;
        let now = health.delivered.load(Ordering::Relaxed);
        if now != delivered || shared.load.records.load(Ordering::Acquire) == 0 {
            (delivered, since) = (now, Instant::now());
        }
        let suspicious = health.suspected.swap(false, Ordering::AcqRel)
            || health.is_down()
            || since.elapsed() >= SILENCE;
        if suspicious {
            check_brokers(&shared);
        }
    }
}

fn check_brokers(shared: &Shared) {
    let answer = shared.producer().client().fetch_metadata(None, PATIENCE);
    let was_down = shared.health.is_down();
    if answer.is_err() {
        shared.health.down.store(true, Ordering::Release);
    } else {
        shared.health.reached();
    }
    match answer {
        Err(error) if !was_down => outage_log::log_failure(&error.to_string()),
        Err(_) | Ok(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One broker may deny what the others take.
    #[test]
    fn a_record_that_is_delivered_ends_a_denial() {
        let health = ClientHealth::default();
        health.denied("wrong password");
        assert_eq!(health.denial().as_deref(), Some("wrong password"));
        assert!(health.is_down());
        health.delivered();
        assert_eq!((health.is_down(), health.denial()), (false, None));
    }
}
