//! One subject's key: texts to cipher texts and back. AES-256-GCM-SIV with a nonce that derives from
//! the text, so that the same text is the same cipher text under the same key: repeats and
//! comparisons of one subject's values stay what they were, and no randomness is needed to plan.

use aes_gcm_siv::{
    Aes256GcmSiv, KeyInit,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use event_schema::signing::Keyring;
use std::fmt;

/// What every sealed text begins with.
pub(crate) const PREFIX: &str = "sealed:1:";
const ID: usize = 12;
const NONCE: usize = 12;

/// Names a subject's key without naming the subject: a keyed hash of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub(crate) [u8; ID]);

impl KeyId {
    /// Of an entity key.
    pub fn of(secret: &Keyring, subject: &str) -> Self {
        let tag = secret.tag("sealing subject", &[subject.as_bytes()]);
        let mut id = [0; ID];
        id.copy_from_slice(&tag[..ID]);
        Self(id)
    }

    /// Of the key that a sealed text names.
    pub fn of_sealed(text: &str) -> Option<Self> {
        Some(split(text)?.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

fn split(text: &str) -> Option<(KeyId, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
    let (id, rest) = bytes.split_first_chunk::<ID>()?;
    Some((KeyId(*id), rest.to_vec()))
}

/// Seals and opens what belongs to one subject.
pub struct SubjectKey {
    id: KeyId,
    cipher: Aes256GcmSiv,
    nonces: Keyring,
}

impl SubjectKey {
    pub(crate) fn new(id: KeyId, key: &[u8; 32]) -> Self {
        Self {
            id,
            cipher: Aes256GcmSiv::new(key.into()),
            nonces: Keyring::new(0, *key),
        }
    }

    /// Whose key it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The cipher text of a text; one that this key sealed already stays as it is.
    pub fn seal(&self, text: &str) -> String {
        if self.open(text).is_some() {
            return text.to_owned();
        }
        let tag = self.nonces.tag("sealing nonce", &[text.as_bytes()]);
        let nonce: [u8; NONCE] = tag[..NONCE].try_into().expect("a tag has 32 bytes");
        let payload = Payload {
            msg: text.as_bytes(),
            aad: &self.id.0,
        };
        let sealed = self
            .cipher
            .encrypt(&nonce.into(), payload)
            .expect("a text is shorter than 64 GiB");
        let bytes = [&self.id.0[..], &nonce, &sealed].concat();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text that this key sealed; `None` for anything else.
    pub fn open(&self, text: &str) -> Option<String> {
        let (id, bytes) = split(text)?;
        if id != self.id {
            return None;
        }
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: &self.id.0,
        };
        let opened = self.cipher.decrypt(&(*nonce).into(), payload).ok()?;
        String::from_utf8(opened).ok()
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(subject: &str, byte: u8) -> SubjectKey {
        let secret = Keyring::new(1, *b"a secret of thirty-two bytes....");
        SubjectKey::new(KeyId::of(&secret, subject), &[byte; 32])
    }

    #[test]
    fn a_text_opens_under_its_own_key_only() {
        let ours = key("user/1", 1);
        let sealed = ours.seal("meera@example.org");
        assert!(sealed.starts_with(PREFIX) && !sealed.contains("meera"));
        assert_eq!(ours.open(&sealed).as_deref(), Some("meera@example.org"));
        assert_eq!(KeyId::of_sealed(&sealed), Some(ours.id()));
        for other in [key("user/2", 1), key("user/1", 2)] {
            assert_eq!(other.open(&sealed), None);
        }
        // A byte that differs anywhere opens nothing.
        let changed = format!("{}A", &sealed[..sealed.len() - 1]);
        assert!(changed == sealed || ours.open(&changed).is_none());
        for none in ["", "sealed:1:", "sealed:1:??", "meera@example.org"] {
            assert_eq!((ours.open(none), KeyId::of_sealed(none)), (None, None));
        }
    }

    #[test]
    fn the_same_text_is_the_same_cipher_text_and_sealing_twice_changes_nothing() {
        let ours = key("user/1", 1);
        let sealed = ours.seal("9845012367");
        assert_eq!(ours.seal("9845012367"), sealed);
        assert_eq!(ours.seal(&sealed), sealed);
        assert_ne!(ours.seal("9845012368"), sealed);
        assert_eq!(ours.open(&ours.seal("")).as_deref(), Some(""));
    }
}
