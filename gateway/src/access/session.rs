//! The text of a session: `kauth-` and a JWT signed with HS256 by the deployment's keyring. Clients
//! read its middle part with the plain alphabet of base64, so it holds nothing whose encoding needs
//! the two letters in which the alphabets differ. It must never be logged.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use event_schema::signing::{Keyring, NamedKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) const PREFIX: &str = "kauth-";
/// No session is honoured for longer, milliseconds.
pub(crate) const LONGEST_MS: i64 = 365 * 24 * 60 * 60 * 1000;
const PURPOSE: &str = "session";
/// No session is longer, characters.
const LONGEST: usize = 4096;

/// What a token of a session says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserSession {
    #[serde(rename = "_id")]
    pub kuid: String,
    /// Unix seconds.
    pub exp: i64,
    pub iat: i64,
    /// Of this token.
    pub jti: String,
    /// Of all tokens that were refreshed into each other.
    pub sid: String,
    /// What the user's sessions were when it began: it ends when that changes.
    #[serde(rename = "ses")]
    pub sessions: String,
    #[serde(rename = "ten")]
    pub tenant: String,
    /// Of a principal who logged in by another issuer.
    #[serde(rename = "iss", default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Box<IssuedPrincipal>>,
}

/// What another issuer said of a principal when the session began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IssuedPrincipal {
    /// Those that the issuer's table named then; what they give is looked up each time.
    pub groups: Vec<String>,
    pub attributes: Map<String, Value>,
}

/// Only what is made here is taken: one algorithm, one kind.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHead {
    alg: String,
    typ: String,
    kid: u8,
}

fn token_head(key: &NamedKey) -> TokenHead {
    TokenHead {
        alg: "HS256".into(),
        typ: "JWT".into(),
        kid: key.id(),
    }
}

/// JSON in ASCII, without the characters that would need `-` or `_`.
pub(super) fn plain_json<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).expect("claims are plain JSON");
    let mut plain = String::with_capacity(json.len());
    for unit in json.encode_utf16() {
        match char::from_u32(u32::from(unit)) {
            Some(plain_one)
                if plain_one.is_ascii() && !matches!(plain_one, '>' | '?' | '~' | '\x7f') =>
            {
                plain.push(plain_one);
            }
            Some(_) | None => plain.push_str(&format!("\\u{unit:04x}")),
        }
    }
    plain
}

impl UserSession {
    pub(crate) fn sign(&self, keys: &Keyring) -> String {
        let key = keys.signer();
        let encoded =
            [plain_json(&token_head(&key)), plain_json(self)].map(|part| BASE64.encode(part));
        let signed = encoded.join(".");
        let tag = key.hs256(PURPOSE, signed.as_bytes());
        format!("{PREFIX}{signed}.{}", BASE64.encode(tag))
    }

    /// Reads and verifies; whether it has ended is asked elsewhere.
    pub(crate) fn read(text: &str, keys: &Keyring) -> Option<Self> {
        let token = text
            .strip_prefix(PREFIX)
            .filter(|token| token.len() <= LONGEST)?;
        let (signed, tag) = token.rsplit_once('.')?;
        let tag = BASE64.decode(tag).ok()?;
        let (first, second) = signed.split_once('.')?;
        let decoded = |part: &str| BASE64.decode(part).ok();
        // The head only says which key is to be tried.
        let found: TokenHead = serde_json::from_slice(&decoded(first)?).ok()?;
        let key = keys.signing_key(found.kid)?;
        if !key.verify_hs256(PURPOSE, signed.as_bytes(), &tag) {
            return None;
        }
        let session: Self = serde_json::from_slice(&decoded(second)?).ok()?;
        (found == token_head(&key) && session.tenant == super::TENANT).then_some(session)
    }

    /// Is it short enough to be read again?
    pub(crate) fn fits(token: &str) -> bool {
        token.len() <= PREFIX.len() + LONGEST
    }

    /// Is it past its time?
    pub(crate) fn is_over(&self, now: i64) -> bool {
        now >= self.exp.saturating_mul(1000)
    }
}

#[cfg(test)]
mod tests;
