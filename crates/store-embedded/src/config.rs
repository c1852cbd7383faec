//! How the file is opened. Nothing here weakens a promise: there is no setting to make a commit
//! less durable.

use runtime::{Clock, SystemClock};
use std::path::PathBuf;

#[derive(Clone, Debug)]
pub struct Config {
    /// The file; its folder must be there.
    pub path: PathBuf,
    /// Connections that read at the same time.
    pub readers: usize,
    /// Memory for pages: of the writer, and of each reader.
    pub writer_cache_kib: u32,
    pub reader_cache_kib: u32,
    /// Memory for indexes of fields that are searched; 0: searches read all documents.
    pub index_bytes: usize,
    /// Collections of fewer documents are read whole.
    pub index_from: u64,
    /// The file never grows beyond this many pages of 4 KiB; writes are told that the disk is full.
    pub page_limit: Option<u32>,
    /// Unix milliseconds: decides which rows and claims have expired.
    pub now: fn() -> i64,
}

impl Config {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 3,
            writer_cache_kib: 16 * 1024,
            reader_cache_kib: 4 * 1024,
            index_bytes: 256 * 1024 * 1024,
            index_from: 500,
            page_limit: None,
            now: system_clock,
        }
    }
}

fn system_clock() -> i64 {
    SystemClock.now()
}
