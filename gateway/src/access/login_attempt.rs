//! An attempt to log in by another issuer: what a browser keeps while it is there, in a cookie or by
//! its page. It is of this deployment, for one strategy and for some minutes; all secrets of the
//! attempt follow from it by the deployment's secret, so no gateway keeps anything and whoever has
//! it alone knows none of them. It must never be logged. See ADR 35.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use bearer_tokens::AttemptSecrets;
use event_schema::signing::Keyring;
use runtime::random;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// For as long somebody may be at the issuer, seconds.
pub(crate) const LASTS_SECONDS: i64 = 600;
const PURPOSE: &str = "login-attempt";

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginAttempt {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Unix seconds.
    until: i64,
}

impl LoginAttempt {
    /// `now`: Unix milliseconds.
    pub(crate) fn begin(now: i64) -> Self {
        Self {
            id: format!("{:032x}", random::<u128>()),
            until: now / 1000 + LASTS_SECONDS,
        }
    }

    /// What the browser keeps.
    pub(crate) fn sign(&self, strategy: &str, keys: &Keyring) -> String {
        let until = self.until.to_le_bytes();
        let parts = [strategy.as_bytes(), self.id.as_bytes(), &until];
        let tag = BASE64.encode(keys.tag(PURPOSE, &parts));
        format!("{}.{}.{tag}", self.until, self.id)
    }

    /// The attempt of this text, if it was begun here by this strategy and is not too old.
    pub(crate) fn read(text: &str, strategy: &str, keys: &Keyring, now: i64) -> Option<Self> {
        let (until, rest) = text.split_once('.')?;
        let (id, _) = rest.split_once('.')?;
        let attempt = Self {
            id: id.to_owned(),
            until: until.parse().ok()?,
        };
        let is_genuine = attempt
            .sign(strategy, keys)
            .as_bytes()
            .ct_eq(text.as_bytes());
        let is_young = now / 1000 < attempt.until;
        (bool::from(is_genuine) && is_young).then_some(attempt)
    }

    /// Each by a purpose of its own: none tells another, nor the id.
    pub(crate) fn secrets(&self, strategy: &str, keys: &Keyring) -> AttemptSecrets {
        let until = self.until.to_le_bytes();
        let parts = [strategy.as_bytes(), self.id.as_bytes(), &until];
        let secret = |purpose| BASE64.encode(keys.tag(purpose, &parts));
        AttemptSecrets {
            state: secret("login-attempt state"),
            nonce: secret("login-attempt nonce"),
            verifier: Zeroizing::new(secret("login-attempt verifier")),
        }
    }
}

/// In a time that says nothing of where they differ.
pub(crate) fn is_same_text(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_900_000_000_000;

    fn keys() -> Keyring {
        Keyring::new(1, *b"0123456789abcdef0123456789abcdef")
    }

    #[test]
    fn an_attempt_is_read_by_its_strategy_in_its_time_and_unchanged() {
        let keys = keys();
        let attempt = LoginAttempt::begin(NOW);
        let text = attempt.sign("corporate", &keys);
        let read = |text: &str, strategy: &str, now| LoginAttempt::read(text, strategy, &keys, now);
        assert_eq!(read(&text, "corporate", NOW), Some(attempt.clone()));
        assert_eq!(read(&text, "corporate", NOW + 599_000), Some(attempt));
        assert_eq!(read(&text, "corporate", NOW + 600_000), None);
        assert_eq!(read(&text, "other", NOW), None);
        let others = Keyring::new(1, *b"another secret of 32 bytes......");
        assert_eq!(LoginAttempt::read(&text, "corporate", &others, NOW), None);
        for place in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(read(&changed, "corporate", NOW), None, "{place}");
        }
        for text in ["", ".", "..", "1900000600.x.y"] {
            assert_eq!(read(text, "corporate", NOW), None);
        }
    }

    #[test]
    fn secrets_are_of_one_attempt_and_of_each_use() {
        let keys = keys();
        let (one, other) = (LoginAttempt::begin(NOW), LoginAttempt::begin(NOW));
        let all = [
            one.secrets("a", &keys),
            one.secrets("b", &keys),
            other.secrets("a", &keys),
        ];
        let mut texts: Vec<String> = all
            .into_iter()
            .flat_map(|of| [of.state, of.nonce, of.verifier.to_string()])
            .collect();
        assert!(texts.iter().all(|text| text.len() == 43));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), 9);
    }
}
