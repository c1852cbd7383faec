//! HMAC-SHA256 with named keys: what makes request ids, tokens and cursors unforgeable. It must
//! never log or print a secret.

mod listed;

pub use listed::BadSigningKeys;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// A key with its name.
pub struct NamedKey {
    id: u8,
    /// The MAC before its first byte: half of what a short text costs is to get there.
    keyed: Hmac<Sha256>,
}

/// A deployment's secret, and the keys that sign what callers are given for a while and bring back.
/// What must be the same for ever (request ids, names that are derived) follows from the secret. All
/// gateways and workers of a deployment hold the same; clones share the keys.
#[derive(Clone)]
pub struct Keyring {
    secret: Arc<NamedKey>,
    /// The first signs, all verify.
    signing: Arc<RwLock<Arc<[Arc<NamedKey>]>>>,
}

/// The keys that were listed at some moment.
#[derive(Clone)]
pub struct ListedKeys(Arc<[Arc<NamedKey>]>);

impl NamedKey {
    pub fn new(id: u8, secret: impl Into<Vec<u8>>) -> Self {
        let keyed = keyed_by(&secret.into());
        Self { id, keyed }
    }

    /// The key's name, carried beside each signature so that keys can be rotated.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// The 32-byte tag over `purpose` and `parts`; each part is length-prefixed, so no two lists of
    /// parts collide.
    pub fn tag(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Compares in constant time; `given` may be a prefix of the tag, but of 6 bytes at least.
    pub fn verify(&self, purpose: &str, parts: &[&[u8]], given: &[u8]) -> bool {
        let tag = self.tag(purpose, parts);
        given.len() >= 6
            && given.len() <= tag.len()
            && given.iter().zip(tag).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
    }

    /// The HS256 signature (RFC 7515) of a text, by a key that is derived for the purpose.
    pub fn hs256(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        self.derived(purpose, text).finalize().into_bytes().into()
    }

    /// Compares a whole signature in constant time.
    pub fn verify_hs256(&self, purpose: &str, text: &[u8], given: &[u8]) -> bool {
        self.derived(purpose, text).verify_slice(given).is_ok()
    }

    fn derived(&self, purpose: &str, text: &[u8]) -> Hmac<Sha256> {
        let mut mac = keyed_by(&self.tag(purpose, &[b"hs256"]));
        mac.update(text);
        mac
    }
}

fn keyed_by(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes a key of any length")
}

impl Keyring {
    /// `secret`: at least 16 bytes, 32 recommended. It signs, too, until other keys are
    /// [listed](Self::list_signing_keys).
    pub fn new(id: u8, secret: impl Into<Vec<u8>>) -> Self {
        let secret = Arc::new(NamedKey::new(id, secret));
        let signing = [secret.clone()].into();
        Self {
            secret,
            signing: Arc::new(RwLock::new(signing)),
        }
    }

    /// The secret's name.
    pub fn id(&self) -> u8 {
        self.secret.id()
    }

    /// By the secret: see [`NamedKey::tag`].
    pub fn tag(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        self.secret.tag(purpose, parts)
    }

    /// By the secret: see [`NamedKey::verify`].
    pub fn verify(&self, purpose: &str, parts: &[&[u8]], given: &[u8]) -> bool {
        self.secret.verify(purpose, parts, given)
    }

    /// The key that signs now.
    pub fn signer(&self) -> Arc<NamedKey> {
        let signing = self.signing_keys();
        signing.first().unwrap_or(&self.secret).clone()
    }

    /// The key of this name, if what it signed is believed.
    pub fn signing_key(&self, id: u8) -> Option<Arc<NamedKey>> {
        let signing = self.signing_keys();
        signing.iter().find(|key| key.id == id).cloned()
    }

    /// What is listed now: to be asked before something is verified whose outcome is kept.
    pub fn listed(&self) -> ListedKeys {
        ListedKeys(self.signing_keys())
    }

    /// Was nothing listed since?
    pub fn is_listed(&self, keys: &ListedKeys) -> bool {
        Arc::ptr_eq(&self.signing_keys(), &keys.0)
    }

    fn signing_keys(&self) -> Arc<[Arc<NamedKey>]> {
        let signing = self.signing.read();
        signing.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedKey({})", self.id)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({})", self.id())
    }
}
