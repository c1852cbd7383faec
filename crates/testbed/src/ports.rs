//! Free ports for servers that cannot be given port 0. Stays below the range from which the kernel
//! picks ports by itself.

use std::{
    env,
    fs::{self, File},
    net::TcpListener,
    process,
    sync::atomic::{AtomicU16, Ordering},
};

use anyhow::{Context, Result, bail};

const FIRST: u16 = 20_000;
const BLOCK: u16 = 8;
const BLOCKS: u16 = 1_000;

/// A block of free ports, kept from every other test of this machine until it is dropped.
#[derive(Debug)]
pub struct Reservation {
    first: u16,
    _lock: File,
}

impl Reservation {
    /// Port `n` of the block, from 0 on.
    ///
    /// # Panics
    /// If the block is smaller than that.
    #[must_use]
    pub fn port(&self, n: u16) -> u16 {
        assert!(n < BLOCK, "a block has {BLOCK} ports");
        self.first + n
    }
}

/// Reserves a block of ports that are free now.
///
/// # Errors
/// If none is free, or the folder of the locks cannot be written.
pub fn reserve() -> Result<Reservation> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let folder = env::temp_dir().join("consign-ports");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let start = u16::try_from(process::id() % u32::from(BLOCKS))
        .unwrap_or(0)
        .wrapping_mul(7);
    for _ in 0..BLOCKS {
        let block = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % BLOCKS;
        let first = FIRST + block * BLOCK;
        let Ok(lock) = File::create(folder.join(first.to_string())) else {
            continue;
        };
        if lock.try_lock().is_ok()
            && (first..first + BLOCK).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        {
            return Ok(Reservation { first, _lock: lock });
        }
    }
    bail!("no block of {BLOCK} free ports from {FIRST} on")
}
