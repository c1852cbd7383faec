//! How many connections there may be: in all, and from one address. A connection keeps its permit
//! until it ends, whatever it becomes.

use parking_lot::Mutex;
use std::{collections::HashMap, net::IpAddr, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bounds, and what is taken of them.
#[derive(Debug)]
pub(crate) struct ConnectionPermits {
    all: Arc<Semaphore>,
    maximum: u32,
    per_address: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// The permit of one connection. Given back on drop.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    _permit: OwnedSemaphorePermit,
    permits: Arc<ConnectionPermits>,
    address: IpAddr,
}

impl ConnectionPermits {
    pub(crate) fn new(maximum: usize, per_address: usize) -> Arc<Self> {
        let maximum = u32::try_from(maximum).unwrap_or(u32::MAX).clamp(1, 1 << 28);
        Arc::new(Self {
            all: Arc::new(Semaphore::new(maximum as usize)),
            maximum,
            per_address,
            by_address: Mutex::default(),
        })
    }

    /// Waits until there is room for one more, from anywhere.
    pub(crate) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.all.clone().acquire_owned().await.ok()
    }

    /// `None`: there are too many from this address.
    pub(crate) fn take(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        address: IpAddr,
    ) -> Option<ConnectionPermit> {
        let mut by_address = self.by_address.lock();
        let count = by_address.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(ConnectionPermit {
            _permit: permit,
            permits: self.clone(),
            address,
        })
    }

    pub(crate) fn taken(&self) -> usize {
        (self.maximum as usize).saturating_sub(self.all.available_permits())
    }

    /// Resolves when every connection has ended.
    pub(crate) async fn empty(&self) {
        drop(self.all.acquire_many(self.maximum).await);
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut by_address = self.permits.by_address.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}
