//! How a notification names the request of a write: by a hash of its id, since the id itself is for
//! whoever made the request. Must never name a request that this run did not make.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// The first 16 bytes of the SHA-256 of the id's text, in hexadecimal digits.
pub(super) fn notification_label(request: &str) -> String {
    let hash = Sha256::digest(request.as_bytes());
    hash[..16].iter().fold(String::new(), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}
