//! What `/readyz` says of one owned partition, and how often in a row it was taken without
//! progress. After the partition is released it says nothing more, whoever still calls.

use parking_lot::Mutex;
use runtime::{Health, State};
use std::sync::atomic::{AtomicBool, Ordering};

/// So many tenures in a row without progress are shown, and more of them are paced.
const STUCK: u32 = 3;

pub(crate) struct PartitionHealth {
    component: String,
    health: Health,
    tenures: Mutex<Tenures>,
    is_shown: AtomicBool,
}

#[derive(Default)]
struct Tenures {
    /// Where the last one began.
    place: Option<u64>,
    /// So many began where the one before did.
    stuck: u32,
    /// So many ended before they had begun.
    untaken: u32,
    is_taken: bool,
    is_released: bool,
}

impl PartitionHealth {
    pub fn new(component: &str, partition: u16, health: &Health) -> Self {
        Self {
            component: format!("{component} partition {partition}"),
            health: health.clone(),
            tenures: Mutex::default(),
            is_shown: AtomicBool::new(false),
        }
    }

    pub fn taken_at(&self, place: u64) {
        let mut tenures = self.tenures.lock();
        tenures.is_taken = true;
        let is_further = tenures.place != Some(place);
        if is_further {
            (tenures.place, tenures.stuck) = (Some(place), 0);
        } else {
            tenures.stuck += 1;
        }
        if is_further || std::mem::take(&mut tenures.untaken) > 0 {
            self.clear(&tenures);
        }
    }

    /// A tenure has ended for this reason, which is shown once that was so again and again.
    pub fn ended(&self, why: &str) {
        let mut tenures = self.tenures.lock();
        if !std::mem::take(&mut tenures.is_taken) {
            tenures.untaken += 1;
        }
        let times = tenures.stuck.max(tenures.untaken);
        drop(tenures);
        if times >= STUCK {
            self.show(format!("taken again {times} times without progress: {why}"));
        }
    }

    /// Is taking it at once again of no use?
    pub fn is_stuck(&self) -> bool {
        self.tenures.lock().stuck > STUCK
    }

    pub fn show(&self, why: String) {
        let tenures = self.tenures.lock();
        if !tenures.is_released {
            self.health.set(&self.component, State::Missing { why });
            self.is_shown.store(true, Ordering::Release);
        }
    }

    pub fn clear_if_shown(&self) {
        if self.is_shown.load(Ordering::Acquire) {
            self.clear(&self.tenures.lock());
        }
    }

    /// The partition is not ours to speak of any more.
    pub fn release(&self) {
        self.tenures.lock().is_released = true;
        self.health.forget(&self.component);
    }

    /// A partition that was released may be ours again by another assignment, which speaks for it.
    fn clear(&self, tenures: &Tenures) {
        if self.is_shown.swap(false, Ordering::AcqRel) && !tenures.is_released {
            self.health.forget(&self.component);
        }
    }
}
