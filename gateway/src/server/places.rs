//! How many connections there may be: in all, and from one address. A connection keeps its place
//! until it ends, whatever it became.

use parking_lot::Mutex;
use std::{collections::HashMap, net::IpAddr, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    most: u32,
    per_address: usize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's. Given back on drop.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    pub(crate) fn new(most: usize, per_address: usize) -> Arc<Self> {
        let most = u32::try_from(most).unwrap_or(u32::MAX).clamp(1, 1 << 28);
        Arc::new(Self {
            all: Arc::new(Semaphore::new(most as usize)),
            most,
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
    ) -> Option<Place> {
        let mut by_address = self.by_address.lock();
        let count = by_address.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Place {
            _permit: permit,
            places: self.clone(),
            address,
        })
    }

    pub(crate) fn taken(&self) -> usize {
        (self.most as usize).saturating_sub(self.all.available_permits())
    }

    /// Resolves when every connection has ended.
    pub(crate) async fn empty(&self) {
        drop(self.all.acquire_many(self.most).await);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.places.by_address.lock();
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}
