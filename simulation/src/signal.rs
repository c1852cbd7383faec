//! A value that tasks wait for. Unlike a watch channel it wakes them in the order in which they
//! began to wait, so that a history is the same each time.

use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub struct Signal<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Copy> Signal<T> {
    pub fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            changed: Notify::new(),
        }
    }

    pub fn get(&self) -> T {
        *self.value.lock()
    }

    pub fn set(&self, value: T) {
        *self.value.lock() = value;
        self.changed.notify_waiters();
    }

    pub async fn wait_for(&self, is_it: impl Fn(T) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is_it(self.get()) {
                return;
            }
            changed.await;
        }
    }
}
