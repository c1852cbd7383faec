//! Memory of committed batches, kept for the next ones of any log that the same thread commits: a
//! batch that starts with nothing grows by being copied again and again. Must never keep more than
//! [`KEPT`] bytes when nothing is written.

use parking_lot::Mutex;
use std::mem;

/// Bytes of all buffers that are kept.
const KEPT: usize = 8 << 20;

#[derive(Default)]
pub(crate) struct SpareBuffers {
    kept: Mutex<KeptBuffers>,
}

#[derive(Default)]
struct KeptBuffers {
    /// The last one is the one that was used last.
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl SpareBuffers {
    /// An empty buffer, with the memory of an earlier batch if there is one.
    pub fn take_buffer(&self) -> Vec<u8> {
        let mut kept = self.kept.lock();
        let buffer = kept.buffers.pop().unwrap_or_default();
        kept.bytes -= buffer.capacity();
        buffer
    }

    /// Keeps the memory of a batch if there is room for it.
    pub fn keep_buffer(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut kept = self.kept.lock();
        if buffer.capacity() > 0 && kept.bytes + buffer.capacity() <= KEPT {
            kept.bytes += buffer.capacity();
            kept.buffers.push(mem::take(&mut buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_no_more_is_kept_than_the_limit() {
        let spare = SpareBuffers::default();
        assert_eq!(spare.take_buffer().capacity(), 0);
        let mut buffer = Vec::with_capacity(KEPT / 2);
        buffer.push(1);
        spare.keep_buffer(buffer);
        spare.keep_buffer(Vec::with_capacity(KEPT / 2 + 1));
        let again = spare.take_buffer();
        assert!(again.is_empty() && again.capacity() == KEPT / 2);
        assert_eq!(spare.take_buffer().capacity(), 0, "the second was too much");
        spare.keep_buffer(Vec::with_capacity(KEPT));
        assert_eq!(spare.take_buffer().capacity(), KEPT, "room is given back");
    }
}
