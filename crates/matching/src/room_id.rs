//! The name of a room: everyone who subscribes to the same filter on the same collection gets the
//! same one. Must never change for a given filter: clients keep these ids across restarts and
//! versions.

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::normalise::Normalised;

/// Keeps these ids apart from every other use of the same hash; its number is the version of the
/// canonical text.
const PURPOSE: &[u8] = b"consign room 1";

impl Normalised {
    /// 64 hexadecimal digits that depend on the index, the collection and the meaning of the
    /// filter.
    pub fn room_id(&self, index: &str, collection: &str) -> String {
        self.room_id_with_seed(PURPOSE, index, collection)
    }

    /// The same under a secret seed, for rooms whose names must not be guessed from their filters.
    pub fn room_id_with_seed(&self, seed: &[u8], index: &str, collection: &str) -> String {
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(seed).expect("HMAC takes a key of any length");
        for part in [index, collection, &self.text()] {
            // The length first, so that no two triples are the same bytes.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize()
            .into_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests;
