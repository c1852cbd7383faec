//! Signing keys as a list in a text: a line for each, `ID:BASE64 of 32 bytes`, and the word `secret`
//! for the deployment's secret itself. The first signs, the others verify.

use super::{Keyring, NamedKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::sync::{Arc, PoisonError};

/// The word for the deployment's secret.
const SECRET: &str = "secret";

/// Signing keys that cannot be read. It never shows them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the signing keys {why}: each is `ID:` and 32 bytes in base64, or `secret`, and the first signs"
)]
pub struct BadSigningKeys {
    line: usize,
    why: &'static str,
}

impl Keyring {
    /// Goes by these keys from now on, in all clones. If they cannot be read, nothing changes.
    pub fn list_signing_keys(&self, text: &str) -> Result<(), BadSigningKeys> {
        let mut keys: Vec<Arc<NamedKey>> = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bad = |why| BadSigningKeys { line: n + 1, why };
            let key = if line == SECRET {
                self.secret.clone()
            } else {
                let key = read_key(line).map_err(bad)?;
                if key.id() == self.id() {
                    return Err(bad("has the name of the secret"));
                }
                Arc::new(key)
            };
            if keys.iter().any(|known| known.id() == key.id()) {
                return Err(bad("has a name that is taken"));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            let why = "is missing";
            return Err(BadSigningKeys { line: 1, why });
        }
        let mut signing = self.signing.write().unwrap_or_else(PoisonError::into_inner);
        *signing = keys.into();
        Ok(())
    }
}

fn read_key(line: &str) -> Result<NamedKey, &'static str> {
    let (id, key) = line.split_once(':').ok_or("has no name")?;
    let id = id.trim().parse().map_err(|_| "has no number up to 255")?;
    let key = STANDARD.decode(key.trim()).map_err(|_| "is not base64")?;
    if key.len() == 32 {
        Ok(NamedKey::new(id, key))
    } else {
        Err("has not 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::new(1, *b"a secret of thirty-two bytes....")
    }

    fn line(id: u8) -> String {
        format!("{id}:{}\n", STANDARD.encode([id; 32]))
    }

    /// What the key that signs now makes of a text.
    fn signed(keys: &Keyring) -> (u8, [u8; 32]) {
        let key = keys.signer();
        (key.id(), key.tag("test", &[b"text"]))
    }

    fn is_believed(keys: &Keyring, (id, tag): (u8, [u8; 32])) -> bool {
        let key = keys.signing_key(id);
        key.is_some_and(|key| key.verify("test", &[b"text"], &tag))
    }

    #[test]
    fn what_an_older_key_signed_is_believed_until_it_is_dropped() {
        let keys = keyring();
        let gateway = keys.clone();
        let first = signed(&gateway);
        keys.list_signing_keys(&format!("secret\n{}", line(2)))
            .unwrap();
        assert_eq!(signed(&gateway), first);
        keys.list_signing_keys(&format!("# newest\n{}secret\n", line(2)))
            .unwrap();
        let second = signed(&gateway);
        assert_eq!((first.0, second.0), (1, 2));
        assert!(is_believed(&gateway, first) && is_believed(&gateway, second));
        let listed = gateway.listed();
        assert!(gateway.is_listed(&listed));
        keys.list_signing_keys(&line(2)).unwrap();
        assert!(!gateway.is_listed(&listed));
        assert!(!is_believed(&gateway, first) && is_believed(&gateway, second));
    }

    #[test]
    fn what_must_stay_the_same_follows_from_the_secret() {
        let keys = keyring();
        let before = keys.tag("name", &[b"meera"]);
        keys.list_signing_keys(&line(2)).unwrap();
        assert_eq!((keys.tag("name", &[b"meera"]), keys.id()), (before, 1));
        assert!(keys.verify("name", &[b"meera"], &before));
    }

    #[test]
    fn a_list_that_cannot_be_read_says_where_and_changes_nothing() {
        let keys = keyring();
        let short = format!("2:{}", STANDARD.encode([1; 16]));
        let cases = [
            (String::new(), "line 1 of the signing keys is missing"),
            ("abc".to_owned(), "line 1 of the signing keys has no name"),
            (
                "256:AAAA".to_owned(),
                "line 1 of the signing keys has no number up to 255",
            ),
            ("2:&".to_owned(), "line 1 of the signing keys is not base64"),
            (short, "line 1 of the signing keys has not 32 bytes"),
            (
                line(1),
                "line 1 of the signing keys has the name of the secret",
            ),
            (
                line(2).repeat(2),
                "line 2 of the signing keys has a name that is taken",
            ),
        ];
        for (text, said) in cases {
            let error = keys.list_signing_keys(&text).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
            assert_eq!(keys.signer().id(), 1);
        }
        assert_eq!(
            format!("{keys:?} {:?}", keys.signer()),
            "Keyring(1) NamedKey(1)"
        );
    }
}
