//! Bulk uploads: a file becomes events of its own key, is answered with the id of its process, and is
//! carried out line by line by whichever gateway comes to it, each line as if a client had asked. It
//! must never hold a file.

mod block;
pub(crate) mod body;
pub(crate) mod csv;
pub(crate) mod header;
pub(crate) mod intake;
pub(crate) mod open_uploads;
pub(crate) mod runner;
pub(crate) mod status;

use event_schema::id::RequestId;

/// Which event of an upload: its id derives from this and the upload's own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DerivedId {
    /// A piece of the file, from 0.
    Chunk(u64),
    /// What a line asks for: the line, from 1, and which of its requests.
    Line(u64, u64),
    /// A block of results, from 0.
    Results(u64),
}

/// Requests that one line may be.
const PER_LINE: u64 = 8;

impl DerivedId {
    pub(crate) fn of(self, upload: &[u8; 16]) -> [u8; 16] {
        let n = match self {
            Self::Line(line, n) => line * PER_LINE + n,
            Self::Chunk(n) => (1 << 56) | n,
            Self::Results(n) => (2 << 56) | n,
        };
        RequestId::child(upload, n)
    }
}

/// The id by which people know an upload.
pub(crate) fn process_id(unique: &[u8; 16]) -> String {
    format!("{:025}", u128::from_be_bytes(*unique) >> 46)
}
