//! Bulk uploads: a file becomes events of its own key, is answered with the id of its process, and is
//! carried out line by line by whichever gateway comes to it, each line as if a client had asked. It
//! must never hold a file.

mod block;
pub(crate) mod body;
pub(crate) mod csv;
mod definitions;
pub(crate) mod header;
pub(crate) mod intake;
mod kept_file;
pub(crate) mod keyed;
mod lease_upkeep;
mod line;
pub(crate) mod open_uploads;
pub(crate) mod runner;
pub(crate) mod status;

use event_schema::id::RequestId;

/// Which event of an upload: its id derives from this and the upload's own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DerivedId {
    /// A piece of the file, from 0.
    Chunk(u64),
    /// What a line asks for: the line, from 1, which of its requests, from 0, and whether none
    /// follows. So the ids that the ledger knows tell whether a line is done, whatever the line would
    /// ask for now.
    Line { line: u64, n: u64, is_last: bool },
    /// A block of results, from 0, written under this claim of the upload.
    Results { block: u64, claims: u64 },
}

/// Requests that one line may be.
pub(crate) const PER_LINE: u64 = 8;

impl DerivedId {
    pub(crate) fn of(self, upload: &[u8; 16]) -> [u8; 16] {
        let n = match self {
            Self::Line { line, n, is_last } => (line * PER_LINE + n) * 2 + u64::from(is_last),
            Self::Chunk(n) => (1 << 56) | n,
            Self::Results { block, claims } => (2 << 56) | (claims << 32) | block,
        };
        RequestId::child(upload, n)
    }
}

/// The id by which people know an upload.
pub(crate) fn process_id(unique: &[u8; 16]) -> String {
    format!("{:025}", u128::from_be_bytes(*unique) >> 46)
}
