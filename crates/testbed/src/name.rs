//! Names that no other test of this machine uses, and where the repository lies. Touches no server.

use std::{
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// A fresh name that starts with `purpose`: lower-case letters, digits and `_` only, so it can be a
/// topic prefix, a Cassandra keyspace (at most 48 characters) and an Elasticsearch index prefix
/// alike.
#[must_use]
pub fn unique(purpose: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let clean: String = purpose
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .skip_while(|c| !c.is_ascii_lowercase())
        .take(20)
        .collect();
    let start = if clean.is_empty() { "t" } else { &clean };
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis())
        % 10_000_000_000;
    format!(
        "{start}_{:x}_{millis:x}_{:x}",
        process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}
