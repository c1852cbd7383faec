//! Master keys: they wrap the keys of subjects and nothing else. The first of a list wraps; the
//! others open what they wrapped before, until rotation has been through.

use crate::cipher::KeyId;
use aes_gcm_siv::{
    Aes256GcmSiv, KeyInit,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use event_schema::signing::Keyring;
use std::{fmt, sync::Arc};

struct MasterKey {
    name: String,
    cipher: Aes256GcmSiv,
}

/// The master keys of a deployment. All gateways and workers hold the same.
#[derive(Clone)]
pub struct MasterKeys(Arc<[MasterKey]>);

/// Master keys that cannot be read. It never shows them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the master keys {why}: each is `name:` and 32 bytes in base64, the newest first"
)]
pub struct BadMasterKey {
    line: usize,
    why: &'static str,
}

impl MasterKeys {
    /// The one that follows from the deployment's secret, where no other is given.
    pub fn derived(secret: &Keyring) -> Self {
        let key = secret.tag("sealing master", &[]);
        Self([master_key("derived", &key)].into())
    }

    /// `name:base64` on each line, the newest first; the derived one opens what it wrapped before
    /// any was given.
    pub fn parse(text: &str, secret: &Keyring) -> Result<Self, BadMasterKey> {
        let mut keys = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |why| BadMasterKey { line: n + 1, why };
            let (name, key) = line.split_once(':').ok_or(bad("has no name"))?;
            let key = STANDARD
                .decode(key.trim())
                .map_err(|_| bad("is not base64"))?;
            let key: [u8; 32] = key.try_into().map_err(|_| bad("has not 32 bytes"))?;
            if keys.iter().any(|known: &MasterKey| known.name == name) || name == "derived" {
                return Err(bad("has a name that is taken"));
            }
            keys.push(master_key(name, &key));
        }
        if keys.is_empty() {
            let why = "is missing";
            return Err(BadMasterKey { line: 1, why });
        }
        keys.push(master_key("derived", &secret.tag("sealing master", &[])));
        Ok(Self(keys.into()))
    }

    /// The name of the one that wraps.
    pub fn current(&self) -> &str {
        self.0.first().map_or("", |key| &key.name)
    }

    /// Wraps a subject's key: the name of the master key, and the bytes.
    pub(crate) fn wrap(&self, id: KeyId, key: &[u8; 32], nonce: [u8; 12]) -> (String, Vec<u8>) {
        let master = self.0.first().expect("there is always one");
        let payload = Payload {
            msg: key,
            aad: &id.0,
        };
        let sealed = master
            .cipher
            .encrypt(&nonce.into(), payload)
            .expect("a key is short");
        (master.name.clone(), [&nonce[..], &sealed].concat())
    }

    /// The key in it; `None` if the master key is not held, or it is damaged.
    pub(crate) fn unwrap(&self, id: KeyId, name: &str, bytes: &[u8]) -> Option<[u8; 32]> {
        let master = self.0.iter().find(|master| master.name == name)?;
        let (nonce, sealed) = bytes.split_first_chunk::<12>()?;
        let payload = Payload {
            msg: sealed,
            aad: &id.0,
        };
        let key = master.cipher.decrypt(&(*nonce).into(), payload).ok()?;
        key.try_into().ok()
    }
}

fn master_key(name: &str, key: &[u8; 32]) -> MasterKey {
    MasterKey {
        name: name.to_owned(),
        cipher: Aes256GcmSiv::new(key.into()),
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|key| &*key.name).collect();
        write!(f, "MasterKeys({names:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Keyring {
        Keyring::new(1, *b"a secret of thirty-two bytes....")
    }

    #[test]
    fn what_an_older_master_key_wrapped_opens_until_it_is_dropped() {
        let (old, new) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
        let id = KeyId::of(&secret(), "user/1");
        let before = MasterKeys::parse(&format!("a:{old}\n"), &secret()).unwrap();
        let (name, wrapped) = before.wrap(id, &[7; 32], [3; 12]);
        let both = MasterKeys::parse(&format!("# newest\nb:{new}\na:{old}\n"), &secret()).unwrap();
        assert_eq!((both.current(), name.as_str()), ("b", "a"));
        assert_eq!(both.unwrap(id, &name, &wrapped), Some([7; 32]));
        let after = MasterKeys::parse(&format!("b:{new}"), &secret()).unwrap();
        assert_eq!(after.unwrap(id, &name, &wrapped), None);
        let other = KeyId::of(&secret(), "user/2");
        assert_eq!(both.unwrap(other, &name, &wrapped), None);
        assert_eq!(format!("{both:?}"), r#"MasterKeys(["b", "a", "derived"])"#);
    }

    #[test]
    fn a_list_that_cannot_be_read_says_where() {
        let short = format!("a:{}", STANDARD.encode([1; 16]));
        let twice = format!("a:{0}\na:{0}", STANDARD.encode([1; 32]));
        let cases = [
            ("", "line 1 of the master keys is missing"),
            ("abc", "line 1 of the master keys has no name"),
            ("a:&", "line 1 of the master keys is not base64"),
            (&*short, "line 1 of the master keys has not 32 bytes"),
            (
                &*twice,
                "line 2 of the master keys has a name that is taken",
            ),
        ];
        for (text, expected) in cases {
            let error = MasterKeys::parse(text, &secret()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
