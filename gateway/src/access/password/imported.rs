//! Hashes that Kuzzle's local strategy made, taken over as they are: their users log in as before,
//! and are hashed anew then. It must never make such a hash.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use ring::{digest, hmac, pbkdf2};
use serde::Deserialize;
use std::{hint::black_box, num::NonZeroU32, sync::LazyLock};
use subtle::ConstantTimeEq;
use tokio::time::Instant;

const PREFIX: &str = "$kuzzle$";
/// Rounds of every stretched hash.
const ROUNDS: NonZeroU32 = NonZeroU32::new(10_000).expect("it is not nought");
/// No hash or salt is longer, bytes.
const LONGEST: usize = 1024;

/// As Kuzzle stores it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KuzzleHash {
    user_password: String,
    user_salt: String,
    #[serde(default = "usual_algorithm")]
    algorithm: String,
    #[serde(default)]
    stretching: bool,
    #[serde(default)]
    encryption: Option<String>,
    #[serde(default)]
    pepper: bool,
}

fn usual_algorithm() -> String {
    "sha512".to_owned()
}

/// Why a hash is not taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnknownHash {
    #[error("the algorithm `{0}` is not known")]
    Algorithm(String),
    #[error("the encryption `{0}` is not known")]
    Encryption(String),
    #[error("what is peppered cannot be compared without the pepper")]
    Peppered,
    #[error("the hash is not hexadecimal, or has not the length of its algorithm")]
    Length,
    #[error("the salt is empty or too long")]
    Salt,
}

/// What a hash was made by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HashMethod {
    Stretched,
    Keyed,
    Plain,
}

impl HashMethod {
    const ALL: [(Self, &str); 3] = [
        (Self::Stretched, "pbkdf2"),
        (Self::Keyed, "hmac"),
        (Self::Plain, "hash"),
    ];

    fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(method, _)| *method == self);
        known.map_or("", |(_, name)| name)
    }

    fn of_name(name: &str) -> Option<Self> {
        let known = Self::ALL.iter().find(|(_, known)| *known == name);
        known.map(|(method, _)| *method)
    }
}

/// A digest in each of its uses, and how many bytes a stretched hash by it has.
struct HashDigest {
    name: &'static str,
    stretched: pbkdf2::Algorithm,
    keyed: hmac::Algorithm,
    plain: &'static digest::Algorithm,
    stretched_bytes: usize,
}

fn digest_of(name: &str) -> Option<HashDigest> {
    let (name, stretched, keyed, plain, stretched_bytes) = match name {
        "sha1" => (
            "sha1",
            pbkdf2::PBKDF2_HMAC_SHA1,
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            40,
        ),
        "sha256" => (
            "sha256",
            pbkdf2::PBKDF2_HMAC_SHA256,
            hmac::HMAC_SHA256,
            &digest::SHA256,
            256,
        ),
        "sha384" => (
            "sha384",
            pbkdf2::PBKDF2_HMAC_SHA384,
            hmac::HMAC_SHA384,
            &digest::SHA384,
            384,
        ),
        "sha512" => (
            "sha512",
            pbkdf2::PBKDF2_HMAC_SHA512,
            hmac::HMAC_SHA512,
            &digest::SHA512,
            512,
        ),
        _ => return None,
    };
    Some(HashDigest {
        name,
        stretched,
        keyed,
        plain,
        stretched_bytes,
    })
}

