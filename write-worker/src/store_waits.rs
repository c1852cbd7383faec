//! Which stores are waited for, by which partitions, since when and why: for `/readyz` and metrics. A
//! store that answers every call is not mentioned. It must never decide whether anything is tried
//! again.

use crate::metrics::StoreGauges;
use parking_lot::Mutex;
use runtime::{Health, State};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::Instant;

/// All calls that wait for a store. Clones share it.
#[derive(Clone)]
pub(crate) struct StoreWaits(Arc<SharedWaits>);

struct SharedWaits {
    health: Health,
    gauges: StoreGauges,
    waiting: Mutex<WaitingCalls>,
}

#[derive(Default)]
struct WaitingCalls {
    /// By store.
    stores: BTreeMap<&'static str, BTreeMap<u64, OneWait>>,
    made: u64,
}

struct OneWait {
    /// Not known of reads.
    partition: Option<u16>,
    since: Instant,
    tries: u32,
    backoff: Duration,
    why: String,
}

/// One caller of a store: it waits from its first failure until it is dropped.
pub(crate) struct StoreWait {
    waits: StoreWaits,
    store: &'static str,
    partition: Option<u16>,
    number: Option<u64>,
}

impl StoreWaits {
    pub fn new(health: Health, gauges: StoreGauges) -> Self {
        Self(Arc::new(SharedWaits {
            health,
            gauges,
            waiting: Mutex::default(),
        }))
    }

    pub fn of(&self, store: &'static str, partition: Option<u16>) -> StoreWait {
        StoreWait {
            waits: self.clone(),
            store,
            partition,
            number: None,
        }
    }

    fn show_waits(&self, store: &'static str, waits: &BTreeMap<u64, OneWait>) {
        let SharedWaits { health, gauges, .. } = &*self.0;
        let component = format!("waits for {store}");
        let backoff = waits.values().map(|wait| wait.backoff).max();
        gauges.set(store, waits.len(), backoff.unwrap_or_default());
        let Some(oldest) = waits.values().min_by_key(|wait| wait.since) else {
            health.forget(&component);
            return;
        };
        let mut partitions: Vec<u16> = waits.values().filter_map(|wait| wait.partition).collect();
        partitions.sort_unstable();
        partitions.dedup();
        let who = if partitions.is_empty() {
            "reads".to_owned()
        } else {
            format!("partitions {partitions:?}")
        };
        let why = format!(
            "{who} wait for it: {}; tried {} times, again in {:.1} s",
            oldest.why,
            oldest.tries,
            oldest.backoff.as_secs_f64(),
        );
        health.set(&component, State::Degraded { why });
    }
}

impl StoreWait {
    /// The store did not answer, and is asked again after this.
    pub fn failed(&mut self, why: &str, backoff: Duration) {
        let mut waiting = self.waits.0.waiting.lock();
        let number = *self.number.get_or_insert_with(|| {
            waiting.made += 1;
            waiting.made
        });
        let waits = waiting.stores.entry(self.store).or_default();
        let wait = waits.entry(number).or_insert_with(|| OneWait {
            partition: self.partition,
            since: Instant::now(),
            tries: 0,
            backoff,
            why: String::new(),
        });
        wait.tries += 1;
        wait.backoff = backoff;
        why.clone_into(&mut wait.why);
        self.waits.show_waits(self.store, waits);
    }
}

impl Drop for StoreWait {
    fn drop(&mut self) {
        let Some(number) = self.number else {
            return;
        };
        let mut waiting = self.waits.0.waiting.lock();
        if let Some(waits) = waiting.stores.get_mut(self.store) {
            waits.remove(&number);
            self.waits.show_waits(self.store, waits);
        }
    }
}
