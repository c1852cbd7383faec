//! One subject's key: texts to cipher texts and back. AES-256-GCM-SIV with a nonce that derives from
//! the text and its place, so that the same text in the same place is the same cipher text under the
//! same key: repeats and comparisons of one subject's values stay what they were, and no randomness
//! is needed to plan. A cipher text opens in its own place alone.

use aes_gcm_siv::{
    Aes256GcmSiv, KeyInit,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use event_schema::signing::Keyring;
use std::{fmt, sync::Arc};

/// What every sealed text begins with.
pub(crate) const PREFIX: &str = "sealed:1:";
const ID: usize = 12;
const NONCE: usize = 12;
const TAG: usize = 16;

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
        Some(split_sealed(text)?.0)
    }

    /// Is the whole text one that the key of this name may have sealed?
    pub fn has_sealed(self, text: &str) -> bool {
        split_sealed(text).is_some_and(|(id, rest)| id == self && rest.len() >= NONCE + TAG)
    }
}

/// Where a text stands: a table's column, a document's field, a request's member.
#[derive(Clone, Copy, Debug)]
pub struct ValuePlace<'a> {
    /// `table`, `document`, `request`, or whatever else is sealed as a whole.
    pub kind: &'a str,
    /// The table, collection or operation.
    pub within: &'a str,
    /// The column or the path.
    pub field: &'a str,
}

impl<'a> ValuePlace<'a> {
    pub fn of_column(table: &'a str, column: &'a str) -> Self {
        Self {
            kind: "table",
            within: table,
            field: column,
        }
    }

    /// Unambiguous, together with the subject.
    fn bytes(&self, id: KeyId) -> Vec<u8> {
        let mut bytes = id.0.to_vec();
        for part in [self.kind, self.within, self.field] {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

fn split_sealed(text: &str) -> Option<(KeyId, Vec<u8>)> {
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
    /// Cipher and nonces have keys of their own, each derived from the subject's.
    pub(crate) fn new(id: KeyId, key: &[u8; 32]) -> Self {
        let root = Keyring::new(0, *key);
        let cipher = root.tag("sealing cipher key", &[&id.0]);
        let nonces = root.tag("sealing nonce key", &[&id.0]);
        Self {
            id,
            cipher: Aes256GcmSiv::new(&cipher.into()),
            nonces: Keyring::new(0, nonces),
        }
    }

    /// Whose key it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The cipher text of a text, whatever it looks like.
    pub fn seal(&self, place: ValuePlace<'_>, text: &str) -> String {
        let aad = place.bytes(self.id);
        let tag = self.nonces.tag("sealing nonce", &[&aad, text.as_bytes()]);
        let nonce: [u8; NONCE] = tag[..NONCE].try_into().expect("a tag has 32 bytes");
        let payload = Payload {
            msg: text.as_bytes(),
            aad: &aad,
        };
        let sealed = self
            .cipher
            .encrypt(&nonce.into(), payload)
            .expect("a text is shorter than 64 GiB");
        let bytes = [&self.id.0[..], &nonce, &sealed].concat();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text that this key sealed in this place; `None` for anything else.
    pub fn open(&self, place: ValuePlace<'_>, text: &str) -> Option<String> {
        let (id, bytes) = split_sealed(text)?;
        if id != self.id {
            return None;
        }
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: &place.bytes(self.id),
        };
        let opened = self.cipher.decrypt(&(*nonce).into(), payload).ok()?;
        String::from_utf8(opened).ok()
    }
}

/// A subject, and its key as far as there is one.
#[derive(Clone, Debug)]
pub struct SubjectAccess {
    pub id: KeyId,
    /// `None`: nothing was sealed for it, or it was erased.
    pub key: Option<Arc<SubjectKey>>,
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

    const EMAIL: ValuePlace<'_> = ValuePlace {
        kind: "table",
        within: "user",
        field: "email",
    };

    #[test]
    fn a_text_opens_under_its_own_key_only() {
        let ours = key("user/1", 1);
        let sealed = ours.seal(EMAIL, "meera@example.org");
        assert!(sealed.starts_with(PREFIX) && !sealed.contains("meera"));
        assert_eq!(
            ours.open(EMAIL, &sealed).as_deref(),
            Some("meera@example.org")
        );
        assert_eq!(KeyId::of_sealed(&sealed), Some(ours.id()));
        for other in [key("user/2", 1), key("user/1", 2)] {
            assert_eq!(other.open(EMAIL, &sealed), None);
        }
        // A byte that differs anywhere opens nothing.
        let changed = format!("{}A", &sealed[..sealed.len() - 1]);
        assert!(changed == sealed || ours.open(EMAIL, &changed).is_none());
        for none in ["", "sealed:1:", "sealed:1:??", "meera@example.org"] {
            assert_eq!(
                (ours.open(EMAIL, none), KeyId::of_sealed(none)),
                (None, None)
            );
        }
    }

    #[test]
    fn a_cipher_text_opens_in_its_own_place_only() {
        let ours = key("user/1", 1);
        let sealed = ours.seal(EMAIL, "meera@example.org");
        let other = |kind, within, field| ValuePlace {
            kind,
            within,
            field,
        };
        for place in [
            other("document", "user", "email"),
            other("table", "usere", "mail"),
            other("table", "user", "phone"),
        ] {
            assert_eq!(ours.open(place, &sealed), None, "{place:?}");
            assert_ne!(ours.seal(place, "meera@example.org"), sealed, "{place:?}");
        }
    }

    #[test]
    fn the_same_text_in_the_same_place_is_the_same_cipher_text() {
        let ours = key("user/1", 1);
        let sealed = ours.seal(EMAIL, "9845012367");
        assert_eq!(ours.seal(EMAIL, "9845012367"), sealed);
        assert_ne!(ours.seal(EMAIL, "9845012368"), sealed);
        let empty = ours.seal(EMAIL, "");
        assert_eq!(ours.open(EMAIL, &empty).as_deref(), Some(""));
    }

    #[test]
    fn only_a_whole_sealed_text_of_the_subject_is_taken_for_one() {
        let (ours, other) = (key("user/1", 1), key("user/2", 2));
        let sealed = ours.seal(EMAIL, "");
        assert!(ours.id().has_sealed(&sealed));
        assert!(!ours.id().has_sealed(&other.seal(EMAIL, "x")));
        let named = format!("{PREFIX}{}", ours.id());
        let longer = format!("{sealed} meera@example.org");
        for none in [PREFIX, "meera@example.org sealed:1:", &named, &longer] {
            assert!(!ours.id().has_sealed(none), "{none}");
        }
    }
}