impl KuzzleHash {
    /// As it is kept here.
    pub(crate) fn kept(&self) -> Result<String, UnknownHash> {
        if self.pepper {
            return Err(UnknownHash::Peppered);
        }
        let unknown = || UnknownHash::Algorithm(self.algorithm.clone());
        let digest = digest_of(&self.algorithm).ok_or_else(unknown)?;
        let method = match (self.stretching, self.encryption.as_deref()) {
            (true, _) => HashMethod::Stretched,
            (false, None | Some("hmac")) => HashMethod::Keyed,
            (false, Some("hash")) => HashMethod::Plain,
            (false, Some(other)) => return Err(UnknownHash::Encryption(other.to_owned())),
        };
        let bytes = match method {
            HashMethod::Stretched => digest.stretched_bytes,
            HashMethod::Keyed | HashMethod::Plain => digest.plain.output_len(),
        };
        let hash = unhex(&self.user_password).filter(|hash| hash.len() == bytes);
        let hash = hash.ok_or(UnknownHash::Length)?;
        if self.user_salt.is_empty() || self.user_salt.len() > LONGEST {
            return Err(UnknownHash::Salt);
        }
        let (salt, hash) = (BASE64.encode(&self.user_salt), BASE64.encode(hash));
        Ok(format!(
            "{PREFIX}{}${}${salt}${hash}",
            method.name(),
            digest.name
        ))
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || text.len() > 2 * LONGEST {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

/// Is it one of these?
pub(super) fn is_imported(stored: &str) -> bool {
    stored.starts_with(PREFIX)
}

/// Is it the password of this hash? One that cannot be read is nobody's.
pub(super) fn matches(password: &[u8], stored: &str) -> bool {
    compared(password, stored).unwrap_or(false)
}

fn compared(password: &[u8], stored: &str) -> Option<bool> {
    let mut parts = stored.strip_prefix(PREFIX)?.split('$');
    let (method, digest) = (
        HashMethod::of_name(parts.next()?)?,
        digest_of(parts.next()?)?,
    );
    let salt = BASE64.decode(parts.next()?).ok()?;
    let hash = BASE64.decode(parts.next()?).ok()?;
    let compared = match method {
        HashMethod::Stretched => {
            pbkdf2::verify(digest.stretched, ROUNDS, &salt, password, &hash).is_ok()
        }
        HashMethod::Keyed => {
            let key = hmac::Key::new(digest.keyed, &salt);
            hmac::verify(&key, password, &hash).is_ok()
        }
        HashMethod::Plain => {
            let mut made = digest::Context::new(digest.plain);
            [&salt[..], b":", password]
                .into_iter()
                .for_each(|piece| made.update(piece));
            made.finish().as_ref().ct_eq(&hash).into()
        }
    };
    Some(compared)
}

/// The bytes of the dearest hash there is: stretched, by SHA-512.
const DEAREST_BYTES: usize = 512;

/// Does what comparing with this hash, whatever made it, left out of the dearest one.
pub(super) fn spend_rest(password: &[u8], compared: &str) {
    let spent = spent_rounds(compared);
    let Some(left) = NonZeroU32::new(ROUNDS.get().saturating_sub(spent)) else {
        return;
    };
    let mut made = [0; DEAREST_BYTES];
    let dearest = pbkdf2::PBKDF2_HMAC_SHA512;
    pbkdf2::derive(dearest, left, compared.as_bytes(), password, &mut made);
    black_box(made);
}

/// What a comparison takes, in rounds of the dearest hash.
fn spent_rounds(compared: &str) -> u32 {
    let mut parts = compared.strip_prefix(PREFIX).unwrap_or("").split('$');
    let method = parts.next().and_then(HashMethod::of_name);
    let digest = parts.next().and_then(digest_of);
    match (method, digest) {
        (Some(HashMethod::Stretched), Some(digest)) => match digest.name {
            // Eight blocks of the same function.
            "sha384" | "sha512" => ROUNDS.get(),
            name => rounds_of_other(name),
        },
        _ => 0,
    }
}

/// Of the digests that are another function, measured once.
fn rounds_of_other(name: &str) -> u32 {
    static SHARES: LazyLock<[(&str, f64); 2]> = LazyLock::new(|| {
        let dearest = measured_seconds("sha512");
        ["sha1", "sha256"].map(|name| (name, measured_seconds(name) / dearest))
    });
    let share = SHARES.iter().find(|(known, _)| *known == name);
    share.map_or(0, |(_, share)| (f64::from(ROUNDS.get()) * share) as u32)
}

/// The least of a few, since others run beside it.
fn measured_seconds(name: &str) -> f64 {
    const FEW_ROUNDS: NonZeroU32 = NonZeroU32::new(500).expect("it is not nought");
    let digest = digest_of(name).expect("the digest is of a known kind");
    let mut made = [0; DEAREST_BYTES];
    let mut least = f64::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let made = &mut made[..digest.stretched_bytes];
        pbkdf2::derive(digest.stretched, FEW_ROUNDS, b"salt", b"password", made);
        least = least.min(begun.elapsed().as_secs_f64());
    }
    least.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
pub(super) mod tests;
