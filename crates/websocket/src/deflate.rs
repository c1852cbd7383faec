//! permessage-deflate (RFC 7692) without context takeover: no message needs another's, so no
//! connection keeps a compressor (some 300 KiB each) and a compressed message can be shared. Each
//! thread has one compressor and one decompressor for all.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::cell::RefCell;

/// What ends each message and is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Fast: a notification must not wait for the last per cent.
const LEVEL: u32 = 1;

/// Why a message cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    TooLarge,
    Damaged,
}

thread_local! {
    static DEFLATER: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(LEVEL), false));
    static INFLATER: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// `None` where it would not be smaller.
pub fn deflate_payload(plain: &[u8]) -> Option<Vec<u8>> {
    DEFLATER.with_borrow_mut(|deflater| {
        deflater.reset();
        let mut packed = Vec::with_capacity(plain.len() / 2 + 64);
        loop {
            let taken = usize::try_from(deflater.total_in()).ok()?;
            let before = packed.len();
            deflater
                .compress_vec(&plain[taken..], &mut packed, FlushCompress::Sync)
                .ok()?;
            if packed.len() > plain.len() {
                return None;
            }
            if packed.len() < packed.capacity() && deflater.total_in() == plain.len() as u64 {
                break;
            }
            // No progress and no room cannot both be: room is made before each turn.
            packed.reserve(if packed.len() == before {
                1024
            } else {
                packed.len()
            });
        }
        let end = packed.len().checked_sub(TAIL.len())?;
        (packed[end..] == TAIL).then(|| packed.truncate(end))?;
        (packed.len() < plain.len()).then_some(packed)
    })
}

/// At most `limit` bytes.
pub fn inflate_payload(packed: &[u8], limit: usize) -> Result<Vec<u8>, InflateError> {
    INFLATER.with_borrow_mut(|inflater| {
        inflater.reset(false);
        let mut plain = Vec::with_capacity((packed.len() * 3).min(limit) + 64);
        for piece in [packed, &TAIL] {
            let begun = inflater.total_in();
            loop {
                let taken = usize::try_from(inflater.total_in() - begun).unwrap_or(usize::MAX);
                let (left, before) = (&piece[taken.min(piece.len())..], plain.len());
                let status = inflater
                    .decompress_vec(left, &mut plain, FlushDecompress::Sync)
                    .map_err(|_| InflateError::Damaged)?;
                if plain.len() > limit {
                    return Err(InflateError::TooLarge);
                }
                let all = inflater.total_in() - begun == piece.len() as u64;
                match (status, all, plain.len() < plain.capacity()) {
                    // A last block ends the message, whatever follows.
                    (Status::StreamEnd, _, _) => return Ok(plain),
                    (Status::Ok | Status::BufError, true, true) => break,
                    (Status::Ok | Status::BufError, false, true)
                        if inflater.total_in() - begun == taken as u64 && plain.len() == before =>
                    {
                        return Err(InflateError::Damaged);
                    }
                    (Status::Ok | Status::BufError, _, true) => {}
                    (Status::Ok | Status::BufError, _, false) => {
                        plain.reserve(plain.len().min(limit) + 64)
                    }
                }
            }
        }
        Ok(plain)
    })
}

#[cfg(test)]
mod tests;
